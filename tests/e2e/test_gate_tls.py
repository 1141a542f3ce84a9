# SPDX-License-Identifier: ISC
"""TLS on port 25: what clients are offered, what a line that somebody else writes on cannot do, certificates that are renewed
under open sessions, and TLS to the mail server behind."""
import os
import re
import socket
import ssl
import subprocess

import pytest

from harness.certificate import Certificate
from harness.smtp import MESSAGE, SmtpClient, trusting_context
from harness.waiting import free_port, wait_for
from postfix import Postfix, can_run

GOOD = "192.0.2.10"


def use_certificate(site, **options):
    certificate = Certificate(site.path("etc"), **options)
    if site.identity:
        for path in (certificate.certificate, certificate.key):
            os.chown(path, site.identity["user"], site.identity["group"])
    site.conf["gate"]["tls"] = certificate.settings()
    return certificate


@pytest.fixture
def certificate(site):
    return use_certificate(site)


def secured(site, context=None):
    smtp = SmtpClient(site.ports["gate"], GOOD)
    smtp.ehlo("mail.good.test")
    assert smtp.starttls(context).code == 220
    return smtp


def header_of(message):
    return message["data"].split(b"\r\n\r\n", 1)[0].decode()


# ---- what clients are offered


def test_a_message_comes_by_tls(site, sink, certificate):
    gate = site.start("gate")
    with secured(site, certificate.client_context()) as smtp:
        smtp.ehlo("mail.good.test")
        assert "STARTTLS" not in smtp.extensions, "it is on already"
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(b"X-Stockade-TLS: TLSv1.9; forged\r\n" + MESSAGE).code == 250
        assert smtp.quit().code == 221
    header = header_of(sink.messages[0])
    assert re.search(r"^Received: from mail\.good\.test \(mail\.good\.test \[192\.0\.2\.10\]\)\r\n"
                     r"\t\(using TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256/256 bits\)\)\r\n"
                     r"\tby mx1\.example\.test \(Stockade\) with ESMTPS id ", header)
    assert re.findall(r"X-Stockade-TLS: (.*)\r", header) == ["TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; bits=256"]
    assert not sink.messages[0]["tls"], "a mail server on this machine gets plain text"
    assert gate.wait_for_event("gate.accept")[0]["tls"] == "TLSv1.3"


def test_a_message_in_plain_text_has_no_word_of_tls(site, sink, certificate):
    gate = site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert "STARTTLS" in smtp.extensions
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(b"X-Stockade-TLS: TLSv1.3; forged\r\n" + MESSAGE).code == 250
    header = header_of(sink.messages[0])
    assert "TLS" not in header and "with ESMTP id" in header
    assert "tls" not in gate.wait_for_event("gate.accept")[0]


def test_without_a_certificate_nothing_is_offered(site):
    site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert "STARTTLS" not in smtp.extensions
        assert smtp.command("STARTTLS").code == 502


def test_the_command_is_used_as_rfc_3207_says(site, certificate):
    site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.command("STARTTLS now").code == 501
        assert smtp.starttls().code == 220
        smtp.ehlo("mail.good.test")
        assert smtp.command("STARTTLS").code == 503
        assert smtp.command("NOOP").code == 250


# ---- a line that somebody else writes on (RFC 3207 sections 4.2 and 6)


def test_what_was_said_in_plain_text_is_forgotten(site, sink, certificate):
    site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.starttls().code == 220
        assert smtp.command("DATA").code == 503
        assert smtp.command("RCPT TO:<joe@example.test>").code == 503
        assert smtp.command("MAIL FROM:<a@good.test>").code == 503, "HELO comes anew"
    assert sink.messages == []


def test_what_stands_behind_starttls_in_plain_text_is_thrown_away(site, sink, certificate):
    gate = site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        smtp.send(b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<joe@example.test>\r\n")
        assert smtp.read_reply().code == 220
        smtp.secure()
        smtp.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            smtp.read_line()
        smtp.socket.settimeout(30)
        assert smtp.command("DATA").code == 503
        smtp.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        assert smtp.data(MESSAGE).code == 250
    assert [message["from"] for message in sink.messages] == ["a@good.test"]
    assert gate.wait_for_event("gate.tls-injection")[0]["client"] == GOOD


@pytest.mark.parametrize("words, why", [
    (b"MAIL FROM:<a@good.test>\r\n", "what it sends is not TLS"),
    (b"", "closed by the other side"),
])
def test_a_handshake_that_fails_ends_the_session_and_is_told(site, certificate, words, why):
    gate = site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.command("STARTTLS").code == 220
        smtp.send(words)
        smtp.socket.shutdown(socket.SHUT_WR)
        while smtp.socket.recv(4096):
            pass
    event = gate.wait_for_event("gate.tls-failed")[0]
    assert (event["client"], event["why"]) == (GOOD, why)


def test_old_versions_are_refused(site, certificate):
    gate = site.start("gate")
    result = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0", "-connect",
         f"127.0.0.1:{unproxied(site, gate)}"], input="QUIT\n", capture_output=True, text=True, timeout=60)
    assert result.returncode != 0
    assert gate.wait_for_event("gate.tls-failed")[0]["why"] == "it knows no TLS newer than 1.1"


