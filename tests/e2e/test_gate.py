# SPDX-License-Identifier: ISC
"""The gate between a client and a backend: the dialogue, the verdicts, and everything that goes wrong."""
import contextlib
import os
import re
import resource
import signal
import socket
import struct

import pytest

import smtp_model
from gate_backend import RawBackend
from harness.nameserver import NameServer
from harness.smtp import MESSAGE, SmtpClient, deliver, proxy_v1, proxy_v2
from harness.waiting import free_port, wait_for

GOOD = "192.0.2.10"       # mail.good.test, confirmed
BARE = "192.0.2.66"       # no PTR
HELLO = b"EHLO mail.good.test\r\nMAIL FROM:<a@good.test>\r\nRCPT TO:<joe@example.test>\r\nDATA\r\n"


@pytest.fixture
def raw(site):
    """A raw backend in the sink's place."""
    site.ports["backend"] = free_port()
    site.conf["gate"]["backend"]["address"] = f"127.0.0.1:{site.ports['backend']}"
    with RawBackend(site.ports["backend"]) as backend:
        yield backend


@pytest.fixture
def keeper(site):
    """For the gate that starts after it there is a list: who is on none is not allowed either."""
    return site.start("keeper")


@pytest.fixture
def gate(site):
    """A gate before the sink."""
    return site.start("gate")


@pytest.fixture
def raw_gate(site, raw):
    return site.start("gate")


def open_session(site, client=GOOD, helo="mail.good.test"):
    smtp = SmtpClient(site.ports["gate"], client)
    assert smtp.greeting.code == 220
    assert smtp.ehlo(helo).code == 250
    return smtp


# ---- a message that is wanted ----

def test_good_mail_passes_with_the_client_known_behind(site, gate, sink):
    reply = deliver(site.ports["gate"], GOOD)
    assert str(reply) == "250 2.0.0 Ok: kept as 1"  # the backend's own words
    message = sink.messages[0]
    assert message["client"] == GOOD
    assert message["helo"] == "mail.good.test"
    assert message["xclient"]["NAME"] == "mail.good.test"
    assert message["xclient"]["PROTO"] == "ESMTP"
    fields, body = message["data"].split(b"\r\n\r\n", 1)
    assert re.match(rb"Received: from mail\.good\.test \(mail\.good\.test \[192\.0\.2\.10\]\)\r\n"
                    rb"\tby mx1\.example\.test \(Stockade\) with ESMTP id [0-9A-F]{16};\r\n"
                    rb"\t\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n", fields)
    assert body == MESSAGE.split(b"\r\n\r\n", 1)[1]
    event = gate.wait_for_event("gate.accept")[0]
    assert (event["client"], event["from"], event["recipients"]) == (GOOD, "a@good.test", "1")


def test_ipv6_client_by_proxy_version_2(site, gate, sink, nameserver):
    nameserver.host("six.good.test", "2001:db8::25")
    assert deliver(site.ports["gate"], "2001:db8::25", helo="six.good.test", version=2).code == 250
    assert sink.messages[0]["client"] == "IPV6:2001:db8::25"
    assert b"[IPv6:2001:db8::25]" in sink.messages[0]["data"]


def test_several_messages_and_rset_in_one_connection(site, raw_gate, raw):
    with open_session(site) as smtp:
        for number in range(3):
            assert smtp.envelope("a@good.test", "joe@example.test", "eve@example.test").code == 250
            assert smtp.data(b"Subject: %d\r\n\r\n" % number).code == 250
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.command("RSET").code == 250
        assert smtp.envelope("b@good.test", "joe@example.test").code == 250
        assert smtp.data(b"Subject: last\r\n\r\n").code == 250
        assert smtp.quit().code == 221
    wait_for(lambda: raw.commands[-1] == "QUIT", what="the backend to hear the end")
    assert len(raw.messages) == 4
    assert [c for c in raw.commands if c.startswith("MAIL FROM:<b@")] == ["MAIL FROM:<b@good.test>"]
    assert raw.commands[-7:-1] == ["MAIL FROM:<a@good.test>", "RCPT TO:<joe@example.test>", "RSET",
                                   "MAIL FROM:<b@good.test>", "RCPT TO:<joe@example.test>", "DATA"]


