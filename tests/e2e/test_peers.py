# SPDX-License-Identifier: ISC
"""Other people's mail servers as clients of the gate: what each hands over arrives as it was, and a refusal reaches its user."""
import random
import re

import pytest

from harness.certificate import Certificate
from harness.nameserver import NameServer
from harness.waiting import wait_for
from peers import CLIENTS, TLS_CLIENTS

MESSAGE = (b"From: Ann <ann@peer.test>\r\nTo: joe@example.test\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
           b"Date: Tue, 1 Dec 2026 00:00:00 +0000\r\nMessage-ID: <1@peer.test>\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: text/plain; charset=us-ascii\r\n\r\n"
           b".\r\n..\r\n.a line with a dot\r\n" + b"x" * 900 + b"\r\nFrom here on\r\n\r\n")
BODY = MESSAGE.split(b"\r\n\r\n", 1)[1]

pytestmark = [pytest.mark.needs_root, pytest.mark.xdist_group("peers")]


@pytest.fixture(scope="module")
def resolver():
    """Some of them look everything up, and always at port 53."""
    with NameServer(53, f"127.53.{random.randrange(256)}.{random.randrange(1, 255)}") as server:
        yield server.host_address


def start_gate(site, nameserver):
    nameserver.host("localhost", "127.0.0.1")
    site.conf["mode"] = "enforce"
    site.conf["own"]["networks"] = ["192.0.2.0/24"]
    site.conf["gate"]["proxy-from"] = []
    site.conf["checks"]["no-ptr"] = "off"
    return site.start("gate")


@pytest.fixture
def gate(site, nameserver):
    return start_gate(site, nameserver)


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.__name__)
def test_mail_of_each_arrives_as_it_was(site, sink, gate, resolver, kind):
    with kind(site.ports["gate"], resolver=resolver) as server:
        server.submit("ann@peer.test", ["joe@example.test"], MESSAGE)
        wait_for(lambda: sink.messages, what=lambda: f"the mail:\n{server.log()}\n{gate.log}")
    assert len(sink.messages) == 1
    mail = sink.messages[0]
    assert (mail["from"], mail["to"]) == ("ann@peer.test", ["joe@example.test"])
    header, body = mail["data"].split(b"\r\n\r\n", 1)
    assert body == BODY
    assert b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=" in header
    assert re.search(rb"by mx1\.example\.test .*with E?SMTP.*Message-ID: <1@peer\.test>", header, re.DOTALL)


@pytest.mark.parametrize("kind", TLS_CLIENTS, ids=lambda kind: kind.__name__)
def test_those_that_insist_on_tls_get_it(site, sink, resolver, nameserver, kind):
    site.conf["gate"]["tls"] = Certificate(site.path("etc")).settings()
    gate = start_gate(site, nameserver)
    with kind(site.ports["gate"], tls=True, resolver=resolver) as server:
        server.submit("ann@peer.test", ["joe@example.test"], MESSAGE)
        wait_for(lambda: sink.messages, what=lambda: f"the mail:\n{server.log()}\n{gate.log}")
    header, body = sink.messages[0]["data"].split(b"\r\n\r\n", 1)
    assert body == BODY
    assert re.search(rb"\(using TLSv1\.[23] with cipher \S+ \(\d+/\d+ bits\)\)\r\n\tby mx1\.example\.test \(Stockade\) with (ESMTPS|SMTP) id ", header)
