# SPDX-License-Identifier: ISC
"""The harness itself: what tests rely on when they say that something did not happen."""
import pytest

from harness.nameserver import answers, ask
from harness.site import parse_event
from harness.smtp import deliver
from harness.waiting import wait_for


def test_name_server_answers_what_it_was_told(nameserver):
    nameserver.dnsbl("bl.foreign.test", "192.0.2.66", "2001:db8::1", code="127.0.0.4")
    port = nameserver.port
    assert answers(port, "10.2.0.192.in-addr.arpa", "PTR") == ["mail.good.test."]
    assert answers(port, "MAIL.good.test", "A", tcp=True) == ["192.0.2.10"]
    assert answers(port, "66.2.0.192.bl.foreign.test") == ["127.0.0.4"]
    assert answers(port, "2.0.0.127.bl.foreign.test") == ["127.0.0.2"]
    assert answers(port, "1.0.0.0" + ".0" * 20 + ".8.b.d.0.1.0.0.2.bl.foreign.test") == ["127.0.0.4"]
    assert ask(port, "67.2.0.192.bl.foreign.test").rcode() == 3
    assert ask(port, "bl.foreign.test").rcode() == 0
    assert nameserver.asked("mail.good.test", "A") == 1


def test_name_server_fails_as_told(nameserver):
    nameserver.fail("good.test", "servfail")
    assert ask(nameserver.port, "mail.good.test").rcode() == 2
    nameserver.fail("good.test", "truncate")
    assert ask(nameserver.port, "mail.good.test").answer == []
    assert answers(nameserver.port, "mail.good.test", tcp=True) == ["192.0.2.10"]
    nameserver.heal("good.test")
    assert answers(nameserver.port, "mail.good.test") == ["192.0.2.10"]


def test_sink_keeps_what_it_gets_and_does_not_relay(sink):
    body = b"Subject: x\r\n\r\n.dot\r\n\xe4\r\n"
    assert deliver(sink.port, body=body).code == 250
    assert sink.messages[0]["data"] == body
    assert deliver(sink.port, recipient="joe@foreign.test").enhanced == "5.7.1"
    sink.replies["RCPT"] = "451 4.2.1 not now"
    assert str(deliver(sink.port)) == "451 4.2.1 not now"
    sink.stop()
    with pytest.raises(ConnectionRefusedError):
        deliver(sink.port)
    sink.replies.clear()
    sink.start()
    assert deliver(sink.port).code == 250


def test_log_lines_are_parsed():
    event = parse_event(r'2026-11-22T05:00:00Z stockade/gate[7]: event=x level=info text="a \"b\" = c" n=3')
    assert event == {"event": "x", "level": "info", "text": 'a "b" = c', "n": "3"}


def test_waiting_in_vain_fails():
    with pytest.raises(AssertionError, match="for nothing"):
        wait_for(lambda: False, 0.05, "nothing")
