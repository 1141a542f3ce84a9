# SPDX-License-Identifier: ISC
"""What the DNS community's test sites ask of a server (the cases of the EDNS compliance tests), and what attackers do: forms of
messages, options, floods of connections, forged ports. Real sockets; dnspython and dig."""
import os
import shutil
import socket
import struct
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

from harness.waiting import wait_for
from test_dns import HOST, ZONE, Dns, framed, read_framed

TEST = f"2.0.0.127.{ZONE}"


@pytest.fixture
def server(site):
    site.conf["dns"]["exempt"] = []
    site.start("keeper")
    site.role = site.start("dns")
    site.dns = Dns(site.ports["dns"])
    wait_for(site.dns.is_alive, what="DNS")
    return site


def query(name=ZONE, kind="SOA", edns=0, flags=0, payload=1232, options=None, header=0, number=0x1234):
    message = dns.message.make_query(name, kind, id=number)
    message.flags = header
    if edns is not None:
        message.use_edns(edns, ednsflags=flags, payload=payload, options=options or [])
    return message


UNKNOWN = [dns.edns.GenericOption(100, b"what")]
KNOWN = [dns.edns.GenericOption(3, b""), dns.edns.GenericOption(8, b"\0\1\0\0"), dns.edns.GenericOption(9, b""),
         dns.edns.GenericOption(10, b"clientck")]

