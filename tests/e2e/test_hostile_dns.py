# SPDX-License-Identifier: ISC
"""A resolver that is under attack, or attacks: whatever comes back, mail flows, nobody gets a 5xx for it, the gate lives."""
import struct

import dns.flags
import dns.message
import dns.rrset
import pytest

from harness.smtp import MESSAGE, SmtpClient, deliver
from harness.waiting import wait_for

CLIENT = "192.0.2.99"
REVERSE = "99.2.0.192.in-addr.arpa"
ZONE = "bl.foreign.test"


@pytest.fixture(autouse=True)
def keeper(site, clock):
    """What is decided here is decided with lists: without, nobody would be refused for good anyway."""
    return site.start("keeper")


@pytest.fixture
def gate(site, nameserver, clock):
    """Before it: a foreign list that lives, and rules under which DNS alone decides."""
    nameserver.dnsbl(ZONE)
    site.conf["dnsbl"] = [{"zone": ZONE, "name": "Foreign", "codes": "127.0.0.2", "action": "reject"}]
    site.conf["gate"]["limits"] = {"network": {"connections": 0}}  # so that one can ask for much
    # Without a PTR nobody is refused here: what these answers must never do is to look like a verdict of the list.
    site.conf["checks"] |= {"no-ptr": {"action": "off"}, "fcrdns": {"action": "off"}}
    process = site.start("gate")
    wait_for(lambda: nameserver.asked(f"1.0.0.127.{ZONE}"))
    return process


def respond(query, *records, name=None, rtype="A", ttl=60):
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    if records:
        response.answer.append(dns.rrset.from_text_list(name or query.question[0].name, ttl, "IN", rtype, records))
    return response


def listed(query):
    return respond(query, "127.0.0.2").to_wire()


def header(query, answers, flags=0x8180, questions=1):
    return struct.pack("!HHHHHH", query.id, flags, questions, answers, 0, 0)


def question(query):
    q = query.question[0]
    return q.name.to_wire() + struct.pack("!HH", q.rdtype, q.rdclass)


def record(owner, rtype, rdata, length=None):
    return owner + struct.pack("!HHIH", rtype, 1, 60, len(rdata) if length is None else length) + rdata


def wrong_id(query, transport):
    return [struct.pack("!H", query.id ^ 0x5555) + listed(query)[2:]] * 3


def wrong_question(query, transport):
    other = dns.message.make_query("somebody.else.test", "A", id=query.id)
    return [listed(other)]


def wrong_type(query, transport):
    q = query.question[0]
    return [header(query, 1) + q.name.to_wire() + struct.pack("!HH", 16, 1)
            + record(b"\xc0\x0c", 1, b"\x7f\x00\x00\x02")]


def other_case(query, transport):
    """What an attacker from outside sends who has guessed id and port, but not the letters' case (0x20)."""
    q = query.question[0]
    name = q.name.to_wire().swapcase()
    return [header(query, 1) + name + struct.pack("!HH", q.rdtype, 1) + record(b"\xc0\x0c", 1, b"\x7f\x00\x00\x02")]


def compression_loop(query, transport):
    start = header(query, 1) + question(query)
    return [start + record(struct.pack("!H", 0xc000 | len(start)), 1, b"\x7f\x00\x00\x02")]


def forward_pointer(query, transport):
    start = header(query, 1) + question(query)
    return [start + record(struct.pack("!H", 0xc000 | (len(start) + 16)), 1, b"\x7f\x00\x00\x02") + b"\x00"]


def long_label(query, transport):
    return [header(query, 1) + question(query) + record(b"\x40" + b"a" * 64 + b"\x00", 1, b"\x7f\x00\x00\x02")]


def long_name(query, transport):
    return [header(query, 1) + question(query) + record((b"\x3f" + b"a" * 63) * 4 + b"\x00", 1, b"\x7f\x00\x00\x02")]


def rdata_overrun(query, transport):
    return [header(query, 1) + question(query) + record(b"\xc0\x0c", 1, b"\x7f\x00\x00\x02", length=65535)]


def short_address(query, transport):
    return [header(query, 1) + question(query) + record(b"\xc0\x0c", 1, b"\x7f\x00\x00")]


