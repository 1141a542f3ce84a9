# SPDX-License-Identifier: ISC
"""The gate in front of a real Postfix: what arrives in the mailbox, and what happens when Postfix is in trouble."""
import re
import signal

import pytest

from harness.smtp import MESSAGE, SmtpClient, deliver
from harness.waiting import wait_for
from postfix import Postfix, can_run

GOOD = "192.0.2.10"

pytestmark = [pytest.mark.needs_root, pytest.mark.xdist_group("gate_postfix")]


@pytest.fixture(scope="module")
def shared_postfix():
    """One for the tests that do it no harm: it takes seconds to start."""
    assert can_run(), "Postfix is missing: apt-get install postfix"
    with Postfix(domains=["example.test"]) as postfix:
        yield postfix


@pytest.fixture
def postfix():
    with Postfix(domains=["example.test"]) as postfix:
        yield postfix


def before(site, port, pass_client="xclient"):
    site.conf["gate"]["backend"] = {"address": f"127.0.0.1:{port}", "pass-client": pass_client}
    return site.start("gate")


def body_of(mail):
    return mail.split(b"\n\n", 1)[1]


def arrives(site, postfix, raw_message, client=GOOD):
    """Sends a message exactly as given (with its end) and returns the new mail in the mailbox."""
    count = len(postfix.mails())
    with SmtpClient(site.ports["gate"], client, timeout=120) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.command("DATA").code == 354
        smtp.send(raw_message)
        reply = smtp.read_reply()
        assert reply.code == 250, str(reply)
        assert re.match(r"2\.0\.0 Ok: queued as \w+$", reply.text), "not Postfix's own words"
        assert smtp.command("NOOP").code == 250
    mails = postfix.wait_for_mails(count + 1)
    assert len(mails) == count + 1
    return mails[-1]


BODIES = {
    "plain": (b"hello\r\n", b"hello\n"),
    "empty": (b"", b""),
    "dots": (b"..\r\n..a\r\n...\r\nb\r\n.. \r\n", b".\n.a\n..\nb\n. \n"),
    "eight bits": (bytes(range(128, 256)) + b"\r\n", bytes(range(128, 256)) + b"\n"),
    "998 octets": (b"x" * 998 + b"\r\n", b"x" * 998 + b"\n"),
    "bare LF": (b"a\nb\r\nc\n", b"a\nb\nc\n"),
    "empty lines": (b"\r\n\r\na\r\n\r\n", b"\n\na\n\n"),
}


def test_bodies_arrive_as_they_were_sent(site, shared_postfix):
    before(site, shared_postfix.xclient_port)
    for name, (sent, expected) in BODIES.items():
        end = b".\r\n" if sent.endswith(b"\r\n") or not sent else b"\r\n.\r\n"
        mail = arrives(site, shared_postfix, b"Subject: x\r\n\r\n" + sent + end)
        if not sent.endswith(b"\r\n") and sent:
            expected += b"\n"
        assert body_of(mail) == expected, name


