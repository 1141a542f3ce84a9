#!/bin/sh
# SPDX-License-Identifier: ISC
# Postfix 3.7.11 (Debian's postfix 3.7.11-0+deb12u1): behind XCLIENT it completes the header of a stranger's message as it does for
# local clients, although XCLIENT says that the client is 203.0.113.7, and everything else (log, Received, restrictions) believes it.
#
# Seen: with local_header_rewrite_clients at its default (permit_inet_interfaces, "append the domain name ... when mail is
# received from a local client") a message without Message-Id, Date and From gets all three, and an address without a domain in To
# gets $myorigin, when it comes by XCLIENT from 203.0.113.7; nothing is added when the same client comes by the PROXY protocol.
# So a filter in front changes what DKIM signs and what spam filters see, and a missing Message-Id is not missing any more.
# Meant for whoever puts a proxy with XCLIENT before Postfix: -o local_header_rewrite_clients= in that line of master.cf helps.
#
# Unpacks the package into a temporary folder and runs it in mount and network name spaces of its own, which takes root. Fails when
# what is seen changes.
set -eu
[ "$(id -u)" -eq 0 ] || { echo "needs root: Postfix does" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download postfix=3.7.11-0+deb12u1 >/dev/null 2>&1
dpkg-deb -x postfix_3.7.11-0+deb12u1_*.deb .
mkdir conf spool data mnt
grep -v '^post' /etc/passwd >passwd
echo 'postfix:x:61001:61001::/nonexistent:/usr/sbin/nologin' >>passwd
grep -v '^post' /etc/group >group
printf 'postfix:x:61001:\npostdrop:x:61002:\n' >>group
chown 61001 data

cat >conf/main.cf <<CF
compatibility_level = 3.6
queue_directory = $work/spool
data_directory = $work/data
maillog_file = $work/mail.log
maillog_file_prefixes = $work
myhostname = backend.test
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
mydestination = example.net
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_end_of_data_restrictions = check_client_access static:HOLD
CF
cat >conf/master.cf <<'CF'
127.0.0.1:2501 inet n - n - - smtpd
    -o smtpd_authorized_xclient_hosts=127.0.0.1
127.0.0.1:2502 inet n - n - - smtpd
    -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:2503 inet n - n - - smtpd
    -o smtpd_authorized_xclient_hosts=127.0.0.1
    -o local_header_rewrite_clients=
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
qmgr unix n - n 300 1 qmgr
postlog unix-dgram n - n - 1 postlogd
CF

cat >seen.py <<'PY'
import re
import smtplib
import socket
import subprocess

CLIENT = "203.0.113.7"


class Client(smtplib.SMTP):
    """From CLIENT by a PROXY header, when it is told so before the greeting."""
    proxied = False

    def _get_socket(self, host, port, timeout):
        stream = super()._get_socket(host, port, timeout)
        if self.proxied:
            stream.sendall(f"PROXY TCP4 {CLIENT} 127.0.0.1 40000 25\r\n".encode())
        return stream


class Proxied(Client):
    proxied = True


def deliver(kind, port, xclient):
    with kind("127.0.0.1", port, "client.example") as smtp:
        smtp.ehlo()
        if xclient:
            assert smtp.docmd("XCLIENT", f"ADDR={CLIENT} NAME=client.example")[0] == 220
            smtp.ehlo()
        assert smtp.mail("a@client.example")[0] == 250 and smtp.rcpt("b@example.net")[0] == 250
        code, text = smtp.data(b"Subject: x\r\nTo: b\r\n\r\nbody\r\n")
        assert code == 250, text
    queued = re.search(rb"queued as (\S+)", text)[1].decode()
    header = subprocess.run(["postcat", "-c", "conf", "-hq", queued], capture_output=True, text=True, check=True).stdout
    assert f"[{CLIENT}]" in header, header  # whom Received names
    fields = [name for name in ("Message-Id", "Date", "From") if re.search(f"(?m)^{name}:", header)]
    return f"added: {', '.join(fields) or 'nothing'}; To: {re.search('(?m)^To: (.*)', header)[1]}"


print("XCLIENT, by default       ->", deliver(Client, 2501, True))
print("PROXY, by default         ->", deliver(Proxied, 2502, False))
print("XCLIENT, with it empty    ->", deliver(Client, 2503, True))
PY

cat >run.sh <<'SH'
set -eu
ip link set lo up
mount --bind passwd /etc/passwd
mount --bind group /etc/group
mount -t overlay overlay -o lowerdir="$PWD/usr:/usr" /usr
postfix -c "$PWD/conf" check 2>/dev/null
MAIL_CONFIG="$PWD/conf" /usr/lib/postfix/sbin/master -c "$PWD/conf" -d &
master=$!
trap 'kill $master' EXIT
tries=0
until /usr/bin/python3 -c 'import socket; socket.create_connection(("127.0.0.1", 2503)).recv(1)' 2>/dev/null; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || { cat mail.log >&2; exit 1; }
	sleep 0.1
done
postconf -c "$PWD/conf" mail_version local_header_rewrite_clients
/usr/bin/python3 seen.py
SH
unshare --mount --net --pid --fork --kill-child sh run.sh | tee seen.txt
cat >wanted.txt <<'TXT'
mail_version = 3.7.11
local_header_rewrite_clients = permit_inet_interfaces
XCLIENT, by default       -> added: Message-Id, Date, From; To: b@backend.test
PROXY, by default         -> added: nothing; To: b
XCLIENT, with it empty    -> added: nothing; To: b
TXT
diff wanted.txt seen.txt && echo "as stated"
