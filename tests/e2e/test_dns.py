# SPDX-License-Identifier: ISC
"""The dns role, asked by other people's programs: dnspython and dig, a real keeper behind it."""
import random
import shutil
import socket
import struct
import subprocess
import threading

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import pytest

from harness.waiting import wait_for

ZONE = "bl.example.test"
NAMES = "dbl.example.test"
HOST = "127.0.0.1"


class Dns:
    """A client of one server, by UDP and TCP."""

    def __init__(self, port):
        self.port = port

    def ask(self, name, kind="A", tcp=False, edns=0, payload=1232, options=None):
        """edns: the version, or False for none."""
        query = dns.message.make_query(name, kind)
        query.use_edns(edns=edns, payload=payload, options=options)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, HOST, port=self.port, timeout=5)

    def answers(self, name, kind="A", **options):
        return sorted(item.to_text() for rrset in self.ask(name, kind, **options).answer for item in rrset)

    def raw(self, octets, wait=0.3):
        """Sends a datagram as it is; what comes back within `wait` seconds, or None."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((HOST, self.port))
            client.settimeout(wait)
            client.send(octets)
            try:
                return client.recv(65535)
            except TimeoutError:
                return None

    def is_alive(self):
        return (self.answers(f"2.0.0.127.{ZONE}") == ["127.0.0.8"] and
                self.answers(f"2.0.0.127.{ZONE}", tcp=True) == ["127.0.0.8"])


def reverse(address, zone=ZONE):
    labels = dns.reversename.from_address(address).labels
    return dns.name.Name(labels[:-3] + dns.name.from_text(zone).labels)


@pytest.fixture
def served(site):
    """A keeper with some listings, and the dns role."""
    site.start("keeper")
    site.role = site.start("dns")
    site.dns = Dns(site.ports["dns"])
    site.cli("list", "add", "198.51.100.9", "203.0.113.0/24", "2001:db8:1:2::/64", "--list", "main",
             "--reason", "spam \"seen\"", "--for", "24h")
    site.cli("list", "add", "bad.example", ".evil.example", "--list", "names", "--reason", "phish")
    wait_for(lambda: site.dns.answers(f"bad.example.{NAMES}"), what="the listings in DNS")
    return site


def test_listings_answer_with_code_and_reason(served):
    client = served.dns
    assert client.answers(reverse("198.51.100.9")) == ["127.0.0.8"]
    assert client.answers(reverse("203.0.113.200"), tcp=True) == ["127.0.0.8"]
    assert client.answers(reverse("2001:db8:1:2::99")) == ["127.0.0.8"]
    assert client.answers(reverse("198.51.100.9", "manual." + ZONE)) == ["127.0.0.8"]
    assert client.answers(f"www.evil.example.{NAMES}") == ["127.0.1.2"]
    text = client.answers(reverse("198.51.100.9"), "TXT")
    assert text == ['"Listed: spam \\"seen\\"; https://mail.example.test/why/198.51.100.9"']
    assert client.ask(reverse("198.51.100.8")).rcode() == dns.rcode.NXDOMAIN
    assert client.ask(reverse("2001:db8:1:3::99")).rcode() == dns.rcode.NXDOMAIN


def test_answers_are_authoritative_and_echo_the_question(served):
    name = dns.name.from_text("9.100.51.198.BL.eXample.TEST")
    answer = served.dns.ask(name)
    assert answer.flags & dns.flags.AA and not answer.flags & dns.flags.RA
    assert answer.question[0].name.labels == name.labels
    assert answer.answer[0].name.labels == name.labels
    assert 1 <= answer.answer[0].ttl <= 300


def test_every_label_on_the_way_to_a_listing_exists(served):
    for address in ("198.51.100.9", "203.0.113.77", "2001:db8:1:2::1"):
        labels = reverse(address).labels
        for skip in range(1, len(labels) - 4):
            answer = served.dns.ask(dns.name.Name(labels[skip:]), "NS")
            assert answer.rcode() == dns.rcode.NOERROR, labels[skip:]
            assert answer.answer == [] and answer.authority[0].rdtype == dns.rdatatype.SOA


def test_apex(served):
    soa = served.dns.ask(ZONE, "SOA").answer[0][0]
    assert soa.mname.to_text() == "ns1.example.test." and soa.rname.to_text() == "postmaster.example.test."
    assert soa.serial == served.json("status", check=False)["serial"]
    assert served.dns.answers(ZONE, "NS") == ["ns1.example.test."]
    assert [rrset.rdtype for rrset in served.dns.ask(ZONE, "ANY").answer] == [dns.rdatatype.SOA]


def test_points_of_rfc_5782(served):
    for zone in (ZONE, "manual." + ZONE):
        assert served.dns.answers(reverse("127.0.0.2", zone)) == ["127.0.0.8"]
        assert served.dns.answers(reverse("127.0.0.8", zone)) == ["127.0.0.8"]
        assert served.dns.answers(reverse("::ffff:7f00:2", zone)) == ["127.0.0.8"]
        assert served.dns.ask(reverse("127.0.0.1", zone)).rcode() == dns.rcode.NXDOMAIN
        assert served.dns.ask(reverse("::ffff:7f00:1", zone)).rcode() == dns.rcode.NXDOMAIN
    assert served.dns.answers(f"TEST.{NAMES}") == ["127.0.1.2"]
    assert served.dns.ask(f"INVALID.{NAMES}").rcode() == dns.rcode.NXDOMAIN


def test_foreign_names_are_refused_with_an_extended_error(served):
    for name, kind, code in (("example.com", "A", 20), (ZONE, "AXFR", 18)):
        answer = served.dns.ask(name, kind)
        assert answer.rcode() == dns.rcode.REFUSED and answer.answer == []
        assert [(option.otype, option.code) for option in answer.options] == [(dns.edns.OptionType.EDE, code)]
    assert served.dns.ask("example.com", edns=False).edns == -1


def test_edns(served):
    name = reverse("198.51.100.9")
    for tcp in (False, True):
        assert served.dns.ask(name, tcp=tcp).edns == 0
        assert served.dns.ask(name, tcp=tcp, edns=False).edns == -1
        assert served.dns.ask(name, tcp=tcp, edns=1).rcode() == dns.rcode.BADVERS
        unknown = dns.edns.GenericOption(65001, b"hello")
        assert served.dns.ask(name, tcp=tcp, options=[unknown]).rcode() == dns.rcode.NOERROR
    for size in (0, 512, 65535):
        assert len(served.dns.ask(name, "ANY", payload=size).to_wire()) <= 1232


def test_truncated_answers_are_whole_over_tcp(make_site):
    site = make_site()
    label = "a-name-as-long-as-a-label-may-be-for-a-server-with-the-number"
    names = [f"{label}{number:02}.{label}.example.test" for number in range(13)]
    site.conf["dns"]["nameservers"] = names
    site.start("keeper")
    site.start("dns")
    client = Dns(site.ports["dns"])
    wait_for(lambda: client.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR, what="the first view")
    answer = client.ask(ZONE, "NS")
    assert answer.flags & dns.flags.TC and answer.answer == []
    assert client.answers(ZONE, "NS", tcp=True) == sorted(name + "." for name in names)


def test_changes_arrive_without_reload(served):
    client = served.dns
    name = reverse("192.0.2.77")
    serial = client.ask(ZONE, "SOA").answer[0][0].serial
    for _ in range(5):
        served.cli("list", "add", "192.0.2.77", "--list", "main", "--reason", "again")
        wait_for(lambda: client.answers(name) == ["127.0.0.8"], 5, "the new listing")
        served.cli("list", "rm", "192.0.2.77", "--list", "main", "--reason", "over")
        wait_for(lambda: client.answers(name) == [], 5, "its end")
    assert client.ask(ZONE, "SOA").answer[0][0].serial > serial


def test_ttl_ends_with_the_listing(served):
    served.cli("list", "add", "192.0.2.78", "--list", "main", "--reason", "short", "--for", "2m")
    wait_for(lambda: served.dns.answers(reverse("192.0.2.78")), what="the listing")
    assert served.dns.ask(reverse("192.0.2.78")).answer[0].ttl <= 120


def test_dns_goes_on_without_the_keeper(make_site):
    site = make_site()
    keeper = site.start("keeper")
    client = Dns(site.ports["dns"])
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "spam")
    role = site.start("dns")
    wait_for(lambda: client.answers(reverse("198.51.100.9")), what="the listing")
    keeper.kill()
    assert client.answers(reverse("198.51.100.9")) == ["127.0.0.8"]
    role.stop()
    site.start("dns")  # serves the newest snapshot file, though nobody tells it what is in force
    assert client.is_alive()


def test_before_the_first_list_it_is_servfail(make_site):
    site = make_site()
    site.start("dns")
    client = Dns(site.ports["dns"])
    answer = client.ask(reverse("198.51.100.9"))
    assert answer.rcode() == dns.rcode.SERVFAIL and [option.code for option in answer.options] == [14]


def flood(port, name, seen, stop):
    """Asks one question after the other and notes every answer, and every silence as None."""
    query = dns.message.make_query(name, "A")
    while not stop.is_set():
        try:
            answer = dns.query.udp(query, HOST, port=port, timeout=2)
            seen.append(tuple(item.to_text() for rrset in answer.answer for item in rrset))
        except dns.exception.Timeout:
            seen.append(None)


def test_reload_drops_no_query(served):
    name = reverse("198.51.100.9")
    seen, stop = [], threading.Event()
    asker = threading.Thread(target=flood, args=(served.dns.port, name, seen, stop))
    asker.start()
    for code in ("127.0.0.4", "127.0.0.8", "127.0.0.4"):
        served.conf["lists"]["main"]["sublists"]["manual"]["code"] = code
        served.write()
        served.role.reload()
        wait_for(lambda: served.dns.answers(name) == [code], 5, "the new code")
    stop.set()
    asker.join()
    assert set(seen) == {("127.0.0.4",), ("127.0.0.8",)}


def test_a_wrong_configuration_changes_nothing(served):
    served.write("lists: [")
    served.role.reload()
    assert served.role.events("config.bad")
    assert served.dns.is_alive()


def hostile_packets():
    """(what, octets): each is answered or not, and nothing else happens."""
    whole = dns.message.make_query(reverse("198.51.100.9"), "TXT", use_edns=0, payload=1232).to_wire()
    for cut in range(len(whole)):
        yield f"cut at {cut}", whole[:cut]
    for at in range(len(whole)):
        yield f"octet {at} flipped", whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:]
    header = b"\x12\x34\x01\x00"
    for counts in ((0, 0, 0, 0), (2, 0, 0, 0), (65535, 0, 0, 0), (1, 65535, 65535, 65535)):
        yield f"counts {counts}", header + struct.pack(">4H", *counts) + whole[12:]
    one = header + struct.pack(">4H", 1, 0, 0, 0)
    yield "pointer to itself", one + b"\xc0\x0c\0\1\0\1"
    yield "pointer forward", one + b"\xc0\x20\0\1\0\1"
    yield "127 labels", one + b"\1a" * 127 + b"\0\0\1\0\1"
    yield "128 labels", one + b"\1a" * 128 + b"\0\0\1\0\1"
    yield "labels without end", one + b"\1a" * 300
    yield "a datagram of 60000 octets", one + bytes(60000)
    noise = random.Random(53)
    for number in range(200):
        yield f"noise {number}", noise.randbytes(noise.randrange(1, 600))


def test_hostile_datagrams(served):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((HOST, served.dns.port))
        client.settimeout(5)
        for what, octets in hostile_packets():
            client.send(octets)
            # The answer to a good query behind it: whatever came before has been dealt with.
            client.send(dns.message.make_query(ZONE, "SOA", id=0x7e57).to_wire())
            while (answer := client.recv(65535))[:2] != b"\x7e\x57":
                assert answer[:2] == octets[:2] and answer[2] & 0x80, what
                assert len(answer) <= 1232, what
    assert served.dns.is_alive()


def test_forms_of_messages(served):
    whole = dns.message.make_query(ZONE, "SOA", id=0x1234).to_wire()
    rcode = {"opcode 15": (whole[:2] + b"\x79" + whole[3:], dns.rcode.NOTIMP),
             "class CH": (whole[:-1] + b"\3", dns.rcode.REFUSED),
             "no question": (whole[:5] + b"\0" + whole[6:12], dns.rcode.FORMERR),
             "octets behind": (whole + b"!", dns.rcode.FORMERR)}
    for what, (octets, expected) in rcode.items():
        answer = served.dns.raw(octets, wait=5)
        assert answer[3] & 0xf == expected, what
    assert served.dns.raw(whole[:2] + b"\x81" + whole[3:]) is None  # never an answer to an answer
    assert served.dns.raw(whole[:11]) is None


def framed(*messages):
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


def read_framed(connection):
    head = connection.recv(2, socket.MSG_WAITALL)
    return connection.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL) if len(head) == 2 else None


def test_queries_pipelined_in_pieces(served):
    queries = [dns.message.make_query(reverse(f"203.0.113.{number}"), "A", id=number).to_wire()
               for number in range(100)]
    with socket.create_connection((HOST, served.dns.port), timeout=10) as connection:
        stream = framed(*queries)
        for at in range(0, len(stream), 7):
            connection.sendall(stream[at:at + 7])
        for number in range(100):
            answer = dns.message.from_wire(read_framed(connection))
            assert answer.id == number and len(answer.answer) == 1


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\1x", b"\xff\xff" + bytes(5000), b"GET / HTTP/1.0\r\n\r\n",
                                    framed(b"\x12\x34\x81\x80" + bytes(8))])
def test_streams_that_are_no_dns_are_closed(served, octets):
    with socket.create_connection((HOST, served.dns.port), timeout=10) as connection:
        connection.sendall(octets)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    assert served.dns.is_alive()


def test_many_idle_connections_shut_nobody_out(served):
    connections = []
    try:
        for _ in range(1100):
            connections.append(socket.create_connection((HOST, served.dns.port), timeout=10))
        assert served.dns.is_alive()
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("arguments, expected", [
    ((f"9.100.51.198.{ZONE}", "A"), "127.0.0.8"),
    ((f"9.100.51.198.{ZONE}", "TXT", "+tcp"), '"Listed: spam'),
    ((f"9.100.51.198.{ZONE}", "A", "+nsid", "+cookie", "+dnssec", "+bufsize=512"), "127.0.0.8"),
    ((ZONE, "NS"), "ns1.example.test."),
])
def test_dig(served, arguments, expected):
    assert shutil.which("dig"), "install bind9-dnsutils"
    result = subprocess.run(["dig", f"@{HOST}", "-p", str(served.dns.port), "+short", "+tries=1", *arguments],
                            capture_output=True, text=True, timeout=20, check=True)
    assert result.stdout.startswith(expected) and "WARNING" not in result.stdout


def test_an_ipv6_network_and_an_ipv4_one_in_one_command(site):
    """::/32 holds the place of IPv4 addresses and none of them: it neither lists them nor hides what does."""
    site.conf["lists"]["main"]["never"] = []
    site.start("keeper")
    site.start("dns")
    client = Dns(site.ports["dns"])
    site.cli("list", "add", "::/32", "100.0.0.0/13", "--list", "main", "--reason", "both", "--yes")
    wait_for(lambda: client.answers(reverse("::1")), what="the listings in DNS")
    assert client.answers(reverse("100.0.0.1")) == ["127.0.0.8"]
    assert client.ask(reverse("101.0.0.1")).rcode() == dns.rcode.NXDOMAIN