# name, query, rcode, SOA in the answer, OPT in the answer
CASES = [
    ("dns", query(edns=None), dns.rcode.NOERROR, True, False),
    ("edns", query(), dns.rcode.NOERROR, True, True),
    ("edns1", query(edns=1), dns.rcode.BADVERS, False, True),
    ("edns100", query(edns=100), dns.rcode.BADVERS, False, True),
    ("edns@512", query(payload=512), dns.rcode.NOERROR, True, True),
    ("edns@0", query(payload=0), dns.rcode.NOERROR, True, True),
    ("edns@65535", query(payload=65535), dns.rcode.NOERROR, True, True),
    ("ednsopt", query(options=UNKNOWN), dns.rcode.NOERROR, True, True),
    ("edns1opt", query(edns=1, options=UNKNOWN), dns.rcode.BADVERS, False, True),
    ("do", query(flags=dns.flags.DO), dns.rcode.NOERROR, True, True),
    ("docd", query(flags=dns.flags.DO, header=dns.flags.CD), dns.rcode.NOERROR, True, True),
    ("edns1do", query(edns=1, flags=dns.flags.DO), dns.rcode.BADVERS, False, True),
    ("ednsflags", query(flags=0x0080), dns.rcode.NOERROR, True, True),
    ("edns1flags", query(edns=1, flags=0x0080), dns.rcode.BADVERS, False, True),
    ("optlist", query(options=KNOWN), dns.rcode.NOERROR, True, True),
    ("padding", query(options=[dns.edns.GenericOption(12, bytes(400))]), dns.rcode.NOERROR, True, True),
    ("zflag", query(edns=None, header=0x0040), dns.rcode.NOERROR, True, False),
    ("ad", query(edns=None, header=dns.flags.AD), dns.rcode.NOERROR, True, False),
    ("rd", query(edns=None, header=dns.flags.RD), dns.rcode.NOERROR, True, False),
    ("type666", query(kind=dns.rdatatype.from_text("TYPE666")), dns.rcode.NOERROR, False, True),
    ("meta type", query(kind=dns.rdatatype.from_text("TYPE249")), dns.rcode.NOERROR, False, True),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_edns_compliance(server, tcp):
    send = dns.query.tcp if tcp else dns.query.udp
    for what, asked, rcode, has_soa, has_opt in CASES:
        answer = send(asked, HOST, port=server.dns.port, timeout=5)
        assert answer.rcode() == rcode, what
        assert bool(answer.answer) == has_soa, what
        assert (answer.edns == 0) == has_opt, what  # version 0, whatever was asked
        assert bool(answer.flags & dns.flags.AA) == (rcode == dns.rcode.NOERROR), what
        assert not answer.flags & (dns.flags.AD | dns.flags.CD | dns.flags.RA | 0x0040), what
        assert answer.flags & dns.flags.RD == asked.flags & dns.flags.RD, what
        assert answer.ednsflags & 0xffff == asked.ednsflags & dns.flags.DO, what
        assert not [o for o in answer.options if int(o.otype) in (8, 9, 12, 100)], what


@pytest.mark.skipif(shutil.which("dig") is None, reason="no dig")
def test_dig_has_nothing_to_complain_about(server):
    for arguments in (["+edns=0"], ["+edns=1", "+noednsneg"], ["+ednsopt=100"], ["+dnssec", "+bufsize=512"], ["+ednsflags=0x80"],
                      ["+nsid", "+subnet=0.0.0.0/0", "+expire", "+cookie", "+padding=256"], ["+tcp", "+keepalive"], ["+zflag"]):
        out = subprocess.run(["dig", f"@{HOST}", "-p", str(server.dns.port), "+norec", "+tries=1", "SOA", ZONE, *arguments],
                             capture_output=True, text=True, timeout=20, check=True).stdout
        assert "WARNING" not in out and "malformed" not in out and "BADVERS" not in out or "+edns=1" in arguments, out
        assert ("TCP KEEPALIVE: 10.0 secs" in out or "TCP-KEEPALIVE" in out.upper()) == ("+keepalive" in arguments), out


def test_other_operations(server):
    whole = query(edns=None, number=0x1234).to_wire()
    expected = {0: dns.rcode.NOERROR, 1: dns.rcode.NOTIMP, 2: dns.rcode.NOTIMP, 3: dns.rcode.NOTIMP, 4: None,
                5: dns.rcode.REFUSED, 6: dns.rcode.NOTIMP, 15: dns.rcode.NOTIMP}
    for opcode, rcode in expected.items():
        answer = server.dns.raw(whole[:2] + bytes([opcode << 3]) + whole[3:], wait=5)
        assert answer[:2] == b"\x12\x34" and answer[2] >> 3 & 0xf == opcode
        flags = server.dns.raw(whole[:2] + bytes([opcode << 3 | 7, 0xf0]) + whole[4:], wait=5)
        assert opcode in (0, 4) or (flags[2], flags[3] & 0xf0) == (0x80 | opcode << 3, 0), opcode  # RFC 8906 section 8.1.4
        assert rcode is None or answer[3] & 0xf == rcode, opcode
        bare = server.dns.raw(whole[:2] + bytes([opcode << 3]) + b"\0" + bytes(8), wait=5)  # header alone
        assert bare[3] & 0xf == (dns.rcode.FORMERR if opcode == 0 else answer[3] & 0xf)


def test_any_is_minimal_and_answers_are_no_lever(server):
    for kind in ("ANY", "TXT", "A", "NS", "SOA", "AXFR"):
        for name in (TEST, ZONE):
            asked = query(name, kind, payload=65535)
            if kind == "AXFR" and name == ZONE:
                continue  # over UDP an error, told elsewhere
            answer = server.dns.raw(asked.to_wire(), wait=5)
            assert len(answer) <= 1232
            assert len(answer) < 10 * len(asked.to_wire()), (kind, name)
    answer = server.dns.ask(TEST, "ANY")
    assert len(answer.answer) == 1


def test_ports_that_would_answer_answers(server):
    """Responses, scraps, and queries from the ports of echo and chargen: silence. Port 53 is a port like others."""
    good = query().to_wire()
    response = server.dns.raw(good, wait=5)
    assert server.dns.raw(response) is None
    assert server.dns.raw(good[:11]) is None
    if os.geteuid() != 0:
        return  # low ports are root's
    for port, answered in ((7, False), (19, False), (53, True)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            try:
                client.bind(("127.0.0.9", port))
            except OSError:
                continue
            client.connect((HOST, server.dns.port))
            client.settimeout(5 if answered else 0.3)
            client.send(good)
            try:
                assert client.recv(4096) and answered
            except TimeoutError:
                assert not answered


def test_a_flood_in_anothers_name_is_small(site):
    """TXT with the largest buffer, thousands of times from one network: less goes out than came in, and a stranger is served."""
    site.conf["dns"].update({"exempt": ["127.0.1.0/24"], "threads": 1})
    site.conf["dns"]["rate-limit"] = {"listed": 10, "not-listed": 10, "errors": 10, "burst": "1s"}
    site.start("keeper")
    site.start("dns")
    client = Dns(site.ports["dns"])
    wait_for(client.is_alive, what="DNS")
    asked = query(TEST, "ANY", payload=65535).to_wire()
    received = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        victim.bind(("127.0.0.77", 0))
        victim.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        victim.connect((HOST, client.port))
        other.bind(("127.0.1.5", 0))
        other.connect((HOST, client.port))
        other.settimeout(5)
        for number in range(5000):
            victim.send(asked)
            if number % 500 == 0:
                other.send(asked)
                assert dns.message.from_wire(other.recv(4096)).answer
        victim.settimeout(0.3)
        try:
            while True:
                received += len(victim.recv(4096))
        except TimeoutError:
            pass
    assert received < 0.75 * 5000 * len(asked)


def test_ten_thousand_connections(server):
    """More than the process may hold: the oldest silent ones go, UDP and new connections are served."""
    connections = []
    refused = 0
    try:
        for number in range(10000):
            try:
                connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                connection.settimeout(10)
                connection.bind((f"127.0.{number % 200}.1", 0))
                connection.connect((HOST, server.dns.port))
                connections.append(connection)
            except OSError:
                refused += 1
                connection.close()
            if len(connections) > 400:  # the other end is the one under test
                connections.pop(0).close()
            if number % 1000 == 0:
                assert server.dns.answers(TEST) == ["127.0.0.8"]
        assert refused < 100
        assert server.dns.is_alive()
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.alone
def test_slow_streams_cost_nobody_else(server):
    """One octet now and then, on many connections; lengths that promise much and bring nothing."""
    good = framed(query(TEST, "A").to_wire())
    slow = []
    try:
        for number in range(60):
            connection = socket.create_connection((HOST, server.dns.port), timeout=10)
            connection.sendall([good[:1], good[:7], b"\x0f\xff" + bytes(5), b"\0\x20"][number % 4])
            slow.append(connection)
        for at in range(1, len(good)):
            slow[0].sendall(good[at:at + 1])
            begin = time.monotonic()
            assert server.dns.answers(TEST) == ["127.0.0.8"]
            assert server.dns.answers(TEST, tcp=True) == ["127.0.0.8"]
            assert time.monotonic() - begin < 5
        assert dns.message.from_wire(read_framed(slow[0])).answer
    finally:
        for connection in slow:
            connection.close()


def test_silent_streams_are_closed(site):
    site.conf["dns"]["tcp"] = {"idle": "1s"}
    site.start("keeper")
    site.start("dns")
    client = Dns(site.ports["dns"])
    wait_for(client.is_alive, what="DNS")
    with socket.create_connection((HOST, client.port), timeout=20) as connection:
        connection.sendall(b"\0\x20ab")
        assert connection.recv(1) == b""
    assert client.is_alive()


def test_one_client_does_not_take_the_places_of_all(site):
    site.conf["dns"]["tcp"] = {"connections": 20, "per-client": 5}
    site.start("keeper")
    site.start("dns")
    client = Dns(site.ports["dns"])
    wait_for(client.is_alive, what="DNS")
    asked = framed(query(TEST, "A").to_wire())
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stranger:
        stranger.bind(("127.0.0.44", 0))
        stranger.settimeout(10)
        stranger.connect((HOST, client.port))
        stranger.sendall(asked)
        assert read_framed(stranger)
        held = []
        for _ in range(50):  # each is there before the next one: the listening sockets of several threads keep no order
            held.append(socket.create_connection((HOST, client.port), timeout=10))
            held[-1].sendall(asked)
            assert read_framed(held[-1])
        for connection in held[-5:]:
            connection.sendall(asked)
            assert read_framed(connection)
        stranger.sendall(asked)
        assert read_framed(stranger)
        for connection in held:
            connection.close()


@pytest.mark.parametrize("length", [0, 1, 11, 4097, 65535])
def test_lengths_of_a_stream(server, length):
    with socket.create_connection((HOST, server.dns.port), timeout=20) as connection:
        try:
            connection.sendall(struct.pack(">H", length) + bytes(length))
            assert connection.recv(1) in (b"", b"\0")
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert server.dns.is_alive()