def test_pipelined_dialogue_in_one_segment(site, raw_gate, raw):
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.send(b"EHLO mail.good.test\r\nMAIL FROM:<a@good.test> BODY=8BITMIME RET=HDRS\r\n"
                  b"RCPT TO:<joe@example.test> NOTIFY=NEVER\r\nRCPT TO:<x@foreign.test>\r\n"
                  b"RCPT TO:<eve@example.test>\r\nDATA\r\n")
        codes = [smtp.read_reply().code for _ in range(6)]
        assert codes == [250, 250, 250, 550, 250, 354]
        smtp.send(b"Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        assert [smtp.read_reply().code for _ in range(2)] == [250, 221]
        assert smtp.is_closed()
    assert "MAIL FROM:<a@good.test> BODY=8BITMIME RET=HDRS" in raw.commands
    assert "RCPT TO:<joe@example.test> NOTIFY=NEVER" in raw.commands


def test_byte_by_byte(site, raw_gate, raw):
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HELLO:
            smtp.send(bytes([byte]))
        assert [smtp.read_reply().code for _ in range(4)] == [250, 250, 250, 354]
        for byte in b"Subject: x\r\n\r\n..a\r\nb\r\n.\r\n":
            smtp.send(bytes([byte]))
        assert smtp.read_reply().code == 250
    assert raw.messages[0].endswith(b"Subject: x\r\n\r\n..a\r\nb\r\n")


def test_keywords_are_the_intersection(site, raw):
    raw.keywords = ["SIZE 5000", "8BITMIME", "STARTTLS", "AUTH PLAIN", "CHUNKING", "VRFY", "ETRN"]
    site.start("gate")
    with open_session(site) as smtp:
        assert sorted(smtp.extensions) == ["8BITMIME", "CHUNKING", "SIZE 5000"]
        for command in ("AUTH PLAIN x", "STARTTLS", "ETRN x", "EXPN x"):
            assert smtp.command(command).code == 502
        assert smtp.command("MAIL FROM:<a@good.test> SMTPUTF8").code == 555
        assert smtp.command("MAIL FROM:<a@good.test> RET=FULL").code == 555
        assert smtp.command("MAIL FROM:<a@good.test> SIZE=5001").enhanced == "5.3.4"
        assert smtp.command("VRFY joe").code == 252
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        # Without PIPELINING each command waits for the reply to the one before.
        assert smtp.data(MESSAGE).code == 250


# ---- a message that is not wanted ----

def test_refusal_has_number_log_and_postfix_line(site, keeper, gate, sink):
    reply = deliver(site.ports["gate"], BARE, helo="friend.test", sender="x@y.test")
    assert (reply.code, reply.enhanced) == (550, "5.7.25")
    number = re.search(r"https://mail\.example\.test/why/(\w{4}-\w{4}-\w{4})$", reply.text).group(1)
    event = gate.wait_for_event("gate.refuse")[0]
    assert (event["incident"], event["client"], event["rule"], event["mode"]) == (number, BARE, "no-ptr", "enforce")
    assert f"NOQUEUE: reject: RCPT from unknown[{BARE}]: 550 5.7.25 " in gate.log
    assert "; from=<x@y.test> to=<joe@example.test> proto=ESMTP helo=<friend.test>" in gate.log
    assert sink.messages == [] and "MAIL" not in str(sink.said)
    # The same source and reason within the hour: the same number.
    assert number in deliver(site.ports["gate"], BARE, sender="other@y.test").text
    assert number not in deliver(site.ports["gate"], "192.0.2.67").text


def test_observe_lets_through_and_says_so(site, sink):
    site.conf["mode"] = "observe"
    gate = site.start("gate")
    assert deliver(site.ports["gate"], BARE).code == 250
    assert b"X-Stockade" not in sink.messages[0]["data"]
    assert gate.wait_for_event("gate.would-refuse")[0]["rule"] == "no-ptr"
    assert f"NOQUEUE: reject_warning: RCPT from unknown[{BARE}]" in gate.log


def test_tag_adds_a_field_and_takes_forged_ones_away(site, sink):
    site.conf["mode"] = "tag"
    gate = site.start("gate")
    forged = b"X-Stockade: pass\r\nx-stockade-client-ip:\r\n 127.0.0.1\r\n" + MESSAGE
    assert deliver(site.ports["gate"], BARE, body=forged).code == 250
    assert deliver(site.ports["gate"], GOOD, body=forged).code == 250
    number = gate.wait_for_event("gate.would-refuse")[0]["incident"]
    tagged, plain = (m["data"] for m in sink.messages)
    assert tagged.count(b"X-Stockade") == 1
    assert b"X-Stockade: would-refuse; rule=no-ptr; incident=%s\r\n" % number.encode() in tagged
    assert b"tockade:" not in plain and b"127.0.0.1" not in plain
    assert tagged.endswith(MESSAGE) and plain.endswith(MESSAGE)


def test_strangers_never_relay(site, raw):
    site.start("gate")
    with open_session(site) as smtp:
        smtp.command("MAIL FROM:<a@good.test>")
        assert smtp.command("RCPT TO:<x@foreign.test>").enhanced == "5.7.1"
        for path in ("<x%foreign.test@example.test>", "<foreign.test!x@example.test>",
                     '<"x@foreign.test"@example.test>'):
            assert smtp.command(f"RCPT TO:{path}").enhanced == "5.1.3", path
        for path in ("<x@[192.0.2.1]>", "<x@example.test.foreign.test>", "<x@foreignexample.test>", "<x>", "x@foreign.test",
                     "<@example.test:x@foreign.test>", "<x@foreign.test.>"):
            assert smtp.command(f"RCPT TO:{path}").enhanced == "5.7.1", path
        for path in ("<>", "<x@example.test", "x@example.test>", "<x@example.test..>"):
            assert smtp.command(f"RCPT TO:{path}").code == 501, path
        assert smtp.command("DATA").code == 554
    assert raw.messages == []


def test_own_networks_may_relay(site, raw_gate, raw):
    assert deliver(site.ports["gate"], "10.99.1.2", recipient="x@foreign.test").code == 250


def test_postmaster_is_reachable_for_the_refused(site, keeper, raw_gate):
    with open_session(site, BARE) as smtp:
        smtp.command("MAIL FROM:<x@y.test>")
        assert smtp.command("RCPT TO:<joe@example.test>").code == 550
        for path in ("<postmaster>", "<Postmaster@example.test>", "<abuse@example.test>"):
            assert smtp.command(f"RCPT TO:{path}").code == 250, path


def start_without_a_list(site):
    """A gate whose keeper is away, on a machine that has lost its lists."""
    assert site.start("keeper").stop() == 0
    for name in os.listdir(site.path("lists")):
        os.unlink(site.path("lists", name))
    return site.start("gate")


def test_a_gate_without_a_list_refuses_nobody_for_good(site, sink):
    """It does not know who is allowed here. Relaying is nobody's allowance."""
    start_without_a_list(site)
    assert str(deliver(site.ports["gate"], BARE)).startswith("451 4.3.0 Our fault")
    assert deliver(site.ports["gate"], BARE, recipient="joe@elsewhere.test").code == 550
    assert deliver(site.ports["gate"], GOOD).code == 250
    site.start("keeper")
    wait_for(lambda: deliver(site.ports["gate"], BARE).code == 550, what="the first list")


def test_without_a_list_mail_may_be_made_to_wait(site, sink):
    site.conf["gate"]["if-we-fail"] = "tempfail"
    start_without_a_list(site)
    assert deliver(site.ports["gate"], GOOD).code == 451
    site.start("keeper")
    wait_for(lambda: deliver(site.ports["gate"], GOOD).code == 250, what="the first list")


def test_each_recipient_has_its_own_verdict(site, raw_gate, raw):
    with open_session(site) as smtp:
        smtp.command("MAIL FROM:<a@good.test>")
        raw.script["RCPT"] = "550 5.1.1 <nobody@example.test>: no such user"
        assert smtp.command("RCPT TO:<nobody@example.test>").enhanced == "5.1.1"
        raw.script.clear()
        assert smtp.command("RCPT TO:<joe@example.test>").code == 250
        assert smtp.command("RCPT TO:<x@foreign.test>").code == 550
        assert smtp.data(MESSAGE).code == 250
    assert len(raw.messages) == 1


# ---- the greeting ----

def test_early_talker_is_refused_and_who_waits_waits_once(site, sink, clock, keeper):
    site.conf["checks"]["early"] = {"action": "reject", "wait": "6s"}
    site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD, greeting=False) as smtp:
        assert smtp.read_line() == "220-mx1.example.test ESMTP"
        smtp.send(b"EHLO mail.good.test\r\n")
        assert smtp.read_line() == "220 mx1.example.test ESMTP"
        assert smtp.read_reply().code == 250
        assert smtp.envelope("a@good.test", "joe@example.test").enhanced == "5.5.0"
    with SmtpClient(site.ports["gate"], GOOD, greeting=False) as smtp:
        assert smtp.read_line() == "220-mx1.example.test ESMTP"
        clock.advance(6)
        assert smtp.read_line() == "220 mx1.example.test ESMTP"
    with SmtpClient(site.ports["gate"], GOOD, greeting=False) as smtp:
        assert smtp.read_line() == "220 mx1.example.test ESMTP"
    clock.advance(86401)
    with SmtpClient(site.ports["gate"], GOOD, greeting=False) as smtp:
        assert smtp.read_line() == "220-mx1.example.test ESMTP"


