# SPDX-License-Identifier: ISC
"""`list import` and `list export` with files of rbldnsd; what is exported is served by the real one and compared with what
our DNS role answers."""
import gzip
import ipaddress
import json
import random
import re

import dns.message
import dns.query
import dns.rdatatype
import pytest

from harness.rbldnsd import Rbldnsd
from harness.waiting import wait_for

MAIN = "bl.example.test"
NAMES = "dbl.example.test"


@pytest.fixture
def rich(site):
    """A list with two sublists, a keeper and a dns role."""
    site.conf["own"]["networks"] = ["192.0.2.0/24"]
    site.conf["lists"]["main"]["sublists"] = {
        "manual": {"code": "127.0.0.8", "policy": "by-hand"}, "traps": {"code": "127.0.0.3", "policy": "by-hand"}}
    site.conf["lists"]["main"]["never"] = ["special-use", "own"]
    site.start("keeper")
    return site


def write(site, text, name="data"):
    path = site.path(name)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def imported(site, text, *options, kind="ip4set", to="main", **more):
    path = write(site, text)
    return path, site.cli("list", "import", path, "--list", to, "--format", kind, "--reason", "an old list", *options, **more)


def listings(site, name="main"):
    """{(source, sublist, listed?): reason}"""
    lines = site.cli("list", "ls", name, "--json").stdout.splitlines()
    return {(entry["source"], entry["sublist"], not entry["excluded"]): entry["reason"] for entry in map(json.loads, lines)}


# ---- import ----

def test_codes_choose_sublists_and_texts_are_reasons(rich):
    imported(rich, """\
# an old list
$SOA 0 ns.example. hostmaster.example. 0 1h 1h 1w 1h
$1 spam
:127.0.0.3:seen at our traps
198.51.100.1
198.51.100.0/28
203.0.113.4-203.0.113.9 :8:reported for $1
203.0.113.200 :8:see https://bl.example/$
!198.51.100.2
""")
    assert listings(rich) == {
        ("198.51.100.1", "traps", True): "seen at our traps",
        ("198.51.100.0/28", "traps", True): "seen at our traps",
        ("203.0.113.4/30", "manual", True): "reported for spam",
        ("203.0.113.8/31", "manual", True): "reported for spam",
        ("203.0.113.200", "manual", True): "an old list",
        ("198.51.100.2", "traps", False): "an old list",
        ("198.51.100.2", "manual", False): "an old list",
    }
    assert rich.json("lookup", "198.51.100.2")["listed"] is False


def test_a_file_without_values_goes_to_the_sublist_for_entries_by_hand(rich):
    imported(rich, "198.51.100.1\n198.51.100.2\n")
    assert listings(rich) == {("198.51.100.1", "manual", True): "an old list", ("198.51.100.2", "manual", True): "an old list"}


def test_one_sublist_for_all(rich):
    imported(rich, "198.51.100.1 :127.0.0.99:why\n198.51.100.2\n", "--sublist", "traps", "--no-texts")
    assert listings(rich) == {("198.51.100.1", "traps", True): "an old list", ("198.51.100.2", "traps", True): "an old list"}


def test_exclusions_alone(rich):
    imported(rich, "!198.51.100.1\n", kind="ip4trie")
    imported(rich, "!198.51.100.2\n", "--sublist", "traps", kind="ip4trie")
    assert listings(rich) == {("198.51.100.1", "manual", False): "an old list", ("198.51.100.2", "traps", False): "an old list"}


def test_no_exclusion_is_left_out_for_want_of_room(rich):
    text = "".join(f"198.51.{n // 200}.{n % 200} :8:text {n}\n" for n in range(999)) + "!198.51.100.1\n"
    _, result = imported(rich, text, "--lenient", check=False)
    assert result.returncode != 0
    assert "leave no room for exclusions" in result.stderr
    assert listings(rich) == {}
    imported(rich, text, "--no-texts")
    assert ("198.51.100.1", "manual", False) in listings(rich)