def unproxied(site, gate):
    """For programs that know no PROXY header: the gate starts anew without a balancer before it."""
    gate.stop()
    site.conf["gate"]["proxy-from"] = []
    site.processes.remove(gate)
    again = site.start("gate")
    gate.__dict__.update(again.__dict__)
    return site.ports["gate"]


# ---- certificates


def test_a_certificate_is_renewed_under_open_sessions(site, sink, certificate):
    gate = site.start("gate")
    old_der = certificate.der()
    with secured(site) as smtp, SmtpClient(site.ports["gate"], GOOD) as plain:
        assert smtp.socket.getpeercert(binary_form=True) == old_der
        smtp.ehlo("mail.good.test")
        plain.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        renewed = Certificate(site.path("etc"), stem="renewed")
        new_der = renewed.der()
        renewed.take_the_place_of(certificate)
        gate.reload()
        assert smtp.data(MESSAGE).code == 250, "who is there goes on"
        assert plain.starttls().code == 220
        assert plain.socket.getpeercert(binary_form=True) == new_der
    with secured(site) as smtp:
        assert smtp.socket.getpeercert(binary_form=True) == new_der
    assert len(sink.messages) == 1


def test_a_bad_key_at_a_reload_changes_nothing(site, certificate):
    gate = site.start("gate")
    der = certificate.der()
    os.rename(Certificate(site.path("etc"), stem="other").key, certificate.key)
    gate.reload()
    assert "does not belong to the certificate" in gate.events("config.bad")[0]["why"]
    with secured(site) as smtp:
        assert smtp.socket.getpeercert(binary_form=True) == der


def test_a_certificate_that_is_taken_away_at_a_reload(site, certificate):
    gate = site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        del site.conf["gate"]["tls"]
        site.write()
        gate.reload()
        reply = smtp.command("STARTTLS")
        assert (reply.code, reply.enhanced) == (454, "4.7.0"), "it was offered"
        smtp.ehlo("mail.good.test")
        assert "STARTTLS" not in smtp.extensions


@pytest.mark.parametrize("damage, words", [
    (lambda c: os.chmod(c.key, 0o644), "holds secrets, and everybody may read or change it"),
    (lambda c: os.unlink(c.key), "cannot read"),
    (lambda c: open(c.certificate, "w", encoding="ascii").close(), "is empty"),
    (lambda c: os.truncate(c.certificate, 60), "holds no certificate in PEM form"),
    (lambda c: os.truncate(c.key, 60), "holds no private key in PEM form"),
])
def test_a_bad_certificate_at_the_start_is_named(site, certificate, damage, words):
    damage(certificate)
    gate = site.start("gate", wait=False)
    assert gate.wait() == 78
    assert words in gate.log
    assert "PRIVATE" not in gate.log
    checked = site.cli("config", "check", check=False)
    assert checked.returncode == 78
    assert words in checked.stderr
    assert re.search(r"stockade\.yaml:\d+:\d+: error: gate\.tls: ", checked.stderr)


def test_config_check_looks_at_the_certificate(site, certificate):
    site.write()
    assert "no errors" in site.cli("config", "check").stdout
    site.conf["gate"]["tls"] = {"certificate": certificate.certificate}
    site.write()
    assert "belong together" in site.cli("config", "check", check=False).stderr


def conditions(site, kind):
    return [row for row in site.json("status", check=False)["depends-on"] if row["kind"] == kind]


def test_status_tells_when_the_certificate_ends(site):
    use_certificate(site, days=3)
    site.run()
    row = wait_for(lambda: conditions(site, "tls"), what="the gate to report its certificate")[0]
    assert not row["well"]
    assert row["words"].startswith("ends on ") and "systemctl reload" in row["words"]


def test_a_mail_server_whose_clients_lose_tls_is_a_warning(site, sink):
    sink.tls = Certificate(site.path("etc"), stem="sink").server_context()
    run = site.run()
    run.wait_for_event("gate.tls-missing")
    row = wait_for(lambda: conditions(site, "tls"), what="the gate to report that one is missing")[0]
    assert row["well"] and row["name"] == "gate.tls" and row["words"].startswith("warning: ")


# ---- other programs


def test_openssl_renegotiates_in_vain(site, certificate):
    gate = site.start("gate")
    result = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-tls1_2", "-crlf", "-connect", f"127.0.0.1:{unproxied(site, gate)}"],
        input="R\n", capture_output=True, text=True, timeout=60)
    assert "no renegotiation" in result.stderr