def all_malformed(query, transport):
    """Records of the type that was asked for, none of which can be read."""
    start = header(query, 2) + question(query)
    return [start + record(b"\xc0\x0c", query.question[0].rdtype, b"\xc0\xff") * 2]


def counts_lie(query, transport):
    return [header(query, 65535) + question(query) + record(b"\xc0\x0c", 1, b"\x7f\x00\x00\x02")]


def no_header(query, transport):
    return [b"", b"\x00", struct.pack("!H", query.id), header(query, 0)[:11]]


def a_query(query, transport):
    return [header(query, 0, flags=0x0100) + question(query)]


def alias_loop(query, transport):
    response = respond(query, "loop.attack.test.", rtype="CNAME")
    response.answer.append(dns.rrset.from_text("loop.attack.test.", 60, "IN", "CNAME", query.question[0].name.to_text()))
    return [response.to_wire()]


def alias_to_nowhere(query, transport):
    return [respond(query, "nowhere.attack.test.", rtype="CNAME").to_wire()]


def alias_to_itself(query, transport):
    return [respond(query, query.question[0].name.to_text(), rtype="CNAME").to_wire()]


def huge_text(query, transport):
    """64 KB of TXT beside the question that was asked, over TCP as it has to be."""
    if transport == "udp":
        response = respond(query)
        response.flags |= dns.flags.TC
        return [response.to_wire()]
    text = b"".join(b"\xff" + b"<" * 255 for _ in range(15))
    records = b"".join(record(b"\xc0\x0c", 16, text) for _ in range(16))
    return [header(query, 16) + question(query) + records]


def huge_datagram(query, transport):
    return [header(query, 16) + question(query) + b"".join(record(b"\xc0\x0c", 16, b"\xfe" + b"a" * 254)
                                                           for _ in range(200))]


def flood(query, transport):
    return [wrong_id(query, transport)[0]] * 500


ATTACKS = [wrong_id, wrong_question, wrong_type, other_case, compression_loop, forward_pointer, long_label, long_name,
           rdata_overrun, counts_lie, no_header, a_query, alias_loop, alias_to_itself, huge_datagram, flood, all_malformed]
# Answers that are whole and hold nothing of the type that was asked: to a PTR question they say that there is none.
EMPTY = [short_address, alias_to_nowhere, huge_text]


def talk(site, clock, client=CLIENT):
    """A transaction while the gate's time runs fast, so that tries of the resolver run out; the reply that ended it."""
    with SmtpClient(site.ports["gate"], client) as smtp:
        smtp.ehlo("friend.test")
        smtp.command("MAIL FROM:<a@good.test>")
        smtp.send(b"RCPT TO:<joe@example.test>\r\n")
        smtp.socket.settimeout(0.05)

        def answered():
            try:
                return smtp.read_reply()
            except TimeoutError:
                clock.advance(0.5)
                return None
        reply = wait_for(answered)
        smtp.socket.settimeout(30)
        return smtp.data(MESSAGE) if reply.code == 250 else reply


def passes(site, clock, client=CLIENT):
    """250, or a word that the client may come again after: never 5xx."""
    reply = talk(site, clock, client)
    assert reply.code < 500, reply
    return reply.code == 250


@pytest.mark.parametrize("attack", ATTACKS + EMPTY, ids=lambda attack: attack.__name__)
def test_answers_of_an_attacker_are_no_listing(site, clock, gate, sink, nameserver, attack):
    nameserver.forge(nameserver.dnsbl_name(ZONE, CLIENT), attack)
    assert passes(site, clock)
    assert nameserver.asked(nameserver.dnsbl_name(ZONE, CLIENT)) >= 1
    assert gate.is_running() and len(sink.messages) == 1
    # and the list counts for others as before
    nameserver.dnsbl(ZONE, "192.0.2.98")
    assert deliver(site.ports["gate"], "192.0.2.98", helo="friend.test").code == 554


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_answers_of_an_attacker_are_no_name(site, clock, nameserver, attack):
    """The same bytes as an answer to PTR: no-ptr refuses who has none, so these must not read as "none"."""
    nameserver.forge(REVERSE, attack)
    gate = site.start("gate")
    passes(site, clock)
    assert gate.is_running()
    assert deliver(site.ports["gate"], "192.0.2.10").code == 250


