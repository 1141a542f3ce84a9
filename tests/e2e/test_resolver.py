# SPDX-License-Identifier: ISC
"""doc/resolver.md, with the resolvers that it is about: what their protection does to lists, and that what the page adds
lets lists through."""
import re

import dns.rcode
import pytest

from harness.nameserver import NameServer
from harness.resolvers import Bind, Dnsmasq, KnotResolver, PowerDns, Unbound
from harness.waiting import free_port, wait_for

THEIRS, OURS = "zen.example.net", "bl.example.org"
TEST_ENTRY = "2.0.0.127."
PROTECTED = {"Unbound": Unbound, "dnsmasq": Dnsmasq, "BIND": Bind, "Knot Resolver": KnotResolver}
ALL = PROTECTED | {"PowerDNS Recursor": PowerDns}


@pytest.fixture
def lists():
    """Their list and ours, on one server."""
    with NameServer(free_port()) as server:
        for zone in (THEIRS, OURS):
            server.dnsbl(zone)
            server.add(TEST_ENTRY + zone, "TXT", '"test entry"')
        yield server


def lines_of(root, heading, port):
    """The blocks below a heading of the page, one after the other with a blank line between."""
    page = (root / "doc" / "resolver.md").read_text(encoding="utf-8")
    section, = re.findall(rf"(?ms)^### {re.escape(heading)}\n(.*?)(?=^### |\Z)", page)
    blocks = re.findall(r"(?m)(?:^ {4}.*\n)+", section)
    assert blocks
    return "\n".join(re.sub(r"(?m)^ {4}", "", block) for block in blocks).replace("5353", str(port))


def ask(resolver, zone, rtype):
    response = resolver.ask(TEST_ENTRY + zone, rtype)
    return dns.rcode.to_text(response.rcode()), [str(rdata) for rrset in response.answer for rdata in rrset
                                                 if rrset.rdtype == dns.rdatatype.from_text(rtype)]


@pytest.mark.parametrize("name", PROTECTED)
def test_what_protection_does_to_a_list_is_said(site, lists, tmp_path, name):
    with PROTECTED[name](str(tmp_path), lists.port) as resolver:
        assert ask(resolver, THEIRS, "A") == (resolver.no_address, [])
        assert ask(resolver, THEIRS, "TXT") == ("NOERROR", ['"test entry"'])
        site.conf["run"]["resolver"] = resolver.address
        site.conf["dnsbl"] = [{"zone": THEIRS, "name": "Zen", "codes": "127.0.0.2", "action": "reject"}]
        site.start("keeper")
        gate = site.start("gate")
        wait_for(lambda: gate.events("resolver.filters"), what="the gate to see what the resolver does")

        def words():
            rows = site.json("status", check=False)["depends-on"]
            return next(row["words"] for row in rows if row["kind"] == "resolver")
        wait_for(lambda: "keeps 127.0.0.0/8 away" in words(), what="status to say so")


@pytest.mark.parametrize("name", ALL)
def test_the_page_lets_lists_through(root, lists, tmp_path, name):
    with ALL[name](str(tmp_path), lists.port, lines_of(root, name, lists.port)) as resolver:
        for zone in (THEIRS, OURS):
            assert ask(resolver, zone, "A") == ("NOERROR", ["127.0.0.2"]), zone
            assert ask(resolver, zone, "TXT") == ("NOERROR", ['"test entry"']), zone