def test_swaks_sends_by_tls(site, sink, certificate):
    gate = site.start("gate")
    port = unproxied(site, gate)
    result = subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{port}", "--tls", "--ehlo", "mail.good.test", "--from", "postmaster@good.test",
         "--to", "postmaster@example.test"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout
    assert "TLS started with cipher TLSv1.3" in result.stdout
    assert "with ESMTPS id" in header_of(sink.messages[0])


# ---- to the mail server


def to_sink(site, sink, how):
    sink.tls = Certificate(site.path("etc"), stem="sink").server_context()
    site.conf["gate"]["backend"]["tls"] = how
    return site.start("gate")


def send_one(site):
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        reply = smtp.envelope("a@good.test", "joe@example.test")
        return smtp.data(MESSAGE) if reply.code == 250 else reply


@pytest.mark.parametrize("how, is_tls", [("auto", False), ("off", False), ("may", True), ("require", True)])
def test_tls_to_the_mail_server(site, sink, how, is_tls):
    to_sink(site, sink, how)
    for _ in range(3):  # the later ones resume
        assert send_one(site).code == 250
    assert [message["tls"] for message in sink.messages] == 3 * [is_tls]
    assert {message["client"] for message in sink.messages} == {GOOD}


def test_tls_that_does_not_work_is_gone_without_where_it_may(site, sink):
    sink.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # no certificate
    site.conf["gate"]["backend"]["tls"] = "may"
    gate = site.start("gate")
    for _ in range(2):
        assert send_one(site).code == 250
    assert [message["tls"] for message in sink.messages] == 2 * [False]
    assert len(gate.events("gate.backend-tls")) == 1
    assert gate.events("gate.backend-tls")[0]["why"] == "closed by the other side"


@pytest.mark.parametrize("tls", [None, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)])
def test_mail_waits_for_tls_that_is_required(site, sink, tls):
    sink.tls = tls
    site.conf["gate"]["backend"]["tls"] = "require"
    gate = site.start("gate")
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        reply = smtp.ehlo("mail.good.test")
        assert reply.code == 421, "nothing is known of the backend yet"
    assert sink.messages == []
    gate.wait_for_event("gate.backend-down")


@pytest.mark.needs_root
@pytest.mark.parametrize("pass_client", ["xclient", "proxy-v2"])
def test_postfix_behind_takes_tls(site, certificate, pass_client):
    assert can_run(), "Postfix is missing: apt-get install postfix"
    behind = Certificate(site.path("etc"), stem="behind")
    settings = ["smtpd_tls_security_level = may", f"smtpd_tls_cert_file = {behind.certificate}",
                f"smtpd_tls_key_file = {behind.key}", "smtpd_tls_loglevel = 1"]
    with Postfix(domains=["example.test"], settings=settings) as postfix:
        port = postfix.xclient_port if pass_client == "xclient" else postfix.proxy_port
        site.conf["gate"]["backend"] = {"address": f"127.0.0.1:{port}", "pass-client": pass_client, "tls": "require"}
        site.start("gate")
        with secured(site) as smtp:
            smtp.command("HELO mail.good.test")
            assert smtp.envelope("a@good.test", "joe@example.test").code == 250
            assert smtp.data(MESSAGE).code == 250
        mail = postfix.wait_for_mails(1)[0].decode()
        assert "[192.0.2.10]" in mail and "X-Stockade-TLS: TLSv1.3" in mail
        assert "TLS connection established from" in postfix.log()


@pytest.mark.needs_root
@pytest.mark.parametrize("version", ["TLSv1.3", "TLSv1.2"])
def test_postfix_before_insists_on_tls(site, sink, certificate, version):
    assert can_run(), "Postfix is missing: apt-get install postfix"
    settings = [f"relayhost = [127.0.0.1]:{site.ports['gate']}", "smtp_tls_security_level = encrypt",
                f"smtp_tls_mandatory_protocols = {version}", "smtp_tls_loglevel = 1",
                "relay_domains = example.test"]
    site.conf["gate"]["proxy-from"] = []
    site.start("gate")
    with Postfix(domains=["elsewhere.test"], settings=settings) as postfix:
        with SmtpClient(postfix.open_port) as smtp:
            smtp.ehlo("localhost")
            assert smtp.envelope("postmaster@good.test", "postmaster@example.test").code == 250
            assert smtp.data(MESSAGE).code == 250
        wait_for(lambda: sink.messages, 60, lambda: "the message; Postfix's log:\n" + postfix.log())
        assert f"TLS connection established to 127.0.0.1[127.0.0.1]:{site.ports['gate']}: {version}" in postfix.log()
    assert f"(using {version} with cipher " in header_of(sink.messages[0])


def test_a_session_is_resumed(site, certificate):
    site.start("gate")
    context = trusting_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # Python takes no session of TLS 1.3 before it has read
    with secured(site, context) as smtp:
        session = smtp.socket.session
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.command("STARTTLS").code == 220
        smtp.socket = context.wrap_socket(smtp.socket, server_hostname="mx1.example.test", session=session)
        assert smtp.socket.session_reused
