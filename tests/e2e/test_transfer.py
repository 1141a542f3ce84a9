# SPDX-License-Identifier: ISC
"""Zone transfers: to real secondaries, which follow by IXFR and end with the zone that an AXFR gives; and who gets none."""
import base64
import ipaddress
import os
import random
import signal
import socket
import struct
import threading
import time

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.wire
import pytest

from harness.secondary import Bind, Key, Knot, Nsd, axfr, serial_of
from harness.site import wait_gone
from harness.waiting import free_port, wait_for

HOST = "127.0.0.1"
WIDE, PLAIN, NAMES = "wide.example.test", "bl.example.test", "dbl.example.test"
GROUP = 61184  # of the roles, when there is no group _stockade


def give_key(site, name, algorithm="hmac-sha256", octets=32):
    """A key in dns.keys, with its file, which the roles may read."""
    secret = base64.b64encode(bytes(random.randrange(256) for _ in range(octets))).decode()
    path = site.path("etc", f"{name}.key")
    with open(path, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    os.chmod(path, 0o640)
    if os.geteuid() == 0:
        os.chown(path, 0, GROUP)
    site.conf["dns"].setdefault("keys", {})[name] = {"algorithm": algorithm, "file": path}
    return Key(name, secret, algorithm)


def allow_transfer(site, port, key=None):
    entry = {"address": f"{HOST}:{port}"}
    if key:
        entry["key"] = key.name
    site.conf["dns"].setdefault("transfer-to", []).append(entry)


@pytest.fixture
def primary(site):
    """Three zones: networks as wildcards (texts that do not name the address), addresses with texts that do, domains."""
    sublist = {"code": "127.0.0.8", "policy": "by-hand"}
    site.conf["run"]["roles"] = ["keeper", "dns"]
    site.conf["dns"]["rate-limit"] = {"listed": 0, "not-listed": 0, "errors": 0}
    site.conf["lists"]["wide"] = {
        "zone": WIDE, "holds": "addresses", "action": "off", "never": [],
        "sublists": {"manual": {**sublist, "template": "Listed: ${reason}"},
                     "other": {"code": "127.0.0.4", "policy": "by-hand", "template": "Other: ${reason}"}}}
    site.conf["lists"]["main"]["never"] = []
    return site


@pytest.fixture
def secondaries():
    """A list of what was started; all are stopped at the end."""
    started = []
    yield started
    for secondary in started:
        secondary.close()


def run(site):
    process = site.run()
    wait_for(lambda: serial_of(site.ports["dns"], PLAIN), 20, "the zones to be served")
    return process


def serial_now(site):
    return serial_of(site.ports["dns"], PLAIN)


def settle(site, secondaries, zones):
    """Until all secondaries have the newest serial of all zones."""
    for secondary in secondaries:
        for zone in zones:
            secondary.wait_for_serial(zone, serial_now(site))


# ---- who gets one ----

def asked(site, query, tcp=True):
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, HOST, port=site.ports["dns"], timeout=5)


def ede_codes(answer):
    return [option.code for option in answer.options if option.otype == 15]


def signed_query(zone, kind, key, **changes):
    query = dns.message.make_query(zone, kind, use_edns=False)
    query.use_tsig(key.keyring(), key.name, algorithm=key.algorithm, **changes)
    return query


def test_strangers_get_no_transfer(primary):
    """Attack N4: AXFR, IXFR, NOTIFY and UPDATE without right."""
    key = give_key(primary, "sec1")
    primary.conf["dns"]["transfer-to"] = [{"address": "192.0.2.1:53", "key": "sec1"}]
    process = run(primary)
    for kind in ("AXFR", "IXFR"):
        for tcp in (False, True):
            query = dns.message.make_query(PLAIN, kind, use_edns=0)
            answer = asked(primary, query, tcp)
            assert answer.rcode() == dns.rcode.REFUSED and not answer.answer
            assert ede_codes(answer) == [18]
    # The right key from the wrong address: refused as well, and signed.
    answer = asked(primary, signed_query(PLAIN, "AXFR", key))
    assert answer.rcode() == dns.rcode.REFUSED and answer.had_tsig
    for opcode in (dns.opcode.NOTIFY, dns.opcode.UPDATE):
        query = dns.message.make_query(PLAIN, "SOA", use_edns=False)
        query.set_opcode(opcode)
        assert asked(primary, query).rcode() == dns.rcode.REFUSED
    assert process.wait_for_event("transfer.refused")[0]["zone"] == PLAIN


def test_only_the_key_opens(primary):
    key = give_key(primary, "sec1", "hmac-sha512", 64)
    allow_transfer(primary, 9, key)
    run(primary)
    records = axfr(primary.ports["dns"], PLAIN, key)
    assert f"2.0.0.127.{PLAIN}. 300 A 127.0.0.8" in records
    assert asked(primary, dns.message.make_query(PLAIN, "AXFR")).rcode() == dns.rcode.REFUSED
    # Signed SOA queries, which secondaries ask all the time, get signed answers, by UDP as well.
    answer = asked(primary, signed_query(PLAIN, "SOA", key), tcp=False)
    assert answer.had_tsig and answer.rcode() == dns.rcode.NOERROR