def test_own_network_does_not_wait(site, sink, clock):
    site.conf["checks"]["early"] = {"action": "reject", "wait": "6s"}
    site.start("gate")
    with SmtpClient(site.ports["gate"], "10.99.0.1", greeting=False) as smtp:
        assert smtp.read_line() == "220 mx1.example.test ESMTP"


def test_waiting_ends_when_a_foreign_list_has_spoken(site, sink, nameserver, clock, keeper):
    nameserver.dnsbl("bl.foreign.test", GOOD)
    site.conf["checks"]["early"] = {"action": "reject", "wait": "6s"}
    site.conf["dnsbl"] = [{"zone": "bl.foreign.test", "name": "Foreign", "codes": "127.0.0.2", "action": "reject"}]
    site.start("gate")
    wait_for(lambda: nameserver.asked("2.0.0.127.bl.foreign.test"))

    def listed():
        with SmtpClient(site.ports["gate"], GOOD) as smtp:
            smtp.ehlo("mail.good.test")
            return smtp.envelope("a@good.test", "joe@example.test").code == 554
    wait_for(listed, what="the list's test points to be seen")


# ---- strange clients ----

def test_proxy_header_is_demanded_from_listed_peers(site, clock, gate):
    for start in (b"EHLO x\r\n", b"PROXY TCP4 1.2.3.4\r\n", b"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c" + b"x" * 12,
                  b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", b"\r\n\r\n\x00\r\nQUIX\n", b"\x16\x03\x01\x02\x00",
                  b"PROXY TCP4 " + b"1" * 200):
        with SmtpClient(site.ports["gate"], greeting=False) as smtp:
            smtp.send(start)
            assert smtp.read_reply().code == 421, start
            assert smtp.is_closed(), start
    with SmtpClient(site.ports["gate"], greeting=False) as smtp:
        smtp.send(proxy_v2(GOOD)[:-1])
        clock.advance(6)
        assert smtp.read_reply().code == 421
        assert smtp.is_closed()
    assert gate.log.count("gate.proxy-unnamed") == 8


V2 = b"\r\n\r\n\x00\r\nQUIT\n"


def test_health_check_of_a_balancer(site, gate):
    with socket.create_connection(("127.0.0.1", site.ports["gate"])):
        pass  # a look at the port is one, too
    with SmtpClient(site.ports["gate"], greeting=False) as smtp:
        smtp.send(V2 + b"\x20\x00\x00\x00")
        assert smtp.read_reply().code == 220
        assert smtp.command("EHLO balancer.example.test").code == 250
        assert smtp.command("QUIT").code == 221
    assert "gate.refuse" not in gate.log and "gate.proxy-unnamed" not in gate.log