def test_a_bad_answer_does_not_end_the_wait_for_the_good_one(site, gate, nameserver):
    """Off the path: guesses arrive first, the resolver's own answer after them."""
    nameserver.forge(nameserver.dnsbl_name(ZONE, CLIENT), lambda query, transport: [
        *wrong_id(query, transport), *wrong_question(query, transport), *no_header(query, transport), listed(query)])
    assert deliver(site.ports["gate"], CLIENT, helo="friend.test").code == 554


@pytest.mark.parametrize("addresses", [
    ["192.0.2.1"], ["10.0.0.1"], ["8.8.8.8", "127.0.0.2"], ["127.0.0.1"], ["127.255.255.252"], ["127.255.255.254"],
    ["127.255.255.255"], ["127.0.0.2", "127.255.255.254"], ["128.0.0.2"], ["0.0.0.0"]], ids="+".join)
def test_addresses_that_are_no_code_of_a_list(site, clock, gate, nameserver, sink, addresses):
    nameserver.forge(nameserver.dnsbl_name(ZONE, CLIENT), lambda query, transport: [
        respond(query, *addresses).to_wire()])
    assert passes(site, clock)
    assert len(sink.messages) == 1


@pytest.mark.parametrize("ttl", [0, 1, 2**31 - 1])
def test_odd_lifetimes_do_no_harm(site, gate, nameserver, ttl):
    nameserver.forge(nameserver.dnsbl_name(ZONE, CLIENT), lambda query, transport: [
        respond(query, "127.0.0.2", "127.0.0.9", ttl=ttl).to_wire()])
    for _ in range(3):
        assert deliver(site.ports["gate"], CLIENT, helo="friend.test").code == 554


def test_five_hundred_addresses_are_an_answer(site, gate, nameserver):
    """All of the list's code set, since only so many of them are looked at."""
    def many(query, transport):
        response = respond(query)
        if transport == "udp":
            response.flags |= dns.flags.TC
            return [response.to_wire()]
        return [header(query, 500) + question(query) + record(b"\xc0\x0c", 1, b"\x7f\x00\x00\x02") * 500]

    nameserver.forge(nameserver.dnsbl_name(ZONE, CLIENT), many)
    assert deliver(site.ports["gate"], CLIENT, helo="friend.test").code == 554


def test_a_thousand_names_are_asked_for_two_at_a_time(site, clock, nameserver):
    """D2: each of them costs a question of ours, so the owner of a reverse zone does not say how many we ask at once."""
    def thousand(query, transport):
        response = respond(query, *(f"h{i}.attack.test." for i in range(1000)), rtype="PTR")
        if transport == "udp":
            response.answer = []
            response.flags |= dns.flags.TC
        return [response.to_wire(max_size=65535)]

    def asked():
        return {name for name, rtype, _ in nameserver.questions if name.endswith(".attack.test.")}
    nameserver.forge(REVERSE, thousand)
    site.conf["checks"] |= {"fcrdns": {"action": "tag"}}
    gate = site.start("gate")
    nameserver.fail("attack.test", "silence")
    with SmtpClient(site.ports["gate"], CLIENT) as smtp:
        smtp.ehlo("friend.test")
        wait_for(asked)
        for _ in range(20):
            smtp.command("NOOP")
        assert 1 <= len(asked()) <= 2
    nameserver.heal("attack.test")
    clock.advance(10)
    assert passes(site, clock)
    assert 2 < len(asked()) <= 32
    assert gate.is_running()


def test_all_names_that_point_back_count(site, clock, nameserver):
    """Resolvers turn the records of an answer round: which name comes first must not decide."""
    names = [f"h{i}.hoster.test" for i in range(14)] + ["mx.partner.test"]
    nameserver.ptr(CLIENT, *names)
    for name in names:
        nameserver.add(name, "A", CLIENT)
    site.start("gate")
    site.cli("list", "add", CLIENT, "--list", "main", "--reason", "spam")
    assert talk(site, clock).code == 554
    site.cli("allow", "mx.partner.test", "--reason", "partner")
    for _ in range(3):
        assert talk(site, clock).code == 250
        names.insert(0, names.pop())
        nameserver.remove(REVERSE, "PTR")
        nameserver.ptr(CLIENT, *names)
        clock.advance(3700)