def tsig_of(octets):
    """The rdata of the TSIG record at the end of a message, not verified; None when there is none."""
    counts = struct.unpack("!4H", octets[4:12])
    parser = dns.wire.Parser(octets, 12)
    for _ in range(counts[0]):
        parser.get_name()
        parser.get_struct("!HH")
    for _ in range(sum(counts[1:])):
        parser.get_name()
        kind, rdclass, _, length = parser.get_struct("!HHIH")
        if kind == dns.rdatatype.TSIG:
            return dns.rdata.from_wire_parser(rdclass, kind, parser)
        parser.get_bytes(length)
    return None


def raw_tsig(site, query, tcp=False):
    """The answer to octets: its rcode and TSIG record."""
    if tcp:
        with socket.create_connection((HOST, site.ports["dns"]), timeout=5) as stream:
            stream.sendall(struct.pack("!H", len(query)) + query)
            answer = stream.recv(65535)[2:]
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(query, (HOST, site.ports["dns"]))
            answer = client.recv(65535)
    return answer[3] & 0xf, tsig_of(answer)


@pytest.mark.parametrize("kind", ["SOA", "AXFR"])
def test_forged_and_stale_signatures(primary, kind):
    """Attack N4: wrong key, wrong time, cut and forged MACs (CVE-2017-11104)."""
    key = give_key(primary, "sec1")
    allow_transfer(primary, 9, key)
    process = run(primary)
    tcp = kind == "AXFR"

    unknown = signed_query(PLAIN, kind, Key("nobody", key.secret)).to_wire()
    rcode, tsig = raw_tsig(primary, unknown, tcp)
    assert (rcode, tsig.error, tsig.mac) == (dns.rcode.NOTAUTH, dns.rcode.BADKEY, b"")
    told = process.wait_for_event("transfer.refused")[0]
    assert told["zone"] == PLAIN and told["key"] == "nobody" and told["why"].startswith("BADKEY: ")

    wrong = signed_query(PLAIN, kind, Key(key.name, base64.b64encode(b"x" * 32).decode())).to_wire()
    rcode, tsig = raw_tsig(primary, wrong, tcp)
    assert (rcode, tsig.error, tsig.mac) == (dns.rcode.NOTAUTH, dns.rcode.BADSIG, b"")

    good = signed_query(PLAIN, kind, key).to_wire()
    forged = bytearray(good)
    forged[-7] ^= 1  # the last octet of the MAC
    rcode, tsig = raw_tsig(primary, bytes(forged), tcp)
    assert (rcode, tsig.error, tsig.mac) == (dns.rcode.NOTAUTH, dns.rcode.BADSIG, b"")

    at = good.index(b"\x00\x20", good.index(b"hmac-sha256"))  # the length of the MAC
    rdlength = good.index(b"\x0bhmac-sha256") - 2
    for kept in (0, 1, 15, 16, 31):
        cut = bytearray(good[:at] + struct.pack("!H", kept) + good[at + 2:at + 2 + kept] + good[at + 34:])
        cut[rdlength:rdlength + 2] = struct.pack("!H", 0x3d - 32 + kept)
        rcode, tsig = raw_tsig(primary, bytes(cut), tcp)
        if kept < 16:
            assert rcode == dns.rcode.FORMERR and tsig is None
        else:
            assert (rcode, tsig.error) == (dns.rcode.NOTAUTH, dns.rcode.BADTRUNC)

    primary_now = time.time
    try:
        time.time = lambda: primary_now() - 400
        stale = signed_query(PLAIN, kind, key).to_wire()
    finally:
        time.time = primary_now
    rcode, tsig = raw_tsig(primary, stale, tcp)
    assert (rcode, tsig.error) == (dns.rcode.NOTAUTH, dns.rcode.BADTIME)
    assert abs(int.from_bytes(tsig.other, "big") - time.time()) < 60
    assert abs(tsig.time_signed - (time.time() - 400)) < 60 and len(tsig.mac) == 32
    assert raw_tsig(primary, good, tcp)[0] == dns.rcode.NOERROR


def test_keys_that_everybody_can_read_are_refused(primary):
    key = give_key(primary, "sec1")
    allow_transfer(primary, 9, key)
    process = run(primary)
    assert axfr(primary.ports["dns"], PLAIN, key)
    path = primary.conf["dns"]["keys"]["sec1"]["file"]
    # Another secret in its place, by rename, as an editor does it.
    other = give_key(primary, "sec1")
    process.reload()
    wait_for(lambda: serial_of(primary.ports["dns"], PLAIN), 20, "the zone")
    def new_key_opens():
        return asked_rcode(primary, other) == dns.rcode.NOERROR
    wait_for(new_key_opens, 20, "the new key to hold")
    assert asked_rcode(primary, key) == dns.rcode.NOTAUTH
    os.chmod(path, 0o644)
    process.reload()
    wait_for(lambda: "chmod o= " in process.log, 20, lambda: f"a complaint:\n{process.log}")
    assert asked_rcode(primary, other) == dns.rcode.NOERROR  # what was in force stays
    with open(path, "w", encoding="ascii") as file:
        file.write("not a secret")
    os.chmod(path, 0o600)
    taken = process.events("config.loaded")
    process.reload()
    wait_for(lambda: "not a secret in base64" in process.log, 20, lambda: f"a complaint:\n{process.log}")
    assert process.events("config.loaded") == taken  # by no role
    assert asked_rcode(primary, other) == dns.rcode.NOERROR