@pytest.mark.parametrize("kind, text, sources", [
    ("ip4tset", ":8:x\n198.51.100.1\n198.51.100.2 whatever\n", {"198.51.100.1", "198.51.100.2"}),
    ("ip4trie", "198.51.100.0/25 :8\n198.51.101/24\n", {"198.51.100.0/25", "198.51.101.0/24"}),
    ("ip6tset", ":8:x\n2a00:1:2:3\n!2a00:1:2:3::5\n", {"2a00:1:2:3::/64", "2a00:1:2:3::5"}),
    ("ip6trie", ":8:x\n2a00:1::/32\n2a00:1:2::7\n", {"2a00:1::/32", "2a00:1:2::7"}),
])
def test_every_format_of_addresses(rich, kind, text, sources):
    imported(rich, text, "--sublist", "manual", kind=kind)
    assert {source for source, _, _ in listings(rich)} == sources


def test_names(rich):
    imported(rich, "Bad.example\n.worse.example\n*.worst.example\n!ok.worse.example\n", kind="dnset", to="names")
    assert set(listings(rich, "names")) == {
        ("bad.example", "manual", True), (".worse.example", "manual", True), (".worst.example", "manual", True),
        ("worst.example", "manual", False), ("ok.worse.example", "manual", False)}


BOMB = gzip.compress(b"198.51.100.1\n" * 100) + gzip.compress(bytes(1 << 20)) * 1025


@pytest.mark.parametrize("kind, text, places", [
    # one line that would list everybody
    ("ip4set", "198.51.100.1\n0.0.0.0/0\n", ["2:1: error: the length 0 is all addresses"]),
    ("ip4trie", "198.51.100.1\n 0/0\n", ["2:2: error: '0.0.0.0/0' is far too wide"]),
    ("ip6trie", "2a00::1\n::/0\n", ["2:1: error: '::/0' is far too wide"]),
    ("ip4set", "198.51.100.1\n127.0.0.0/8\n", ["2:1: error: '127.0.0.0/8' is or holds a special-use network"]),
    ("ip4set", "198.51.100.1\n192.0.2.25\n", ["2:1: error: '192.0.2.25' is or holds our own network"]),
    ("ip4set", "198.51.100.9-198.51.100.1\n", ["1:26: error: invalid address"]),
    ("ip4set", "198.51.100.1 :8:see %s\n", ["1:14: error: '%s' in the text is not replaced"]),
    ("ip4set", "$1 " + "x" * 250 + "\n198.51.100.1 :8:$1$\n", ["2:14: error: the text has more than 254 bytes"]),
    ("ip4set", BOMB, ["102:1: the compressed file holds more than 1073741824 bytes"]),
    # everything rbldnsd only warns of
    ("ip4set", "198.51.100.1\n198.51.100.7/24\nx\n", ["2:1: error: the address has bits", "3:1: error: invalid address"]),
    ("ip4set", "198.51.100.1 :127.0.0.77:x\n", ["1:14: error: no sublist of 'main' has the code 127.0.0.77"]),
    ("ip4set", "198.51.100.1\n198.51.100.2", ["2:13: error: the last line has no end"]),
    ("ip4set", "198.51.100.1 " + "x" * 300 + "\n", ["1:269: error: the text is cut"]),
    ("ip4set", "$TIMESTAMP 2005:01:01 +1d\n198.51.100.1\n", ["this data is over"]),
    ("ip4set", gzip.compress(b"198.51.100.1\n")[:-4], ["1:1: the compressed file is cut short"]),
], ids=["/0", "trie /0", "::/0", "127/8", "own MX", "inverted", "%s", "long text", "gzip bomb", "host bits", "code", "no newline",
        "long template", "expired", "cut gzip"])
def test_what_is_wrong_changes_nothing(rich, kind, text, places):
    rich.cli("list", "add", "198.51.100.200", "--list", "main", "--sublist", "manual", "--reason", "there before")
    path, result = imported(rich, text, kind=kind, check=False)
    assert result.returncode == 65, result.stderr
    for place in places:
        assert (path + (":" if place[0].isdigit() else "")) in result.stderr and place in result.stderr, result.stderr
    assert "nothing changed" in result.stderr
    assert set(listings(rich)) == {("198.51.100.200", "manual", True)}