def test_whom_a_balancer_does_not_name_is_not_one_of_us(site, sink):
    """Not even when the balancer's own address is: nobody hands in mail, nothing is relayed."""
    site.conf["own"]["networks"] = ["127.0.0.0/8"]
    gate = site.start("gate")
    for header in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 192.0.2.66 127.0.0.1 4000 25\r\n", V2 + b"\x21\x00\x00\x00"):
        with SmtpClient(site.ports["gate"], greeting=False) as smtp:
            smtp.send(header)
            assert smtp.read_reply().code == 421
            assert smtp.is_closed()
    with SmtpClient(site.ports["gate"], greeting=False) as smtp:
        smtp.send(V2 + b"\x20\x00\x00\x00")
        assert smtp.read_reply().code == 220
        assert smtp.command("EHLO balancer.example.test").code == 250
        assert smtp.command("MAIL FROM:<a@elsewhere.test>").code == 421
        assert smtp.is_closed()
    assert gate.log.count("gate.proxy-unnamed") == 4 and not sink.messages


def test_proxy_header_and_xclient_are_refused_from_others(site, gate):
    site.conf["gate"]["proxy-from"] = ["192.0.2.1/32"]
    site.write()
    gate.reload()
    for header in (proxy_v1(GOOD), b"XCLIENT ADDR=127.0.0.1\r\n", b"XFORWARD ADDR=127.0.0.1\r\n"):
        with SmtpClient(site.ports["gate"]) as smtp:
            smtp.send(header)
            assert smtp.read_reply().code in (550, 554)
            assert smtp.is_closed()
    assert [event["rule"] for event in gate.wait_for_event("gate.refuse", 3)] == ["not-smtp", "xclient", "xclient"]


def test_what_is_not_smtp_is_dropped(site, gate):
    for start in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT mx:25 HTTP/1.0\r\n\r\n",
                  b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\n", b"Subject: hello\r\n"):
        with SmtpClient(site.ports["gate"], GOOD) as smtp:
            smtp.send(start)
            assert smtp.read_reply().code == 554
            assert smtp.is_closed()


def test_what_follows_bdat_is_no_command(site, raw_gate, raw):
    """Offered or not: the octets that were announced are read and dropped."""
    inside = b"MAIL FROM:<a@good.test>\r\nRCPT TO:<joe@example.test>\r\nDATA\r\n"
    with open_session(site) as smtp:
        smtp.envelope("a@good.test", "joe@example.test")
        smtp.send(b"BDAT %d LAST\r\n" % len(inside) + inside + b"NOOP\r\n")
        assert smtp.read_reply().code == 502
        assert smtp.read_reply().code == 250
        smtp.send(b"BDAT all of it\r\n" + inside)
        assert smtp.read_reply().code == 501
        assert smtp.is_closed()
    assert raw.messages == []


def test_control_characters_reach_nobody(site, raw_gate, raw):
    for command in (b"EHLO a\rb", b"EHLO a\x00b", b"MAIL FROM:<a\r@b.test>", b"MAIL FROM:<a@b.test\x00>",
                    b"MAIL FROM:<a@b.test> ENVID=a\rRCPT", b"MAIL FROM:<\"a\x0b\"@b.test>"):
        with open_session(site) as smtp:
            smtp.send(command + b"\r\n")
            assert smtp.read_reply().code == 501, command
    with open_session(site, helo="<script>(a)") as smtp:
        assert smtp.envelope("a@good.test", "postmaster@example.test").code == 250
        assert smtp.data(MESSAGE).code == 250
    assert b"Received: from ?script??a? (mail.good.test [192.0.2.10])" in raw.messages[0]
    assert all("\r" not in c and "\x00" not in c for c in raw.commands)


def test_shell_marks_are_addresses_or_nothing(site, raw_gate, raw):
    with open_session(site) as smtp:
        smtp.command("MAIL FROM:<a@good.test>")
        assert smtp.command("RCPT TO:<;sleep 5;@example.test>").code == 501
        assert smtp.command("RCPT TO:<`id`|x@example.test>").code == 250
        assert smtp.command("RCPT TO:<${run{x}}@example.test>").code == 250
    assert "RCPT TO:<`id`|x@example.test>" in raw.commands


def test_long_lines_and_many_recipients_are_bounded(site, raw_gate, raw):
    with open_session(site) as smtp:
        smtp.send(b"NOOP " + b"A" * (10 << 20) + b"\r\n")
        assert smtp.read_reply().code == 500
        smtp.command("MAIL FROM:<a@good.test>")
        smtp.send(b"RCPT TO:<joe@example.test>\r\n" * 1005)
        codes = [smtp.read_reply().code for _ in range(1005)]
        assert codes == [250] * 1000 + [452] * 5
        assert smtp.data(MESSAGE).code == 250
    assert deliver(site.ports["gate"], GOOD).code == 250


def test_errors_are_slowed_and_then_end_the_session(site, clock, gate):
    with open_session(site) as smtp:
        for _ in range(11):
            assert smtp.command("FOO").code == 500
        smtp.send(b"NOOP\r\n")
        clock.advance(1)
        assert smtp.read_reply().code == 250
        for _ in range(9):
            smtp.send(b"FOO\r\n")
            clock.advance(2)
            reply = smtp.read_reply()
        assert reply.code == 500
        assert smtp.read_reply().code == 421
        assert smtp.is_closed()