def test_long_lines_arrive_whole(site, shared_postfix):
    """Postfix itself folds nothing below its line_length_limit in the body of a message for a mailbox."""
    before(site, shared_postfix.xclient_port)
    for length in (999, 2047, 2048, 2049, 100000):
        line = (b"0123456789" * (length // 10 + 1))[:length]
        mail = arrives(site, shared_postfix, b"Subject: x\r\n\r\n" + line + b"\r\n.\r\n")
        assert body_of(mail).replace(b"\n", b"") == line


def test_twenty_megabytes(site, shared_postfix):
    before(site, shared_postfix.xclient_port)
    lines = b"".join(b"%08d %s\r\n" % (i, b"." * (i % 70)) for i in range(470000))
    assert len(lines) > 20 << 20
    stuffed = b"Subject: big\r\n\r\n" + lines + b".\r\n"
    assert body_of(arrives(site, shared_postfix, stuffed)) == lines.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("pass_client", ["xclient", "proxy-v1", "proxy-v2"])
def test_postfix_knows_the_client(site, shared_postfix, pass_client):
    port = shared_postfix.xclient_port if pass_client == "xclient" else shared_postfix.proxy_port
    before(site, port, pass_client)
    mail = arrives(site, shared_postfix, b"Subject: x\r\n\r\nhello\r\n.\r\n").decode()
    postfix_line, our_line = re.findall(r"^Received: from .*?(?=^\S)", mail, re.M | re.S)[:2]
    assert f"[{GOOD}]" in postfix_line and "by backend.test (Postfix)" in postfix_line
    assert "127.0.0.1" not in postfix_line
    assert our_line.startswith("Received: from mail.good.test (mail.good.test [192.0.2.10])\n"
                               "\tby mx1.example.test (Stockade) with ESMTP id ")
    name = "mail.good.test" if pass_client == "xclient" else "unknown"  # PROXY carries no names
    assert postfix_line.startswith(f"Received: from mail.good.test ({name} [192.0.2.10])")


def test_unconfirmed_clients_have_no_name_for_postfix(site, shared_postfix, nameserver):
    nameserver.ptr("192.0.2.77", "forged.bad.test")
    site.conf["checks"].update({"fcrdns": "tag", "no-ptr": "off"})
    before(site, shared_postfix.xclient_port)
    assert "(unknown [192.0.2.77])" in arrives(site, shared_postfix, MESSAGE + b".\r\n", "192.0.2.77").decode()


def test_nothing_is_smuggled_into_postfix(site, shared_postfix):
    """Debian 12's Postfix takes LF.LF, LF.CRLF and CRLF.LF for the end of a message; behind the gate it never sees them."""
    before(site, shared_postfix.xclient_port)
    ends = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n.\r\r\n", b"\n.\r\r\n", b"\r\r\n.\r\r\n",
            b"\n\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n"]
    count = len(shared_postfix.mails())
    for end in ends:
        inner = (b"MAIL FROM:<evil@good.test>\r\nRCPT TO:<joe@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\n"
                 b"two\r\n.\r\n")
        arrives(site, shared_postfix, b"Subject: outer\r\n\r\none" + end + inner)
    assert len(shared_postfix.mails()) == count + len(ends)
    assert "evil@good.test" not in "".join(line for line in shared_postfix.log().splitlines() if "from=<" in line)


def test_relaying_backend_is_refused(site, shared_postfix):
    for pass_client in ("none", "xclient"):
        site.conf["gate"]["backend"] = {"address": f"127.0.0.1:{shared_postfix.open_port}", "pass-client": pass_client}
        gate = site.start("gate", wait=False)
        if pass_client == "none":
            assert gate.wait() == 78
            assert "reject_unauth_destination" in gate.events("gate.backend-relays")[0]["fix"]
        else:
            # It does not even let us say for whom: no mail passes, which is as safe.
            assert gate.wait_for_event("gate.backend-unclear")
            gate.wait_for_event("role.started")
            assert deliver(site.ports["gate"], GOOD).code == 421
            gate.stop()


def test_postfix_says_no(site, shared_postfix):
    before(site, shared_postfix.xclient_port)
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.command("MAIL FROM:<a@good.test> SIZE=104857601").code == 552
        assert smtp.command("MAIL FROM:<a@good.test>").code == 250
        assert smtp.command("RCPT TO:<joe@example.test>").text == "2.1.5 Ok"


def test_postfix_down_and_back(site, postfix, clock):
    gate = before(site, postfix.xclient_port)
    assert deliver(site.ports["gate"], GOOD).code == 250
    postfix.stop()
    assert deliver(site.ports["gate"], GOOD).code == 451
    gate.wait_for_event("gate.backend-down")
    postfix.start()
    assert deliver(site.ports["gate"], GOOD).code == 250
    assert len(postfix.wait_for_mails(2)) == 2


def test_postfix_defers(site):
    with Postfix(domains=["example.test"],
                 settings=["smtpd_end_of_data_restrictions = check_client_access static:{451 4.3.5 not now}"]) as postfix:
        before(site, postfix.xclient_port)
        assert deliver(site.ports["gate"], GOOD).code == 451
        wait_for(lambda: postfix.queued() == 0, what="Postfix to let go of what it refused")
        assert postfix.mails() == []


def test_postfix_judges_the_reverse_name_of_the_client(site, nameserver):
    """Postfix goes on with the gate's own reverse name where XCLIENT does not tell the client's."""
    nameserver.ptr("192.0.2.77", "forged.bad.test")
    site.conf["checks"].update({"fcrdns": "off", "no-ptr": "off"})
    with Postfix(domains=["example.test"],
                 settings=["smtpd_client_restrictions = reject_unknown_reverse_client_hostname",
                           "unknown_client_reject_code = 550"]) as postfix:
        before(site, postfix.xclient_port)
        assert deliver(site.ports["gate"], "192.0.2.77").code == 250
        reply = deliver(site.ports["gate"], "192.0.2.78")
        assert reply.code == 550 and "cannot find your reverse hostname, [192.0.2.78]" in str(reply)


def test_postfix_killed_in_the_message(site, postfix):
    before(site, postfix.xclient_port)
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.command("DATA").code == 354
        smtp.send(b"Subject: x\r\n\r\n" + b"half a message\r\n" * 5000)
        postfix.stop(signal.SIGKILL)
        smtp.send(b"the other half\r\n.\r\n")
        assert smtp.read_reply().code == 451
    postfix.start()
    assert deliver(site.ports["gate"], GOOD, body=b"Subject: whole\r\n\r\n").code == 250
    mails = postfix.wait_for_mails(1)
    assert len(mails) == 1 and b"Subject: whole" in mails[0]


def test_client_killed_in_the_message(site, postfix):
    before(site, postfix.xclient_port)
    smtp = SmtpClient(site.ports["gate"], GOOD)
    smtp.ehlo("mail.good.test")
    smtp.envelope("a@good.test", "joe@example.test")
    assert smtp.command("DATA").code == 354
    smtp.send(b"Subject: x\r\n\r\n" + b"half a message\r\n" * 5000)
    smtp.close()
    wait_for(lambda: "lost connection after DATA" in postfix.log(), what="Postfix to notice")
    assert deliver(site.ports["gate"], GOOD, body=b"Subject: whole\r\n\r\n").code == 250
    assert len(postfix.wait_for_mails(1)) == 1


def test_in_observe_postfix_decides_who_may_relay(site):
    """A domain that is missing in own.domains loses no mail while the gate only watches, and Postfix relays for nobody."""
    site.conf["mode"] = "observe"
    with Postfix(domains=["example.test", "second.test"]) as postfix:
        gate = before(site, postfix.xclient_port)
        assert deliver(site.ports["gate"], GOOD, recipient="joe@second.test").code == 250
        assert gate.wait_for_event("gate.would-refuse")[0]["rule"] == "relay-denied"
        assert deliver(site.ports["gate"], GOOD, recipient="joe@foreign.test").code == 554
        assert deliver(site.ports["gate"], GOOD, recipient="joe%foreign.test@example.test").code == 554


def test_postfix_forbids_unauthorised_pipelining(site):
    """A client that sends its message before 354 gets what Postfix makes of that, though the gate reads it one by one."""
    hasty = b"MAIL FROM:<a@good.test>\r\nRCPT TO:<joe@example.test>\r\nDATA\r\n"
    with Postfix(domains=["example.test"], settings=["smtpd_forbid_unauth_pipelining = yes"]) as postfix:
        before(site, postfix.xclient_port)
        with SmtpClient(site.ports["gate"], GOOD) as smtp:
            smtp.ehlo("mail.good.test")
            smtp.send(hasty + MESSAGE + b".\r\n")
            assert [smtp.read_reply().code for _ in range(3)] == [250, 250, 554]
        with SmtpClient(site.ports["gate"], GOOD) as smtp:
            smtp.ehlo("mail.good.test")
            smtp.send(hasty)
            assert [smtp.read_reply().code for _ in range(3)] == [250, 250, 354]
            smtp.send(MESSAGE + b".\r\n")
            assert smtp.read_reply().code == 250
        assert len(postfix.wait_for_mails(1)) == 1