def test_files_of_foreign_systems_are_read(rich):
    """CR LF, an editor's mark, octets behind the end of gzip's, keywords of version control in comments."""
    text = ("#$Id: list,v 1.3 2026/11/05 14:27:30 list Exp $\r\n#$ENT true\r\n"
            ":3:seen\r\n198.51.100.1\r\n198.51.100.2 :8:by hand\r\n")
    imported(rich, gzip.compress(b"\xef\xbb\xbf" + text.encode()) + bytes(5000))
    assert listings(rich) == {("198.51.100.1", "traps", True): "seen", ("198.51.100.2", "manual", True): "by hand"}
    rich.cli("list", "import", "-", "--list", "main", "--reason", "plain", input="\ufeff198.51.100.3\r\n198.51.100.4 7\r\n")
    assert {source for source, _, _ in listings(rich)} == {f"198.51.100.{n}" for n in (1, 2, 3, 4)}


def test_a_keyword_outside_of_a_comment_is_an_error(rich):
    _, result = imported(rich, "$ENT true\n198.51.100.1\n", check=False)
    assert result.returncode == 65 and ":1:2: error: unknown special entry" in result.stderr


def test_lenient_takes_the_others(rich):
    _, result = imported(rich, "198.51.100.1\n127.0.0.0/8\nnonsense\n198.51.100.2\n", "--lenient")
    assert result.stdout == "2 of 2 sources put on main; bad lines were skipped\n"
    assert {source for source, _, _ in listings(rich)} == {"198.51.100.1", "198.51.100.2"}


def test_a_format_that_cannot_be_meant(rich):
    assert "has none" in rich.cli("list", "import", "-", "--list", "main", "--format", "dnset", "--reason", "x",
                                  check=False, input="").stderr
    assert "--format is one of" in rich.cli("list", "import", "-", "--list", "main", "--format", "ip6set", "--reason", "x",
                                            check=False, input="").stderr


# ---- export ----

def add(site, *sources, to="main", sublist="manual", reason="spam run", more=()):
    site.cli("list", "add", *sources, "--list", to, "--sublist", sublist, "--reason", reason, "--yes", *more)


def exported(site, kind, *options, to="main"):
    return site.cli("list", "export", to, "--format", kind, *options).stdout


def answers_of(port, name, kind):
    answer = dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=port, timeout=5)
    return {(dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, item.to_text())
            for rrset in answer.answer for item in rrset}


def answers_alike(site, kind, text, zone, names):
    """Each name, asked of the real rbldnsd with the exported file and of our dns role."""
    site.start("dns")
    wait_for(lambda: answers_of(site.ports["dns"], ("2.0.0.127." if zone == MAIN else "test.") + zone, "A"), what="dns")
    with Rbldnsd({"list": text}, f"{zone}:{kind}:list") as real:
        for name in names:
            for rrtype in ("A", "TXT"):
                ours = answers_of(site.ports["dns"], f"{name}.{zone}", rrtype)
                assert answers_of(real.port, f"{name}.{zone}", rrtype) == ours, f"{name} {rrtype}\n{text}"
    assert "invalid" not in real.log and "warn" not in real.log, real.log


def v4(address):
    return ".".join(reversed(str(address).split(".")))


def v6(address):
    return ".".join(reversed(ipaddress.IPv6Address(str(address)).exploded.replace(":", "")))


def test_nested_and_excluded_addresses_are_served_alike(rich):
    rng = random.Random(3)
    add(rich, "198.51.0.0/16", "198.51.100.0/25", "203.0.113.7", "198.51.100.9", reason="costs $5 at 100%")
    add(rich, "198.51.100.0/24", "203.0.113.0/30", "203.0.113.7", sublist="traps", reason="trap hits")
    add(rich, "198.51.100.64/26", "198.51.100.9", "203.0.113.2", more=["--except"])
    add(rich, "2a00:1::/32", "2a00:2:3:4::/64")
    text = exported(rich, "ip4set")
    assert "198.51.100.0/24" not in text  # painted: what is written does not overlap
    names = ["2.0.0.127", "8.0.0.127", "3.0.0.127", "1.0.0.127", "0.51.198", "4.0.0.127"]
    names += [v4(f"198.51.100.{i}") for i in range(0, 256, 3)] + [v4(f"203.0.113.{i}") for i in range(12)]
    names += [v4(f"198.51.{rng.randrange(256)}.{rng.randrange(256)}") for _ in range(40)] + [v4("198.52.0.0"), v4("198.50.255.255")]
    answers_alike(rich, "ip4set", text, MAIN, [name for name in names if name.count(".") == 3])


