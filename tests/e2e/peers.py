# SPDX-License-Identifier: ISC
"""The mail servers of harness/peer.py, each set up to hand all its mail to one port on loopback, as behind a smart host.

    for kind in CLIENTS:
        with kind(port) as server:
            server.submit("ann@peer.test", ["joe@example.test"], MESSAGE)
"""
from harness.peer import NAME, Peer
from harness.waiting import wait_for

class Client(Peer):
    """A server that sends to 127.0.0.1:port. tls: not at all, or nothing without it."""

    def __init__(self, port, tls=False, resolver="127.0.0.1"):
        self.port = port
        self.tls = tls
        super().__init__(self.settings(), resolver)

    def settings(self):
        raise NotImplementedError

    def submit(self, sender, recipients, message):
        """As a user of that machine: its sendmail takes the message and it goes on its way."""
        self.run("sendmail", "-i", "-f", sender, *recipients, text=message.replace(b"\r\n", b"\n"))


class Exim(Client):
    package = "exim4-daemon-light"
    logs = ("/var/log/exim4/mainlog", "/var/log/exim4/paniclog")

    def settings(self):
        tls = f"hosts_require_tls = {'*' if self.tls else ''}\n  hosts_avoid_tls = {'' if self.tls else '*'}\n  tls_verify_hosts ="
        return {"/etc/exim4/exim4.conf": f"""\
primary_hostname = {NAME}
log_file_path = /var/log/exim4/%slog
keep_environment =
begin routers
gate:
  driver = manualroute
  transport = gate
  route_list = * 127.0.0.1::{self.port} byname
  self = send
begin transports
gate:
  driver = smtp
  allow_localhost
  {tls}
begin retry
* * F,1h,1s
"""}

    def prepare(self):
        self.run("sh", "-c", "mkdir -p /var/spool/exim4 /var/log/exim4; chown -R Debian-exim: /var/spool/exim4 /var/log/exim4")


class EximHeavy(Exim):
    package = "exim4-daemon-heavy"


class OpenSmtpd(Client):
    package = "opensmtpd"

    def settings(self):
        return {"/etc/smtpd.conf": f"""\
action out relay host {"smtp+tls" if self.tls else "smtp+notls"}://127.0.0.1:{self.port} helo {NAME}{" tls no-verify" if self.tls else ""}
listen on socket
match from local for any action out
"""}

    def prepare(self):
        self.run("sh", "-c", "mkdir -p /var/empty /var/spool/smtpd; chmod 711 /var/spool/smtpd;"
                             "chgrp opensmtpq /usr/sbin/smtpctl; chmod 2555 /usr/sbin/smtpctl")
        self.start("smtpd", "-d")
        wait_for(lambda: self.has("/run/smtpd.sock"), what=lambda: "OpenSMTPD to take mail: " + self.log())


class Sendmail(Client):
    package = "sendmail-bin"

    def settings(self):
        return {"/etc/mail/local-host-names": "", "/etc/aliases": "", "/etc/mail/service.switch": "hosts files\n", "/etc/mail/sendmail.mc": f"""\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{NAME}')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {self.port}')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {self.port}')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
MAILER(`smtp')dnl
"""}

    def prepare(self):
        self.run("sh", "-c", "cd /etc/mail && m4 sendmail.mc >sendmail.cf && mkdir -p /var/spool/mqueue")

    def submit(self, sender, recipients, message):
        self.run("/usr/libexec/sendmail/sendmail", "-Am", "-odi", "-i", "-f", sender, *recipients, text=message.replace(b"\r\n", b"\n"))


class Courier(Client):
    package = "courier-mta"

    def settings(self):
        return {"/etc/courier/me": NAME + "\n", "/etc/courier/defaultdomain": NAME + "\n", "/etc/courier/locals": "localhost\n",
                "/etc/courier/esmtproutes": f":[127.0.0.1],{self.port} /SECURITY={'REQUIRED' if self.tls else 'NONE'}\n"}

    def prepare(self):
        self.run("sh", "-c", "mkdir -p /run/courier; chown -R courier: /var/lib/courier /etc/courier /run/courier; courier start")


class Dma(Client):
    package = "dma"

    def settings(self):
        return {"/etc/aliases": "", "/etc/dma/dma.conf": f"""\
SMARTHOST 127.0.0.1
PORT {self.port}
MAILNAME {NAME}
""" + ("SECURETRANSFER\nSTARTTLS\n" if self.tls else "")}

    def prepare(self):
        self.run("sh", "-c", "chgrp mail /usr/sbin/dma; chmod 2755 /usr/sbin/dma")


class Nullmailer(Client):
    package = "nullmailer"

    def settings(self):
        return {"/etc/nullmailer/me": NAME + "\n",
                "/etc/nullmailer/remotes": f"127.0.0.1 smtp --port={self.port}{' --starttls --insecure' if self.tls else ''}\n"}

    def prepare(self):
        self.run("sh", "-c", "mkfifo -m 622 /var/spool/nullmailer/trigger; chown -R mail: /var/spool/nullmailer")
        self.start("nullmailer-send")


TLS_CLIENTS = (Exim, EximHeavy, OpenSmtpd, Courier, Dma, Nullmailer)
CLIENTS = (Exim, EximHeavy, Sendmail, OpenSmtpd, Courier, Dma, Nullmailer)
