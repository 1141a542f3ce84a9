# SPDX-License-Identifier: ISC
"""The examples of stockade-list-format(5): each is a file and what it answers, as the page says it, ours and the real
rbldnsd."""
import ipaddress
import re

import dns.rdatatype
import pytest

from harness.rbldnsd import Rbldnsd
from test_rbl_data import ask_ours, rbl_ask  # noqa: F401  (a fixture)

EXAMPLE = re.compile(r'^\.\\" example (\w+)\n\.Bd[^\n]*\n(.*?)\n\.Ed\n.*?^\.\\" says\n\.Bd[^\n]*\n(.*?)\n\.Ed\n', re.S | re.M)


def examples(root):
    page = (root / "man" / "stockade-list-format.5").read_text(encoding="utf-8")
    found = EXAMPLE.findall(page)
    assert len(found) == page.count('\n.\\" example ')
    return found


def question(name):
    """An address of the page as the name that is asked."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    if address.version == 4:
        return ".".join(reversed(name.split(".")))
    return ".".join(reversed(address.exploded.replace(":", "")))


def expected(line):
    """'192.0.2.1  127.0.0.2 127.0.0.3  words': (name, the A records, the texts)."""
    name, *said = re.split(r" {2,}", line)
    if said == ["not listed"]:
        return name, [], []
    return name, sorted(said[0].split(" ")), said[1:]


def said_by_us(records):
    return (sorted(".".join(str(octet) for octet in bytes.fromhex(rdata)) for rrtype, _, rdata in records if rrtype == "A"),
            [bytes.fromhex(rdata)[1:].decode() for rrtype, _, rdata in records if rrtype == "TXT"])


def said_by_rbldnsd(answer):
    items = [(rrset.rdtype, item) for rrset in answer.answer for item in rrset]
    return (sorted(item.address for rrtype, item in items if rrtype == dns.rdatatype.A),
            [item.strings[0].decode() for rrtype, item in items if rrtype == dns.rdatatype.TXT])


def test_the_page_has_an_example_of_every_type(root):
    kinds = {kind for kind, _, _ in examples(root)}
    assert kinds == {"ip4set", "ip4tset", "ip4trie", "ip6tset", "ip6trie", "dnset", "generic", "combined"}


@pytest.mark.parametrize("number", range(10))
def test_an_example(root, rbl_ask, number):  # noqa: F811
    assert len(examples(root)) == 10
    kind, text, says = examples(root)[number]
    text = text.replace("\\&", "") + "\n"
    lines = [expected(line) for line in says.replace("\\&", "").split("\n")]
    with Rbldnsd({"data": text}, f"z.test:{kind}:data") as real:
        notes, ours = ask_ours(rbl_ask, kind, [real.files["data"]], [question(name) for name, _, _ in lines])
        complaints = [note for note in notes.splitlines()[:-1] if "duplicated entry" not in note]  # the last is the summary
        assert complaints == []
        for (name, addresses, texts), (_, records) in zip(lines, ours):
            assert said_by_us(records) == (addresses, texts), name
            assert said_by_rbldnsd(real.ask(f"{question(name)}.z.test")) == (addresses, texts), name