@pytest.mark.parametrize("kind", ["ip4trie", "ip4set"])
def test_one_sublist_is_served_alike(rich, kind):
    add(rich, "198.51.100.0/24", "203.0.113.5", "203.0.113.6")
    add(rich, "198.51.100.77", "198.51.100.128/27", more=["--except"])
    add(rich, "198.51.100.130")
    names = [v4(f"198.51.100.{i}") for i in range(0, 256)] + [v4(f"203.0.113.{i}") for i in range(10)]
    answers_alike(rich, kind, exported(rich, kind), MAIN, names)


def test_single_addresses_in_the_trivial_format(rich):
    add(rich, "198.51.100.1", "198.51.100.2", "203.0.113.0/29")
    text = exported(rich, "ip4tset")
    assert "203.0.113.7\n" in text and "/" not in text.split("\n", 3)[3]
    answers_alike(rich, "ip4tset", text, MAIN, [v4(f"198.51.100.{i}") for i in range(4)] + [v4(f"203.0.113.{i}") for i in range(10)])


@pytest.mark.parametrize("kind", ["ip6trie", "ip6tset"])
def test_ipv6_is_served_alike(rich, kind):
    add(rich, "2a00:1:2:3::/64", "2a00:1:2:8::/62")
    add(rich, "2a00:1:2:3::5", "2a00:1:2:3::7", "2a00:1:2:8::", "2a00:1:2:b:ffff:ffff:ffff:ffff", more=["--except"])
    rich.conf["portal-url"] = "https://mail.example.test/why"
    text = exported(rich, kind)
    addresses = [f"2a00:1:2:{net}::{host:x}" for net in ("2", "3", "4", "7", "8", "9", "b", "c") for host in (0, 4, 5, 6, 7, 8)]
    addresses += ["2a00:1:2:b:ffff:ffff:ffff:ffff", "2a00:1:2:b:ffff:ffff:ffff:fffe", "2a00:1:2:3:8000::"]
    rich.start("dns")
    wait_for(lambda: answers_of(rich.ports["dns"], f"2.0.0.127.{MAIN}", "A"), what="dns")
    with Rbldnsd({"list": text}, f"{MAIN}:{kind}:list") as real:
        for address in addresses:
            name = f"{v6(address)}.{MAIN}"
            assert answers_of(real.port, name, "A") == answers_of(rich.ports["dns"], name, "A"), address


def test_names_are_served_alike(rich):
    add(rich, "bad.example", ".worse.example", ".b.worse.example", ".tail.test", to="names")
    add(rich, "ok.worse.example", ".c.worse.example", "a.tail.test", to="names", more=["--except"])
    add(rich, "in.c.worse.example", to="names", reason="again")
    names = ["bad.example", "x.bad.example", "worse.example", "x.worse.example", "ok.worse.example", "x.ok.worse.example",
             "b.worse.example", "x.b.worse.example", "c.worse.example", "y.c.worse.example", "in.c.worse.example",
             "x.in.c.worse.example", "tail.test", "a.tail.test", "x.a.tail.test", "b.tail.test", "example", "test", "invalid"]
    rich.start("dns")
    wait_for(lambda: answers_of(rich.ports["dns"], f"test.{NAMES}", "A"), what="dns")
    with Rbldnsd({"list": exported(rich, "dnset", to="names")}, f"{NAMES}:dnset:list") as real:
        for name in names:
            assert answers_of(real.port, f"{name}.{NAMES}", "A") == answers_of(
                rich.ports["dns"], f"{name}.{NAMES}", "A"), name


def test_an_export_is_imported_as_it_was(rich):
    add(rich, "198.51.100.0/24", "203.0.113.9", reason="one; two")
    add(rich, "198.51.100.9", more=["--except"])
    path = rich.path("exported")
    rich.cli("list", "export", "main", path, "--sublist", "manual")
    before = {address: rich.json("lookup", address, check=False)["listed"] for address in
              ["198.51.100.8", "198.51.100.9", "198.51.100.10", "203.0.113.9", "203.0.113.10"]}
    rich.cli("list", "rm", "198.51.100.0/24", "203.0.113.9", "198.51.100.9", "--list", "main", "--reason", "move")
    rich.cli("list", "import", path, "--list", "main", "--format", "ip4set", "--reason", "move")
    after = {address: rich.json("lookup", address, check=False)["listed"] for address in before}
    assert before == after