def test_no_more_sessions_than_descriptors(site, sink):
    """Idle clients of many networks may take all places, never the descriptors that those who got one need for the backend."""
    site.identity["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    gate = site.start("gate")
    with open_session(site) as first:
        idle = []
        reply = None
        while len(idle) < 128 and reply is None:
            idle.append(SmtpClient(site.ports["gate"], greeting=False))
            try:
                idle[-1].send(proxy_v1(f"203.0.{len(idle)}.7"))
                reply = idle[-1].read_reply()
            except ConnectionError:  # turned away before our header was read: the reset may overtake the words
                break
            if reply.code == 220:
                reply = None
        assert reply is None or str(reply).startswith("421 4.")  # 4.7.0: it has its share; 4.3.2: all are taken
        assert 40 <= len(idle) <= 64
        assert first.envelope("a@good.test", "joe@example.test").code == 250
        assert first.data(MESSAGE).code == 250
        for smtp in idle:
            smtp.close()
    wait_for(lambda: deliver(site.ports["gate"], GOOD).code == 250, what="places to be free")


def test_silence_ends_the_session(site, clock, gate):
    with open_session(site) as smtp:
        clock.advance(301)
        assert smtp.read_reply().code == 421
        assert smtp.is_closed()


def test_sequence_of_commands(site, raw_gate):
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        assert smtp.command("MAIL FROM:<a@good.test>").code == 503
        assert smtp.command("EHLO").code == 501
        assert smtp.command("EHLO " + "x" * 256).code == 501
        assert smtp.command("HELO mail.good.test").code == 250
        assert smtp.command("RCPT TO:<joe@example.test>").code == 503
        assert smtp.command("DATA").code == 503
        assert smtp.command("MAIL FROM:<a@good.test>").code == 250
        assert smtp.command("MAIL FROM:<a@good.test>").code == 503
        assert smtp.command("DATA").code == 503
        assert smtp.command("MAIL FROM:<a@good.test> SIZE=18446744073709551616").code == 503
        assert smtp.command("RSET").code == 250
        assert smtp.command("MAIL FROM:<a@good.test> SIZE=18446744073709551616").code in (501, 555)


def test_a_client_that_closes_its_side_still_hears(site, raw_gate, raw):
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.send(HELLO + b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n")
        smtp.socket.shutdown(socket.SHUT_WR)
        assert [smtp.read_reply().code for _ in range(6)] == [250, 250, 250, 354, 250, 221]
    assert len(raw.messages) == 1


# ---- the message ----

SMUGGLING = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n",
             b"\n.\r\r\n", b"\r.\n", b"\n\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\n\n.\r\n", b"\r\n\n.\r\n",
             b"\r\n. \r\n", b"\r\n.\t\r\n", b"\n.\r", b"\r\n.\n\n", b"\x00\r\n.\n"]


@pytest.mark.parametrize("piecewise", [False, True], ids=["one-segment", "byte-by-byte"])
def test_nothing_is_smuggled(site, raw_gate, raw, piecewise):
    """The raw backend takes a lone dot between any line ends for the end, as servers do that fall for it."""
    for end in SMUGGLING:
        inner = (b"MAIL FROM:<evil@good.test>\r\nRCPT TO:<joe@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\n"
                 b"two\r\n.\r\n")
        body = b"Subject: outer\r\n\r\none" + end + inner
        with SmtpClient(site.ports["gate"], GOOD) as smtp:
            smtp.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            smtp.send(HELLO)
            assert [smtp.read_reply().code for _ in range(4)] == [250, 250, 250, 354]
            if piecewise:
                for byte in body:
                    smtp.send(bytes([byte]))
            else:
                smtp.send(body)
            assert smtp.read_reply().code == 250
            assert smtp.command("NOOP").code == 250  # nothing else was answered
    assert len(raw.messages) == len(SMUGGLING)
    assert not [c for c in raw.commands if "evil" in c]
    assert all(b"Subject: smuggled" in m for m in raw.messages)


def test_message_over_the_limit_is_552(site, raw):
    site.conf["gate"]["message-size-limit"] = "100K"
    site.start("gate")
    with open_session(site) as smtp:
        assert "SIZE 102400" in smtp.extensions
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(b"x" * 200000).code == 552
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(MESSAGE).code == 250
    assert len(raw.messages) == 1
    assert raw.messages[0].endswith(MESSAGE)


def test_slow_backend_holds_the_client_back(site, raw_gate, raw):
    """What the gate keeps of a message stays far below the message."""
    raw.stop_reading.set()
    body = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 4 * 1024 * 320  # 20 MB in one line
    with open_session(site) as smtp:
        smtp.envelope("a@good.test", "joe@example.test")
        assert smtp.command("DATA").code == 354
        smtp.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            smtp.send(body)
        resident = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{raw_gate.pid}/status").read()).group(1))
        assert resident < 400 * 1024
        raw.stop_reading.clear()
    wait_for(lambda: raw.unfinished, what="the backend to see the broken connection")
    assert raw.messages == []


# ---- a backend that fails ----

def test_backend_that_relays_is_refused_at_start(site, raw):
    raw.relays = True
    gate = site.start("gate", wait=False)
    assert gate.wait() == 78
    event = gate.events("gate.backend-relays")[0]
    assert event["reply"] == "250 2.1.5 Ok"
    assert "smtpd_authorized_xclient_hosts" in event["fix"] and "reject_unauth_destination" in event["fix"]


@pytest.mark.parametrize("kind", ["none", "proxy-v1", "proxy-v2"])
def test_backend_that_relays_for_loopback_is_refused(site, raw, kind):
    raw.relays = True
    raw.proxy = kind != "none"
    site.conf["gate"]["backend"]["pass-client"] = kind
    assert site.start("gate", wait=False).wait() == 78


@pytest.mark.parametrize("kind", ["proxy-v1", "proxy-v2"])
def test_a_proxy_header_comes_in_one_piece(site, raw, kind):
    """Postfix wants all of it in one read, and Exim nothing behind it before its greeting."""
    raw.stop()
    site.conf["gate"]["backend"]["pass-client"] = kind
    with socket.create_server(("127.0.0.1", raw.port)) as listener:
        listener.settimeout(60)
        site.start("gate", wait=False)
        header = listener.accept()[0].recv(4096)
    if kind == "proxy-v1":
        assert header.startswith((b"PROXY TCP4 ", b"PROXY TCP6 ")) and header.index(b"\r\n") == len(header) - 2
    else:
        # as a stranger of either family: both are asked at a time
        body = {0x11: 12, 0x21: 36}[header[13]]
        assert header.startswith(b"\r\n\r\n\0\r\nQUIT\n\x21") and len(header) == 16 + body


def test_backend_without_xclient_gets_no_mail(site, raw):
    raw.xclient = False
    gate = site.start("gate")
    assert deliver(site.ports["gate"], GOOD).code == 421  # of what it offers nothing is known either
    found, = gate.events("gate.backend-unclear")
    assert "XCLIENT is not offered" in found["reply"] and "smtpd_authorized_xclient_hosts" in found["fix"]


def test_backend_away_at_start_is_waited_for(site, raw, clock):
    raw.stop()
    gate = site.start("gate")
    reply = deliver(site.ports["gate"], GOOD)  # to EHLO: nothing can be offered yet, and nothing is returned for want of it
    assert str(reply).startswith("421 4.4.1 ")
    assert gate.events("gate.backend-down")
    raw.start()

    def passes():
        clock.advance(5)
        return deliver(site.ports["gate"], GOOD).code == 250
    wait_for(passes, what="mail to pass")


def test_backend_that_turns_out_to_relay_later_ends_the_gate(site, raw, clock):
    raw.stop()
    gate = site.start("gate")
    raw.relays = True
    raw.start()

    def ended():
        clock.advance(5)
        return not gate.is_running()
    wait_for(ended, what="the gate to end")
    assert gate.wait() == 78
    assert raw.messages == []


def test_backend_that_is_configured_anew_is_found_out(site, raw, clock, raw_gate):
    assert deliver(site.ports["gate"], GOOD).code == 250
    raw.relays = True
    clock.advance(3601)
    wait_for(lambda: not raw_gate.is_running(), what="the gate to end")
    assert raw_gate.wait() == 78


def test_a_relay_that_is_found_out_lets_messages_end(site, raw, raw_gate):
    """The log says what was heard; who is idle is told, who is in a message hears what became of it."""
    idle = open_session(site)
    with open_session(site) as smtp:
        smtp.send(HELLO)
        for code in (250, 250, 250, 354):
            assert smtp.read_reply().code == code
        smtp.send(b"Subject: half\r\n\r\n")
        raw.script["CONNECT"] = "close"
        assert deliver(site.ports["gate"], GOOD).code == 451
        raw.script = {"PROBE": "251 2.1.5 will forward"}
        assert deliver(site.ports["gate"], GOOD).code == 250  # it is back, and asked again
        wait_for(lambda: raw_gate.events("gate.backend-relays"))
        assert raw_gate.events("gate.backend-relays")[0]["reply"] == "251 2.1.5 will forward"
        assert idle.read_reply().code == 421
        smtp.send(b"and the rest\r\n.\r\n")
        assert smtp.read_reply().code == 250
    assert raw_gate.wait() == 78
    assert len(raw.messages) == 2


@pytest.mark.parametrize("reply", ["451 4.3.0 Temporary lookup failure", "450 4.7.1 Helo command rejected: Host not found",
                                   "550 5.7.1 Client host rejected", "421 4.3.2 too busy"])
def test_an_answer_that_says_nothing_of_relaying_is_neither_yes_nor_no(site, raw, clock, reply):
    raw.script.update(PROBE=reply, RCPT=reply)
    gate = site.start("gate")
    assert deliver(site.ports["gate"], GOOD).code == 451
    assert reply in gate.log
    raw.script.clear()

    def passes():
        clock.advance(5)
        return deliver(site.ports["gate"], GOOD).code == 250
    wait_for(passes, what="mail to pass")
    raw.script.update(PROBE=reply, RCPT=reply)
    asked = gate.log.count(reply)
    clock.advance(3601)
    wait_for(lambda: gate.log.count(reply) > asked)
    raw.script.clear()
    assert deliver(site.ports["gate"], GOOD).code == 250


def test_the_probe_asks_as_our_hosts_address(site, raw, nameserver):
    nameserver.host("mx1.example.test", "198.51.100.77")
    site.start("gate")
    assert deliver(site.ports["gate"], GOOD).code == 250
    asked = [line for line in raw.commands if "HELO=mx1.example.test" in line]
    assert sorted(line.rsplit(" ", 1)[1] for line in asked) == ["ADDR=198.51.100.77", "ADDR=IPV6:2001:db8::25"]


def test_clients_of_a_family_that_the_backend_does_not_take_wait(site, raw, nameserver):
    nameserver.host("mail.six.test", "2001:db8::10")
    raw.ipv4_only = True
    gate = site.start("gate")
    assert deliver(site.ports["gate"], GOOD).code == 250
    assert deliver(site.ports["gate"], "2001:db8::10", helo="mail.six.test").code == 451
    found, = gate.events("gate.backend-unclear")
    assert found["clients"] == "IPv6" and "501 5.5.4 Bad ADDR syntax" in found["reply"]
    assert "inet_protocols = all" in found["fix"]
    assert not gate.events("gate.backend-down")


def test_backend_that_comes_back_as_a_relay_is_found_out(site, raw, raw_gate):
    raw.stop()
    assert str(deliver(site.ports["gate"], GOOD)).startswith("451 4.4.1 ")
    raw.relays = True
    raw.start()
    with contextlib.suppress(OSError):  # its first contact has the gate ask again; the gate may be gone before it ends
        deliver(site.ports["gate"], GOOD)
    wait_for(lambda: not raw_gate.is_running(), what="the gate to end")
    assert raw_gate.wait() == 78


def test_backend_down_in_between(site, raw_gate, raw):
    assert deliver(site.ports["gate"], GOOD).code == 250
    raw.stop()
    assert str(deliver(site.ports["gate"], GOOD)).startswith("451 4.4.1 ")
    raw.start()
    assert deliver(site.ports["gate"], GOOD).code == 250


@pytest.mark.parametrize("verb,line,expected", [
    ("CONNECT", "421 4.3.2 busy", 451), ("CONNECT", "554 no", 451), ("CONNECT", "close", 451),
    ("EHLO", "close", 451), ("XCLIENT", "550 no", 451), ("XCLIENT", "rubbish", 451),
    ("MAIL", "451 4.3.0 later", 451), ("MAIL", "550 5.1.8 bad sender", 550), ("MAIL", "close", 451),
    ("RCPT", "450 4.2.1 full", 450), ("RCPT", "421 4.3.2 going", 451), ("RCPT", "close", 451),
    ("RCPT", "250-multi\r\n550 line", 550), ("DATA", "451 4.3.0 later", 451), ("DATA", "close", 451),
    ("END", "452 4.3.1 full", 452), ("END", "554 5.6.0 bad", 554), ("END", "close", 451), ("END", "junk", 451),
    ("END", "421 4.3.2 going", 451), ("RCPT", "354 what?", 451), ("DATA", "250 2.0.0 Ok", 451),
    ("END", "354 more", 451)])
def test_replies_of_a_backend_in_trouble(site, raw_gate, raw, verb, line, expected):
    with open_session(site) as smtp:
        raw.script[verb] = line
        reply = smtp.envelope("a@good.test", "joe@example.test")
        if reply.code == 250:
            reply = smtp.data(MESSAGE)
        assert reply.code == expected
        raw.script.clear()
        smtp.command("RSET")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(b"Subject: second\r\n\r\n").code == 250
    assert raw.messages[-1].endswith(b"Subject: second\r\n\r\n")


@pytest.mark.parametrize("verb,seconds", [("CONNECT", 30), ("RCPT", 120), ("DATA", 120), ("END", 300)])
def test_backend_that_hangs(site, clock, raw_gate, raw, verb, seconds):
    with open_session(site) as smtp:
        raw.script[verb] = "hang"
        smtp.command("MAIL FROM:<a@good.test>")
        smtp.send(b"RCPT TO:<joe@example.test>\r\n")
        if verb in ("DATA", "END"):
            assert smtp.read_reply().code == 250
            smtp.send(b"DATA\r\n")
        if verb == "END":
            assert smtp.read_reply().code == 354
            smtp.send(MESSAGE + b".\r\n")
            wait_for(lambda: raw.messages)
        smtp.socket.settimeout(0.05)

        def answered():
            clock.advance(seconds / 4)  # the gate may not have come to the wait when the clock moves first
            try:
                return smtp.read_reply()
            except TimeoutError:
                return None
        assert wait_for(answered).code == 451
        raw.release()


def test_the_longest_reply_goes_through_whole(site, raw_gate, raw):
    raw.script["RCPT"] = "\r\n".join(["550-" + "x" * 8000] * 99 + ["550 the end"])
    with open_session(site) as smtp:
        reply = smtp.envelope("a@good.test", "joe@example.test")
        assert reply.text.count("x") == 99 * 8000 and reply.lines[-1] == "the end"
        raw.script["RCPT"] = "550-" + "x" * 9000
        assert smtp.envelope("a@good.test", "joe@example.test").code == 503  # MAIL, a second time
        assert smtp.command("RCPT TO:<joe@example.test>").code == 451
    assert raw_gate.wait_for_event("gate.backend-refuse")[0]["reply"].startswith("550 xxx")


def test_backend_dies_in_the_message(site, raw_gate, raw):
    with open_session(site) as smtp:
        smtp.envelope("a@good.test", "joe@example.test")
        assert smtp.command("DATA").code == 354
        smtp.send(b"Subject: x\r\n\r\nhalf a ")
        wait_for(lambda: "DATA" in raw.commands)
        raw.drop()
        wait_for(lambda: raw.unfinished)
        smtp.send(b"message\r\n.\r\n")
        assert smtp.read_reply().code == 451
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
    assert raw.messages == []


def test_backend_lost_between_recipients_takes_no_later_ones(site, raw_gate, raw):
    with open_session(site) as smtp:
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        raw.drop()

        def lost():
            return smtp.command("RCPT TO:<eve@example.test>").code == 451
        assert lost()
        assert smtp.command("RCPT TO:<eve@example.test>").code == 451
        assert smtp.command("DATA").code == 451
    assert raw.messages == []


# ---- a client that fails ----

def test_client_dies_in_the_message(site, raw_gate, raw):
    smtp = open_session(site)
    smtp.envelope("a@good.test", "joe@example.test")
    assert smtp.command("DATA").code == 354
    smtp.send(b"Subject: x\r\n\r\nhalf a message\r\n")
    wait_for(lambda: "DATA" in raw.commands)
    smtp.close()
    wait_for(lambda: raw.unfinished, what="the backend to see the connection end")
    assert raw.messages == [] and raw.unfinished[0].endswith(b"half a message\r\n")


@pytest.mark.parametrize("reset", [True, False])
def test_client_gone_when_the_backend_took_the_message(site, raw_gate, raw, clock, reset):
    answer = raw.hold("END", "250 2.0.0 Ok: late")
    smtp = open_session(site)
    smtp.envelope("a@good.test", "joe@example.test")
    assert smtp.command("DATA").code == 354
    smtp.send(b"Subject: x\r\n\r\n.\r\n")
    wait_for(lambda: raw.messages)
    if reset:
        smtp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    smtp.close()
    answer.set()
    if not reset:  # it might read on: that shows when its system does not take the reply
        raw_gate.wait_for_event("gate.accept")
        clock.advance(6)
    event = raw_gate.wait_for_event("gate.delivered-client-gone")[0]
    assert event["client"] == GOOD and event.get("reply") == ("2.0.0 Ok: late" if reset else None)


# ---- reload and stop ----

def test_reload_drops_no_session(site, raw_gate, raw):
    with open_session(site) as smtp:
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.command("DATA").code == 354
        smtp.send(b"Subject: x\r\n\r\n")
        site.conf["hostname"] = "mx2.example.test"
        site.write()
        raw_gate.reload()
        smtp.send(b"body\r\n.\r\n")
        assert smtp.read_reply().code == 250
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(MESSAGE).code == 250
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        assert smtp.greeting.text == "mx2.example.test ESMTP"
    assert len(raw.messages) == 2


def test_reloads_while_a_balancer_is_silent(site, raw_gate):
    """A session keeps the rules of the moment it began, whenever it is known whom it is for."""
    with socket.create_connection(("127.0.0.1", site.ports["gate"])) as connection:
        wait_for(lambda: deliver(site.ports["gate"], GOOD).code == 250)  # the session before has begun by then
        for number, header in ((2, proxy_v1(GOOD)), (3, b"EHLO mail.good.test\r\nMAIL FROM:<a@good.test>\r\n"
                                                       b"RCPT TO:<joe@example.test>\r\n")):
            site.conf["hostname"] = f"mx{number}.example.test"
            site.write()
            raw_gate.reload()
            connection.sendall(header)
        replies = b""
        while b"250 2.1.5" not in replies:
            replies += connection.recv(4096) or pytest.fail(f"closed after {replies}")
    assert b"mx1.example.test" in replies and b"mx2" not in replies


def test_reload_asks_another_resolver(site, keeper, gate, sink, nameserver):
    assert deliver(site.ports["gate"], BARE).code == 550
    with NameServer(free_port()) as other:
        other.host("moved.good.test", "192.0.2.67")
        site.conf["run"]["resolver"] = other.address
        site.write()
        gate.reload()
        assert deliver(site.ports["gate"], "192.0.2.67", helo="moved.good.test").code == 250


def test_reload_with_errors_changes_nothing(site, raw_gate, raw):
    site.write("hostname: [\n")
    raw_gate.reload()
    assert raw_gate.events("config.bad")
    assert deliver(site.ports["gate"], GOOD).code == 250


def test_stop_lets_transactions_end(site, raw_gate, raw):
    idle = open_session(site)
    with open_session(site) as smtp:
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        raw_gate.signal(signal.SIGTERM)
        assert idle.read_reply().code == 421
        assert idle.is_closed()
        assert smtp.data(MESSAGE).code == 250
        assert smtp.read_reply().code == 421
        assert smtp.is_closed()
    idle.close()
    assert raw_gate.wait() == 0
    assert len(raw.messages) == 1


def test_stop_does_not_wait_for_ever(site, clock, raw_gate, raw):
    with open_session(site) as smtp:
        smtp.envelope("a@good.test", "joe@example.test")
        raw_gate.signal(signal.SIGTERM)
        wait_for(lambda: _refused(site.ports["gate"]), what="the gate to stop listening")
        clock.advance(31)
        assert smtp.is_closed()
    assert raw_gate.wait() == 0


def _refused(port):
    """Nobody answers any more: the kernel may still take the connection, the gate does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as probe:
            probe.settimeout(0.2)
            probe.sendall(proxy_v1(GOOD))
            return probe.recv(1) == b""
    except OSError:
        return True


# ---- status ----

def test_status_tells_how_those_are_that_the_gate_depends_on(running_site):
    status = running_site.json("status")
    assert status["well"] is True
    assert [(row["kind"], row["well"]) for row in status["depends-on"]] == [("resolver", True), ("backend", True), ("gate", True)]
    assert status["depends-on"][2]["words"] == "ok"


def test_status_names_a_backend_that_is_away_and_a_list_that_lists_everything(site, nameserver):
    site.conf["gate"]["backend"]["address"] = f"127.0.0.1:{free_port()}"
    nameserver.dnsbl("bl.foreign.test")
    nameserver.a("1.0.0.127.bl.foreign.test", "127.0.0.2")
    site.conf["dnsbl"] = [{"zone": "bl.foreign.test", "name": "Foreign", "codes": "127.0.0.2", "action": "reject"}]
    site.run()

    def is_suspended():
        return any(row["kind"] == "dnsbl" and not row["well"] for row in site.json("status", check=False)["depends-on"])

    wait_for(is_suspended, 60)
    result = site.cli("status", check=False)
    assert result.returncode == 69
    assert "could not be asked yet whether it relays" in result.stdout
    assert re.search(r"Foreign: not used: lists 127\.0\.0\.1, so everything", result.stdout)


# ---- dialogues nobody thought of ----

def test_random_dialogues_get_replies_of_the_right_class(site, gate, sink, nameserver):
    clients = [f"198.51.100.{number}" for number in range(1, 121)]
    for number, client in enumerate(clients):
        nameserver.host(f"m{number}.good.test", client)
    played = [smtp_model.play(site.ports["gate"], client, 1, number) for number, client in enumerate(clients)]
    assert sum(replies for replies, _ in played) > 2000
    messages = sum(messages for _, messages in played)
    assert messages > 150 and len(sink.messages) == messages
