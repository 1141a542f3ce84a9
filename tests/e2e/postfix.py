# SPDX-License-Identifier: ISC
"""A real Postfix (Debian's package) of our own: configuration, queue and mailboxes in a temporary folder, ports on
loopback. It needs root, as Postfix does; the system's own Postfix is not touched.

    with Postfix(domains=["example.net"]) as postfix:
        postfix.xclient_port      # smtpd that takes XCLIENT from 127.0.0.1
        postfix.proxy_port        # smtpd that wants a PROXY header
        postfix.open_port         # smtpd that relays for anybody on loopback: a trap for the gate's probe
        postfix.mails()           # delivered messages, as bytes
"""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from harness.waiting import free_port, wait_for

MASTER_CF = """\
127.0.0.1:{xclient} inet n - n - - smtpd
    -o smtpd_authorized_xclient_hosts=127.0.0.1
    -o local_header_rewrite_clients=
    -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
127.0.0.1:{proxy} inet n - n - - smtpd
    -o smtpd_upstream_proxy_protocol=haproxy
    -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
127.0.0.1:{open} inet n - n - - smtpd
    -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
{extra}
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = backend.test
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtp_host_lookup = native
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
message_size_limit = 104857600
mailbox_size_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
default_process_limit = 100
in_flow_delay = 0s
queue_minfree = 0
{settings}
"""


def can_run():
    return os.geteuid() == 0 and os.path.exists("/usr/lib/postfix/sbin/master")


class Postfix:
    def __init__(self, domains=("example.net",), settings=(), extra_services="", ports=None):
        self.folder = tempfile.mkdtemp(prefix="stockade-postfix-")
        self.domains = domains
        self.settings = list(settings)
        self.extra_services = extra_services
        self.xclient_port, self.proxy_port, self.open_port = ports or (free_port(), free_port(), free_port())
        self.master = None
        self._write()

    def _write(self):
        os.chmod(self.folder, 0o755)
        user = pwd.getpwnam("nobody")
        for name in ("conf", "spool", "data", "mail", "log"):
            os.makedirs(f"{self.folder}/{name}", mode=0o755, exist_ok=True)
        shutil.chown(f"{self.folder}/data", "postfix")
        shutil.chown(f"{self.folder}/log", "postfix")
        os.chown(f"{self.folder}/mail", user.pw_uid, user.pw_gid)
        with open(f"{self.folder}/conf/main.cf", "w") as out:
            out.write(MAIN_CF.format(folder=self.folder, domains=" ".join(self.domains), uid=user.pw_uid,
                                     gid=user.pw_gid, settings="\n".join(self.settings)))
        with open(f"{self.folder}/conf/master.cf", "w") as out:
            out.write(MASTER_CF.format(xclient=self.xclient_port, proxy=self.proxy_port, open=self.open_port,
                                       extra=self.extra_services))

    def launch(self, command):
        """The command that starts `command`; for those who need other surroundings."""
        return command

    def start(self, deadline=30):
        subprocess.run(["postfix", "-c", f"{self.folder}/conf", "check"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.master = subprocess.Popen(self.launch(["/usr/lib/postfix/sbin/master", "-c", f"{self.folder}/conf", "-d"]),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True,
                                       env={"PATH": os.environ["PATH"], "MAIL_CONFIG": f"{self.folder}/conf"})
        wait_for(self._greets, deadline, "Postfix to greet")
        return self

    def _greets(self):
        assert self.master.poll() is None, "Postfix does not start:\n" + self.log()
        try:
            with socket.create_connection(("127.0.0.1", self.xclient_port), timeout=5) as s:
                return s.recv(4) == b"220 "
        except OSError:
            return False

    def stop(self, number=signal.SIGTERM):
        """SIGTERM: orderly; SIGKILL: all its processes at once, in the middle of whatever they do."""
        if self.master is None:
            return
        try:
            os.killpg(self.master.pid, number)
        except ProcessLookupError:
            pass
        self.master.wait(timeout=30)
        self.master = None

    def close(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    def log(self):
        try:
            with open(f"{self.folder}/log/mail.log", errors="replace") as log:
                return log.read()
        except OSError:
            return ""

    def mails(self):
        """The delivered messages in order of delivery, as they stand in the mailbox."""
        found = []
        for path in glob.glob(f"{self.folder}/mail/inbox/new/*"):
            with open(path, "rb") as mail:
                found.append((os.stat(path).st_mtime_ns, path, mail.read()))
        return [content for _, _, content in sorted(found)]

    def wait_for_mails(self, count, deadline=60):
        wait_for(lambda: len(glob.glob(f"{self.folder}/mail/inbox/new/*")) >= count, deadline,
                 lambda: f"{count} mails; {len(self.mails())} arrived\n" + self.log()[-4000:])
        return self.mails()

    def wait_until_delivered(self, deadline=60):
        wait_for(lambda: self.queued() == 0, deadline, "the queue to be empty")

    def queued(self):
        """Messages that Postfix took and has not delivered yet."""
        return sum(len(files) for name in ("incoming", "active", "deferred")
                   for _, _, files in os.walk(f"{self.folder}/spool/{name}"))
