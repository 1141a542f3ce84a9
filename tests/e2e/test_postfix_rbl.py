# SPDX-License-Identifier: ISC
"""Our zones as other people use them: a real Postfix with reject_rbl_client and reject_rhsbl_sender, and no gate.

Postfix asks the resolver of its machine. This one gets a resolv.conf of its own, in a mount namespace, that names our dns
role at port 53 of a loopback address that nobody else uses.
"""
import os
import signal

import pytest

from harness.smtp import SmtpClient
from harness.waiting import wait_for
from postfix import Postfix, can_run
from test_dns import NAMES, ZONE, Dns

pytestmark = pytest.mark.needs_root

RESTRICTIONS = (
    "inet_protocols = all",
    "max_use = 1",  # an smtpd keeps the answers it got
    "smtpd_recipient_restrictions ="
    f" reject_rbl_client {ZONE}=127.0.0.[2;8], reject_rhsbl_sender {NAMES}=127.0.1.2, permit",
)


def address_of_our_own():
    """127.0.0.0/8 is all this machine's; the number of our process keeps runs apart."""
    number = os.getpid()
    return f"127.{83 + (number >> 16) % 100}.{number >> 8 & 255}.{number & 255 or 1}"


class PostfixThatAsks(Postfix):
    """Its resolver is `nameserver`."""
    nameserver = None

    def launch(self, command):
        path = f"{self.folder}/conf/resolv.conf"
        with open(path, "w", encoding="ascii") as out:
            out.write(f"nameserver {self.nameserver}\noptions timeout:2 attempts:2\n")
        return ["unshare", "--mount", "sh", "-c", f'mount --bind {path} /etc/resolv.conf && exec "$@"', "sh", *command]


@pytest.fixture
def mail_server(site):
    """Lists with entries, and a Postfix that asks them."""
    assert can_run(), "Postfix is missing: apt-get install postfix"
    address = address_of_our_own()
    site.conf["dns"]["listen"] = [*site.conf["dns"]["listen"], f"{address}:53"]
    site.start("keeper")
    site.role = site.start("dns")
    site.cli("list", "add", "198.51.100.9", "203.0.113.0/24", "2001:db8:66::/64", "--list", "main", "--reason", "spam run")
    site.cli("list", "add", "listed.test", "--list", "names", "--reason", "fraud")
    wait_for(lambda: Dns(site.ports["dns"]).answers(f"listed.test.{NAMES}"), what="the listings in DNS")
    postfix = PostfixThatAsks(domains=["example.test"], settings=RESTRICTIONS)
    postfix.nameserver = address
    with postfix:
        yield postfix


def said_to(postfix, client, sender="a@good.test"):
    with SmtpClient(postfix.proxy_port, client, timeout=60) as smtp:
        smtp.ehlo("mail.good.test")
        return smtp.envelope(sender, "joe@example.test")


def test_a_mail_server_refuses_by_our_zones(site, mail_server):
    for client in ("198.51.100.9", "203.0.113.200", "2001:db8:66::25"):
        reply = said_to(mail_server, client)
        assert reply.code == 554, (client, str(reply))
        assert f"Client host [{client}] blocked using {ZONE}; Listed: spam run; https://" in reply.text
    reply = said_to(mail_server, "192.0.2.7", "x@listed.test")
    assert reply.code == 554 and f"blocked using {NAMES}; Listed: fraud; https://" in reply.text, str(reply)
    for client in ("192.0.2.7", "198.51.100.10", "2001:db8:67::25"):
        assert said_to(mail_server, client).code == 250, client

    # The next mail after a removal is taken, since this resolver keeps nothing.
    site.cli("delist", "198.51.100.9", "--reason", "repaired")
    wait_for(lambda: said_to(mail_server, "198.51.100.9").code == 250, what="mail from who is no longer listed")

    # A list that refuses to answer, or is away, refuses nobody's mail.
    site.conf["dns"]["allow-from"] = ["192.0.2.0/24"]
    site.write()
    site.role.reload()
    assert said_to(mail_server, "203.0.113.200").code == 250
    site.role.signal(signal.SIGTERM)
    site.role.wait()
    assert said_to(mail_server, "203.0.113.200").code == 250