def test_a_key_for_something_else_opens_nothing(primary):
    """The key of a feed is shared with another operator: it neither transfers nor passes an access list."""
    feed, secondary = give_key(primary, "feed1"), give_key(primary, "sec1")
    allow_transfer(primary, 9, secondary)
    run(primary)
    assert asked_rcode(primary, secondary) == dns.rcode.NOERROR
    assert asked_rcode(primary, feed) == dns.rcode.NOTAUTH


def test_a_key_may_move_to_another_folder(primary):
    """The supervisor reads it; no role has to be started anew for a folder that it never opens."""
    key = give_key(primary, "sec1")
    allow_transfer(primary, 9, key)
    process = run(primary)
    assert asked_rcode(primary, key) == dns.rcode.NOERROR
    folder = primary.path("keys")
    os.mkdir(folder, 0o755)
    os.rename(primary.conf["dns"]["keys"]["sec1"]["file"], os.path.join(folder, "sec1.key"))
    primary.conf["dns"]["keys"]["sec1"]["file"] = os.path.join(folder, "sec1.key")
    primary.write()
    pids = primary.role_pids()
    process.reload()
    process.wait_for_event("config.loaded", count=1 + len(pids))
    assert asked_rcode(primary, key) == dns.rcode.NOERROR and primary.role_pids() == pids


def asked_rcode(site, key):
    return raw_tsig(site, signed_query(PLAIN, "SOA", key).to_wire())[0]


# ---- what they get ----

def add(site, sources, name, *more, check=True):
    return site.cli("list", "add", *sources, "--list", name, "--reason", "spam run", *more, check=check)


def remove(site, sources, name):
    return site.cli("list", "rm", *sources, "--list", name, "--reason", "over")