def test_an_export_has_all_of_a_long_list(rich):
    """More than an answer of the keeper holds, of both kinds, by import and one by one."""
    addresses = {f"11.{i // 32768}.{i // 128 % 256}.{2 * (i % 128)}" for i in range(33500)}
    names = {f"a{i}.example" for i in range(4500)}
    rich.cli("list", "import", write(rich, "".join(f"{a}\n" for a in addresses)), "--list", "main", "--reason", "many")
    rich.cli("list", "import", write(rich, "".join(f"{n}\n" for n in names)), "--list", "names", "--reason", "many")
    for number in range(3):
        add(rich, f"12.0.0.{2 * number}", reason=f"spam {number}")
        add(rich, f"b{number}.example", to="names", reason=f"spam {number}")
    lines = exported(rich, "ip4set").splitlines()
    assert {line.split()[0] for line in lines if line.startswith(("11.", "12."))} == addresses | {f"12.0.0.{2 * n}" for n in range(3)}
    assert sum("spam" in line for line in lines) == 3
    lines = exported(rich, "dnset", to="names").splitlines()
    assert {line.split()[0] for line in lines if line.split()[0].endswith(".example")} == names | {f"b{n}.example" for n in range(3)}


@pytest.mark.parametrize("kind, to, sources", [
    ("ip4trie", "main", ["198.51.100.0/24"]), ("ip6trie", "main", ["2a00:1::/32"]),
    ("dnset", "names", [".bad.example"])])
def test_test_entries_of_an_export_are_nothing_to_import(rich, kind, to, sources):
    add(rich, *sources, to=to)
    path = rich.path("exported")
    rich.cli("list", "export", to, path, "--format", kind)
    with open(path, encoding="ascii") as file:
        assert re.search(r"^(127\.|::ffff:7f|::ffff:127|\.?test\b|0:0:0:0:0:ffff:7f)", file.read(), re.M | re.I)
    asked = [source.lstrip(".").replace(".0/24", ".7").replace("::/32", "::7") for source in sources]
    rich.cli("delist", *sources, "--reason", "move")
    rich.cli("list", "import", path, "--list", to, "--format", kind, "--reason", "move")
    assert [rich.json("lookup", name, check=False)["listed"] for name in asked] == [True] * len(asked)
    assert rich.cli("lookup", "test").returncode == 0


def test_a_name_and_all_below_it_may_stand_in_two_lines(rich):
    """"*.x" says nothing of x: where x stands on its own it stays listed, in the sublist it was listed in."""
    imported(rich, "one.example :127.0.0.2:a\n*.one.example :127.0.0.2:b\n*.two.example :127.0.0.2:b\n", "--sublist", "manual",
             kind="dnset", to="names")
    listed = {name: rich.json("lookup", name, check=False)["listed"] for name in
              ("one.example", "www.one.example", "two.example", "www.two.example")}
    assert listed == {"one.example": True, "www.one.example": True, "two.example": False, "www.two.example": True}


def test_what_a_format_cannot_say_is_refused(rich):
    add(rich, "198.51.100.0/24", "2a00:1::/32")
    add(rich, "198.51.100.9", sublist="traps")
    path = write(rich, "what was there\n", "exported")
    for kind, words in (("ip4trie", "several answers"), ("ip4tset", "several answers"), ("ip6tset", "too many /64s"),
                        ("dnset", "has none")):
        result = rich.cli("list", "export", "main", path, "--format", kind, check=False)
        assert result.returncode != 0 and words in result.stderr, (kind, result.stderr)
    with open(path, encoding="ascii") as file:
        assert file.read() == "what was there\n"
    result = rich.cli("list", "export", "main", path)
    assert "left out: 1 range of IPv6; export with --format ip6trie" in result.stderr
    assert "no zone" in rich.cli("list", "export", "allow", check=False).stderr