@pytest.mark.parametrize("name", [
    "a\\010b.attack.test.", "<script>alert\\(1\\)</script>.attack.test.", "\\000.attack.test.", "\\255\\254.attack.test.",
    "a\\.b.attack.test.", "\\@[192.0.2.10].attack.test.", "."], ids=range(7))
def test_names_with_any_bytes_change_nothing(site, clock, nameserver, sink, name):
    nameserver.add(REVERSE, "PTR", name)
    site.conf["checks"] |= {"no-ptr": {"action": "tag"}, "fcrdns": {"action": "tag"}}
    gate = site.start("gate")
    assert passes(site, clock)
    fields = sink.messages[0]["data"].split(b"\r\n\r\n", 1)[0]
    assert b"<script>" not in fields and b"attack" not in fields  # no name that was not confirmed
    assert all(line[:1] in b" \t" or b":" in line for line in fields.split(b"\r\n"))
    assert gate.log.isprintable() or all(line.isprintable() for line in gate.log.splitlines())
    assert sink.messages[0]["xclient"]["NAME"] == "[UNAVAILABLE]"


@pytest.mark.parametrize("how", ["servfail", "refused", "garbage", "silence", "truncate"])
def test_trouble_of_the_resolver_is_never_a_refusal(site, nameserver, sink, clock, how):
    """PTR and forward lookup fail: under the strictest rules still no 5xx."""
    nameserver.dnsbl(ZONE)
    nameserver.fail("arpa", how)
    nameserver.fail(ZONE, how)
    site.conf["dnsbl"] = [{"zone": ZONE, "name": "Foreign", "codes": "127.0.0.2", "action": "reject"}]
    site.conf["checks"] |= {"no-ptr": {"action": "reject"}, "fcrdns": {"action": "reject"}}
    gate = site.start("gate")
    code = talk(site, clock).code
    assert code == 550 if how == "truncate" else code < 500  # over TCP it does say that there is no PTR
    assert gate.is_running()


def test_dead_zones_of_a_client_do_not_switch_the_lists_off(site, gate, nameserver, clock):
    """Ten names in a zone whose servers are silent: the resolver is well, and the next client is looked up as ever."""
    nameserver.ptr(CLIENT, *(f"h{i}.dead.test" for i in range(10)))
    nameserver.fail("dead.test", "silence")
    nameserver.dnsbl(ZONE, "192.0.2.98")
    with SmtpClient(site.ports["gate"], CLIENT) as smtp:
        smtp.ehlo("friend.test")
        asked = nameserver.asked("localhost")

        def checked():
            clock.advance(0.5)
            smtp.command("NOOP")  # the gate has noticed; time does not run ahead of it
            return nameserver.asked("localhost") > asked
        wait_for(checked, what="the gate to doubt the resolver")
        assert deliver(site.ports["gate"], "192.0.2.98", helo="friend.test").code == 554
    assert gate.events("resolver.down") == []


def test_a_network_that_asks_for_much_leaves_the_lists_to_others(site, gate, nameserver):
    """One host has all addresses of a /48, and a reverse zone whose servers are silent."""
    nameserver.fail("d.a.b.0.8.b.d.0.1.0.0.2.ip6.arpa", "silence")
    nameserver.dnsbl(ZONE, "192.0.2.98")
    crowd = [SmtpClient(site.ports["gate"], f"2001:db8:bad:{i:x}::1", greeting=False) for i in range(500)]
    wait_for(lambda: gate.events("resolver.full"))
    assert gate.events("resolver.full")[0]["client"].startswith("2001:db8:bad:")
    assert deliver(site.ports["gate"], "192.0.2.98", helo="friend.test").code == 554
    for client in crowd:
        client.close()
    assert gate.events("dnsbl.state") == [] and gate.events("resolver.down") == []