def ixfr_query(site, zone, serial, key=None):
    query = dns.message.make_query(zone, "IXFR", use_edns=False)
    query.authority.append(dns.rrset.from_text(zone + ".", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    if key:
        query.use_tsig(key.keyring(), key.name, algorithm=key.algorithm)
    return query


def ixfr(site, zone, serial):
    """The records of an IXFR answer in order, as text."""
    lines = []
    with socket.create_connection((HOST, site.ports["dns"]), timeout=10) as stream:
        dns.query.send_tcp(stream, ixfr_query(site, zone, serial))
        while len(lines) < 2 or lines[-1] != lines[0]:
            message, _ = dns.query.receive_tcp(stream, time.time() + 10, one_rr_per_rrset=True)
            assert message.rcode() == dns.rcode.NOERROR
            lines += [f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rrset[0]}" for rrset in message.answer]
            if len(lines) == 1:
                break
    return lines


def is_soa(line):
    return " SOA " in line


def test_differences_are_small_and_condensed(primary):
    allow_transfer(primary, 9)
    run(primary)
    add(primary, ["192.0.2.1"], "main")
    start = serial_now(primary)
    add(primary, ["192.0.2.9"], "main")
    lines = ixfr(primary, PLAIN, start)
    assert [is_soa(line) for line in lines] == [True, True, True, False, False, False, False, True]
    assert sorted(line for line in lines if not is_soa(line)) == [
        f'9.2.0.192.{PLAIN}. A 127.0.0.8',
        f'9.2.0.192.{PLAIN}. TXT "Listed: spam run; https://mail.example.test/why/192.0.2.9"',
        f'9.2.0.192.manual.{PLAIN}. A 127.0.0.8',
        f'9.2.0.192.manual.{PLAIN}. TXT "Listed: spam run; https://mail.example.test/why/192.0.2.9"']
    remove(primary, ["192.0.2.9"], "main")
    assert not [line for line in ixfr(primary, PLAIN, start) if not is_soa(line)]  # added and removed again: nothing
    # By UDP, and when there is nothing newer: what the serial is.
    answer = asked(primary, ixfr_query(primary, PLAIN, start), tcp=False)
    assert len(answer.answer) == 1 and answer.answer[0][0].serial == serial_now(primary)
    assert len(ixfr(primary, PLAIN, serial_now(primary))) == 1
    # A serial that was never ours, and one from before a restart: all of the zone.
    assert len(ixfr(primary, PLAIN, start - 1000)) > 8
    malformed = dns.message.make_query(PLAIN, "IXFR", use_edns=False)
    assert asked(primary, malformed).rcode() == dns.rcode.FORMERR


def test_a_zone_that_is_too_large_is_refused(primary):
    allow_transfer(primary, 9)
    primary.conf["dns"]["transfer-records"] = 20000
    process = run(primary)
    add(primary, ["198.18.0.0/18"], "main")
    add(primary, ["198.18.0.0/18"], "wide", "--sublist", "manual")
    query = dns.message.make_query(PLAIN, "AXFR", use_edns=0)
    answer = asked(primary, query)
    assert answer.rcode() == dns.rcode.REFUSED and ede_codes(answer) == [18]
    event = process.wait_for_event("transfer.too-large")[0]
    assert event["zone"] == PLAIN and event["network"] == "198.18.0.0/18"
    # The same network is 64 wildcards where texts do not name the address.
    lines = axfr(primary.ports["dns"], WIDE)
    assert sum(line.startswith("*.") and " A " in line for line in lines) == 2 * 64


def test_a_combined_zone_of_domains_is_measured(primary):
    """What is measured before a transfer is the zone, each name of it once, however the lists lie in each other."""
    allow_transfer(primary, 9)
    primary.conf["dns"]["transfer-records"] = 1000
    primary.conf["lists"]["shops"] = {"zone": "shops.example.test", "holds": "domains", "action": "off",
                                      "sublists": {"manual": {"code": "127.0.1.4", "policy": "by-hand"}}}
    primary.conf["zones"] = {"both.example.test": {"lists": ["names", "shops"]}}
    run(primary)
    names = ["a.com", "evil.net", "zz.top", "x.y.z.example", "good.aaa.org"]
    shops = ["b.com", "a.a.a.com", "mm.info", "example.org", "a.top"]
    add(primary, names, "names")
    add(primary, shops, "shops")
    lines = axfr(primary.ports["dns"], "both.example.test")
    assert {f"{name}.both.example.test." for name in names + shops} <= {line.split()[0] for line in lines if " A " in line}


# ---- who is told ----

@pytest.mark.alone
def test_secondaries_are_told_until_they_answer(primary):
    """NOTIFY is signed, comes at most once a second, and again until it is answered."""
    key = give_key(primary, "sec1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind((HOST, 0))
        secondary.settimeout(20)
        allow_transfer(primary, secondary.getsockname()[1], key)
        process = run(primary)
        seen = {}

        def hear():
            octets, sender = secondary.recvfrom(4096)
            message = dns.message.from_wire(octets, keyring=key.keyring())
            assert message.opcode() == dns.opcode.NOTIFY and message.had_tsig
            assert message.question[0].rdtype == dns.rdatatype.SOA
            zone = message.question[0].name.to_text(omit_final_dot=True)
            seen.setdefault(zone, []).append(time.monotonic())
            return zone, message, sender

        def answer(message, sender, key=key):
            reply = dns.message.make_response(message)
            reply.use_tsig(key.keyring(), key.name, algorithm=key.algorithm)
            reply.request_mac = message.mac
            secondary.sendto(reply.to_wire(), sender)

        # Unanswered: the same zone again and again, later each time. A forged answer is none.
        while len(seen.get(PLAIN, [])) < 3:
            zone, message, sender = hear()
            if zone != PLAIN:
                answer(message, sender)
            else:
                answer(message, sender, Key(key.name, base64.b64encode(b"y" * 32).decode()))
        times = seen[PLAIN]
        assert times[2] - times[1] > 1.5  # the first may have waited for us
        while True:
            zone, message, sender = hear()
            answer(message, sender)
            if zone == PLAIN:
                break
        assert not process.events("notify.refused")
        # Many changes are one message.
        seen.clear()
        for host in range(1, 6):
            add(primary, [f"192.0.2.{host}"], "main")
        while len(seen.get(PLAIN, [])) < 3:  # the first one has waited for us
            zone, message, sender = hear()
            answer(message, sender)
            if zone == PLAIN:
                add(primary, [f"192.0.2.{100 + len(seen[PLAIN])}"], "main")
        assert seen[PLAIN][2] - seen[PLAIN][1] > 0.9


@pytest.mark.alone
def test_a_change_is_told_at_once_after_an_outage(primary):
    """The pause between unanswered messages grows to minutes; a secondary that is back hears of the next change all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind((HOST, 0))
        secondary.settimeout(30)
        allow_transfer(primary, secondary.getsockname()[1])
        run(primary)

        def hear():
            while True:
                message = dns.message.from_wire(secondary.recvfrom(4096)[0])
                if message.question[0].name.to_text(omit_final_dot=True) == PLAIN:
                    return time.monotonic()

        for _ in range(4):  # at 0, 1, 3, 7 seconds; the next would come at 15
            silent = hear()
        add(primary, ["192.0.2.1"], "main")
        assert hear() - silent < 5


def test_a_secondary_that_refuses_is_named_once(primary):
    """One that serves some of the zones refuses the others with each change: a line for each of them would bury the log."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind((HOST, 0))
        secondary.settimeout(20)
        allow_transfer(primary, secondary.getsockname()[1])
        process = run(primary)

        def answer_until(count, rcode):
            """Answers all, until PLAIN was told of `count` changes."""
            while count > 0:
                octets, sender = secondary.recvfrom(4096)
                message = dns.message.from_wire(octets)
                told = message.question[0].name.to_text(omit_final_dot=True) == PLAIN
                reply = dns.message.make_response(message)
                reply.set_rcode(rcode if told else dns.rcode.NOERROR)
                secondary.sendto(reply.to_wire(), sender)
                count -= told
                if told and count > 0:
                    add(primary, [f"192.0.2.{count}"], "main")

        answer_until(3, dns.rcode.REFUSED)
        add(primary, ["192.0.2.200"], "main")
        answer_until(1, dns.rcode.NOERROR)
        assert process.wait_for_event("notify.answered")[0]["zone"] == PLAIN
        assert [event["why"] for event in process.events("notify.refused")] == ["REFUSED"]


# ---- real secondaries ----

class Changes:
    """Random changes to the three lists, many in one command: nested networks, exclusions, single addresses, domains."""

    def __init__(self, site, seed):
        self.site = site
        self.random = random.Random(seed)
        self.held = {"wide": set(), "main": set(), "names": set()}
        self.made = 0

    def _net(self, narrow):
        if self.random.random() < 0.3:
            bits = self.random.choice([48, 52, 56, 60, 63, 64, 64, 120, 128, 128])
            value = 0x20010db8 << 96 | self.random.randrange(4) << 80 | self.random.randrange(3) << 64 | self.random.randrange(300)
            return str(ipaddress.ip_network((value, bits), strict=False)).removesuffix("/128")
        bits = 32 if self.random.random() < 0.6 else self.random.choice([28, 29, 30, 31] if narrow else [18, 20, 22, 23, 24, 25, 30])
        value = 0x0a000000 | self.random.randrange(4) << 16 | self.random.randrange(24) << 8 | self.random.randrange(256)
        return str(ipaddress.ip_network((value, bits), strict=False)).removesuffix("/32")

    def _domain(self):
        labels = ".".join(self.random.choice("abcdefgh") for _ in range(self.random.randrange(3)))
        name = (labels + "." if labels else "") + f"d{self.random.randrange(40)}.example"
        return self.random.choice(["", "."]) + name

    def _source(self, name):
        return self._domain() if name == "names" else self._net(name == "main")

    def batch(self, size):
        name = self.random.choice(list(self.held))
        held = self.held[name]
        if held and self.random.random() < 0.45:
            sources = self.random.sample(sorted(held), min(size, len(held)))
            remove(self.site, sources, name)
            held.difference_update(sources)
        else:
            sources = {self._source(name) for _ in range(size)} - held
            if not sources:
                return
            more = ["--except"] if self.random.random() < 0.3 else []
            if name == "wide":
                more += ["--sublist", self.random.choice(["manual", "other"])]
            add(self.site, sorted(sources), name, *more)
            held |= sources
        self.made += len(sources)

    def questions(self, count):
        """Names around what is or was listed, below the apex of their zone."""
        for _ in range(count):
            zone, name = self.random.choice([(WIDE, "wide"), (PLAIN, "main"), (NAMES, "names")])
            held = sorted(self.held[name])
            source = self.random.choice(held) if held and self.random.random() < 0.6 else self._source(name)
            label = self.random.choice(["", "manual."])
            if name == "names":
                before = self.random.choice(["", "", "www.", "x.y."])
                yield zone, f"{before}{source.removeprefix('.')}.{label}{zone}"
                continue
            net = ipaddress.ip_network(source)
            offset = self.random.choice([0, -1, 1, net.num_addresses - 1, net.num_addresses, self.random.randrange(net.num_addresses)])
            address = ipaddress.ip_address(int(net.network_address) + offset)
            if isinstance(address, ipaddress.IPv6Address) and int(address) >> 96 != 0x20010db8:
                continue
            reverse = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
            yield zone, f"{reverse}.{label}{zone}"


def ask_both(site, port, name, kind):
    def one(where):
        answer = dns.query.udp(dns.message.make_query(name, kind, use_edns=0, payload=4096), HOST, port=where, timeout=5)
        if answer.flags & dns.flags.TC:
            answer = dns.query.tcp(dns.message.make_query(name, kind, use_edns=0), HOST, port=where, timeout=5)
        return answer.rcode(), sorted(str(item) for rrset in answer.answer for item in rrset)
    return one(site.ports["dns"]), one(port)


def assert_answers_alike(site, port, questions):
    for zone, name in questions:
        for kind in ("A", "TXT"):
            ours, theirs = ask_both(site, port, name, kind)
            if zone == NAMES and ours == (dns.rcode.NXDOMAIN, []) and theirs == (dns.rcode.NOERROR, []):
                continue  # excluded below a listed domain: a standard zone has to have the name
            assert ours == theirs, (name, kind)


@pytest.mark.parametrize("kind", [Knot, Nsd, Bind])
def test_secondaries_follow_by_ixfr(primary, secondaries, kind):
    key = give_key(primary, "sec1", random.choice(["hmac-sha256", "hmac-sha512"]))
    zones = [WIDE, PLAIN, NAMES]
    secondary = kind(primary.ports["dns"], zones, key)
    secondaries.append(secondary)
    allow_transfer(primary, secondary.port, key)
    process = run(primary)
    changes = Changes(primary, 5)
    add(primary, ["10.0.0.0/16"], "wide", "--sublist", "manual")
    add(primary, ["10.0.7.9"], "wide", "--sublist", "other")
    while changes.made < 400:
        changes.batch(20)
    secondary.start()
    settle(primary, [secondary], zones)
    started = len(process.events("transfer.out"))
    while changes.made < 10400:
        changes.batch(changes.random.choice([1, 20, 60, 200]))
    settle(primary, [secondary], zones)
    sent = process.events("transfer.out")[started:]
    assert {event["zone"] for event in sent if event["kind"] == "ixfr"} == set(zones)
    # A secondary that fell behind by more than 50,000 records takes the zone in their place, which has fewer (RFC 1995 section 5).
    shorter = [event for event in sent if event["kind"] == "axfr" and event["from"] != "0"]
    assert all(event["zone"] == WIDE and int(event["records"]) < 50000 for event in shorter), shorter
    whole = [event for event in sent if event["kind"] == "axfr" and event["from"] == "0"]
    if kind is Nsd:  # 4.6 asks for all of a zone itself when two changes come within one of its reloads
        assert len(whole) * 10 < len(sent), whole
    else:
        assert not whole, whole
    assert not process.events("transfer.broken")
    for zone in zones:
        assert axfr(secondary.port, zone) == axfr(primary.ports["dns"], zone, key), zone
    # The case that no plain zone file can express: a single address below a listed network hides no neighbour.
    for name, codes in (("8.7.0.10", ["127.0.0.8"]), ("9.7.0.10", ["127.0.0.4", "127.0.0.8"])):
        if not {source for source in changes.held["wide"] if source.startswith("10.0.7") or "/" in source}:
            assert ask_both(primary, secondary.port, f"{name}.{WIDE}", "A")[1] == (dns.rcode.NOERROR, codes)
    assert_answers_alike(primary, secondary.port, changes.questions(600))
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.4", "127.0.0.8"):
        form = ipaddress.ip_address(f"::ffff:{address}").reverse_pointer.removesuffix("ip6.arpa")
        assert_answers_alike(primary, secondary.port, [(zone, f"{form}{label}{zone}") for zone in (WIDE, PLAIN) for label in ("", "manual.")])
    assert ask_both(primary, secondary.port, f"2.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}{PLAIN}", "A")[1][1]


def records_now(site, zone):
    """All of a zone as ixfr() writes records, without its SOA, and its serial."""
    lines = [" ".join((line.split(" ", 3)[0], *line.split(" ", 3)[2:])) for line in axfr(site.ports["dns"], zone)]
    serial = next(int(line.split()[4]) for line in lines if is_soa(line))
    return {line for line in lines if not is_soa(line)}, serial


def followed(records, lines):
    """What a secondary has that had `records` and got the IXFR answer."""
    if len(lines) == 1:
        return records
    if not is_soa(lines[1]):
        return set(lines[1:-1])
    records, adding = set(records), True
    for line in lines[1:-1]:
        if is_soa(line):
            adding = not adding
        elif adding:
            records.add(line)
        else:
            records.discard(line)
    return records


class Beside:
    """Single changes, one after the other, while something large goes on."""

    def __init__(self, site, step):
        self.site = site
        self.step = step
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def _work(self):
        number = 0
        while not self.stop.is_set():
            add(self.site, [f"14.{self.step}.{number >> 8}.{number & 255}"], "wide", "--sublist", "manual")
            number += 1

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@pytest.mark.parametrize("kind", [Knot, Nsd, Bind])
def test_imports_and_mass_removals_reach_secondaries(primary, secondaries, kind):
    """What no delta could carry comes by a snapshot, while other changes get numbers: no difference may leave it out."""
    secondary = kind(primary.ports["dns"], [WIDE])
    secondaries.append(secondary)
    allow_transfer(primary, secondary.port)
    run(primary)
    large = primary.path("large")  # so that a snapshot takes a moment
    with open(large, "w", encoding="ascii") as file:
        file.writelines(f"20.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(150000))
    primary.cli("list", "import", large, "--list", "main", "--reason", "many", "-y", timeout=300)
    secondary.start()
    settle(primary, [secondary], [WIDE])
    known = []
    for step in range(6):
        known.append(records_now(primary, WIDE))
        sources = [f"15.{step}.{i >> 8}.{i & 255}" for i in range(700)]
        with Beside(primary, step):
            if step % 3 == 0:
                add(primary, sources, "wide", "--sublist", "other")
            elif step % 3 == 1:
                remove(primary, [source.replace(f"15.{step}.", f"15.{step - 1}.") for source in sources], "wide")
            else:
                with open(large, "w", encoding="ascii") as file:
                    file.writelines(source + "\n" for source in sources)
                primary.cli("list", "import", large, "--list", "wide", "--sublist", "other", "--reason", "some")
        records, serial = records_now(primary, WIDE)
        for old, start in known:
            assert followed(old, ixfr(primary, WIDE, start)) == records, (step, start)
        secondary.wait_for_serial(WIDE, serial)
        assert axfr(secondary.port, WIDE) == axfr(primary.ports["dns"], WIDE), step
        asked_now = [f"{'.'.join(reversed(source.split('.')))}.{WIDE}" for source in sources[::20]]
        assert_answers_alike(primary, secondary.port, [(WIDE, name) for name in asked_now])


# ---- one process takes over from another ----

class Asking:
    """A connection to the primary, and what comes on it."""

    def __init__(self, site, room=None):
        self.stream = socket.socket()
        if room:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.stream.settimeout(30)
        self.stream.connect((HOST, site.ports["dns"]))

    def ask(self, query):
        dns.query.send_tcp(self.stream, query)

    def hear(self):
        return dns.query.receive_tcp(self.stream, time.time() + 30, one_rr_per_rrset=True)[0]

    def is_ended(self):
        """Closed, without an answer."""
        try:
            return self.stream.recv(1) == b""
        except ConnectionResetError:
            return True


def other_rules(site):
    """Other words in the texts, and sockets that take a process of its own."""
    site.conf["lists"]["wide"]["sublists"]["manual"]["template"] = "Now: ${reason}"
    site.conf["dns"]["threads"] = 3
    site.write()


def words(lines):
    """Of all texts in a zone the first word."""
    return {line.split('"')[1].split(":")[0] for line in lines if ' TXT "' in line and line.startswith("*.")}


def test_a_transfer_under_way_ends_with_the_version_it_began(primary):
    """A reload that takes another process: the one before sends what it began, tells no secondary of anything newer, and
    nobody mixes its version with the next."""
    allow_transfer(primary, 9)
    primary.conf["dns"].update({"threads": 1, "tcp": {"idle": "60s"}})
    process = run(primary)
    large = primary.path("large")
    with open(large, "w", encoding="ascii") as file:
        file.writelines(f"20.{i >> 8}.{i & 255}.0/24\n" for i in range(10000))
    primary.cli("list", "import", large, "--list", "wide", "--sublist", "manual", "--reason", "many " * 40, "-y")
    transfer, idle, late, other = (Asking(primary, 4096) for _ in range(4))
    question = dns.message.make_query(f"1.0.0.20.{WIDE}", "A")
    for asking in (idle, late, other):
        asking.ask(question)
        assert asking.hear().answer
    transfer.ask(dns.message.make_query(WIDE, "AXFR", use_edns=False))
    begun = transfer.hear()
    before = begun.answer[0][0].serial
    old = primary.role_pids()["dns"]
    other_rules(primary)
    process.reload()
    wait_for(lambda: primary.role_pids()["dns"] != old, what="the next dns")
    wait_for(lambda: is_followed(primary), 20, "differences")  # so the one before has left the keeper
    # A question is answered once more, and what the zone is now is for the next process to say.
    other.ask(question)
    assert other.hear().answer and other.is_ended()
    late.ask(dns.message.make_query(WIDE, "SOA"))
    assert late.is_ended()
    idle.ask(ixfr_query(primary, WIDE, before))
    assert idle.is_ended()
    assert str(before) not in [event["serial"] for event in process.events("transfer.out")]  # it is still under way
    transfer.ask(ixfr_query(primary, WIDE, before))
    records = list(begun.answer)
    while records[-1].rdtype != dns.rdatatype.SOA:
        records += transfer.hear().answer
    assert transfer.is_ended()
    assert records[-1][0].serial == before
    assert words(f'{rrset.name} TXT {rrset[0]}' for rrset in records if rrset.rdtype == dns.rdatatype.TXT) == {"Listed"}
    for asking in (transfer, idle, late, other):
        asking.stream.close()
    wait_gone(old, 20)
    # Who has it gets all of the next version.
    whole = [line for line in ixfr(primary, WIDE, before) if " TXT " in line]
    assert words(whole) == {"Now"} and len(whole) >= 10000


def test_a_secondary_may_pause_in_a_transfer(clock, primary):
    """A minute, where an idle connection has ten seconds: whoever takes millions of records stops to think."""
    allow_transfer(primary, 9)
    process = run(primary)
    large = primary.path("large")
    with open(large, "w", encoding="ascii") as file:
        file.writelines(f"20.{i >> 8}.{i & 255}.0/24\n" for i in range(10000))
    primary.cli("list", "import", large, "--list", "wide", "--sublist", "manual", "--reason", "many " * 40, "-y")
    pausing, gone = Asking(primary, 4096), Asking(primary, 4096)
    for asking in (pausing, gone):
        asking.ask(dns.message.make_query(WIDE, "AXFR", use_edns=False))
    records = list(pausing.hear().answer)
    for _ in range(5):
        clock.advance(9)
    while records[-1].rdtype != dns.rdatatype.SOA or len(records) == 1:
        records += pausing.hear().answer
    broken = wait_for(lambda: clock.advance(9) or process.events("transfer.broken"), what="the other one to be given up")
    assert len(broken) == 1 and broken[0]["client"] == "%s:%u" % gone.stream.getsockname()
    for asking in (pausing, gone):
        asking.stream.close()


def is_followed(site):
    """Whether the next change comes as a difference."""
    start = serial_now(site)
    add(site, [f"10.1.{start % 256}.0/24"], "wide", "--sublist", "manual")
    try:
        return is_soa(ixfr(site, WIDE, start)[1])
    except (EOFError, ConnectionResetError):  # by the process that leaves just now
        return False


def test_no_differences_while_two_processes_serve_a_zone(primary):
    """Until the former one has left, a secondary may have any serial in its version."""
    allow_transfer(primary, 9)
    primary.conf["dns"]["threads"] = 1
    process = run(primary)
    add(primary, ["192.0.2.0/24"], "wide", "--sublist", "manual")
    add(primary, ["192.0.3.0/24"], "wide", "--sublist", "manual")
    assert is_followed(primary)
    former = primary.role_pids()["dns"]
    os.kill(former, signal.SIGSTOP)
    try:
        other_rules(primary)
        process.reload()
        wait_for(lambda: primary.role_pids()["dns"] != former, what="the next dns")
        wait_for(lambda: words(axfr(primary.ports["dns"], WIDE)) == {"Now"}, what="the new version")
        assert not any(is_followed(primary) for _ in range(3))
    finally:
        os.kill(former, signal.SIGCONT)
    wait_for(lambda: is_followed(primary), 20, "differences")


# ---- DNSSEC by a signer in between (doc/dnssec.md) ----

def documented(root, language, changes):
    """The one block of that language in doc/dnssec.md, with other addresses."""
    text = (root / "doc" / "dnssec.md").read_text(encoding="utf-8")
    block = text.split(f"```{language}\n")[1].split("```")[0]
    for old, new in changes:
        assert old in block, old
        block = block.replace(old, new)
    return block


class Signer(Knot):
    """Knot DNS as it is documented."""
    conf = None

    def command(self):
        return ["knotd", "-c", self.write("knot.conf", self.conf)]


def secure(port, zone, name, kind):
    """The answer of a public server, each record set of it validated with the zone's keys: rcode and records."""
    def ask(what, which):
        answer = dns.query.tcp(dns.message.make_query(what, which, want_dnssec=True), HOST, port=port, timeout=5)
        return answer, answer.answer + answer.authority
    origin = dns.name.from_text(zone)
    keys = next(rrset for rrset in ask(zone, "DNSKEY")[1] if rrset.rdtype == dns.rdatatype.DNSKEY)
    answer, rrsets = ask(name, kind)
    validated = []
    for rrset in rrsets:
        if rrset.rdtype == dns.rdatatype.RRSIG or (rrset.rdtype == dns.rdatatype.NS and rrset in answer.authority):
            continue
        signatures = next(other for other in rrsets if other.rdtype == dns.rdatatype.RRSIG and
                          other.covers == rrset.rdtype and other.name == rrset.name)
        dns.dnssec.validate(rrset, signatures, {origin: keys})
        validated.append(rrset)
    return answer.rcode(), validated


def records_of(rrsets, kind):
    return sorted(str(item) for rrset in rrsets if rrset.rdtype == kind for item in rrset)


def covers(nsec, name):
    """Whether an NSEC record says that nothing stands at name."""
    end = nsec[0].next
    return nsec.name < name and (name < end or end <= nsec.name)


def test_a_signer_in_between(primary, secondaries, root):
    key = give_key(primary, "to-signer")
    signer = Signer(primary.ports["dns"], [WIDE])
    public = Nsd(signer.port, [WIDE])
    secondaries += [public, signer]
    signer.conf = documented(root, "knot", [
        ("192.0.2.2@53", f"{HOST}@{signer.port}"), ("192.0.2.1@53", f"{HOST}@{primary.ports['dns']}"),
        ("192.0.2.3@53", f"{HOST}@{public.port}"), ("192.0.2.1", HOST), ("192.0.2.3", HOST),
        ("THE-SECRET-IN-BASE64", key.secret), ("bl.example.org", WIDE),
        ("/run/knot", signer.folder), ("/var/lib/knot", signer.folder)])
    allow_transfer(primary, signer.port, key)
    run(primary)
    add(primary, ["198.51.100.0/24"], "wide", "--sublist", "manual")
    signer.start()
    public.start()
    listed = f"9.100.51.198.{WIDE}"

    def signed(name, kind):
        try:
            return secure(public.port, WIDE, name, kind)
        except (StopIteration, dns.exception.DNSException, OSError):
            return None, []
    wait_for(lambda: records_of(signed(listed, "A")[1], dns.rdatatype.A) == ["127.0.0.8"], 60,
             lambda: f"a signed answer; the signer says:\n{signer.log()[-3000:]}")  # from a wildcard
    assert records_of(secure(public.port, WIDE, listed, "TXT")[1], dns.rdatatype.TXT) == ['"Listed: spam run"']

    # A change comes through, by differences, and is signed; what is not listed is proved not to be.
    add(primary, ["203.0.113.7"], "wide", "--sublist", "other")
    wait_for(lambda: records_of(signed(f"7.113.0.203.{WIDE}", "A")[1], dns.rdatatype.A) == ["127.0.0.4"], 60,
             lambda: f"the change; the signer says:\n{signer.log()[-3000:]}")
    assert signer.count("ixfr", WIDE) >= 1, signer.log()
    rcode, proof = secure(public.port, WIDE, f"8.113.0.203.{WIDE}", "A")
    assert rcode == dns.rcode.NXDOMAIN
    assert any(rrset.rdtype == dns.rdatatype.NSEC and covers(rrset, dns.name.from_text(f"8.113.0.203.{WIDE}"))
               for rrset in proof)
    rcode, proof = secure(public.port, WIDE, f"113.0.203.{WIDE}", "A")  # an empty non-terminal
    assert rcode == dns.rcode.NOERROR and not records_of(proof, dns.rdatatype.A)

    # With a bit of it turned, nothing validates: the validation above means something.
    answer = dns.query.tcp(dns.message.make_query(listed, "A", want_dnssec=True), HOST, port=public.port, timeout=5)
    rrset = next(rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A)
    signatures = next(other for other in answer.answer if other.rdtype == dns.rdatatype.RRSIG)
    keys = next(other for other in dns.query.tcp(dns.message.make_query(WIDE, "DNSKEY"), HOST, port=public.port).answer)
    forged = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", "A", "127.0.0.5")
    with pytest.raises(dns.dnssec.ValidationFailure):
        dns.dnssec.validate(forged, signatures, {dns.name.from_text(WIDE): keys})
