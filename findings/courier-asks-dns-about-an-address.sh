#!/bin/sh
# SPDX-License-Identifier: ISC
# Courier 1.0.16 (Debian's courier-mta 1.0.16-3+b6): a smart host that is an address, with a port and with security switched off
# (esmtproutes ":[127.0.0.1],2525 /SECURITY=NONE"), is looked up for MTA-STS all the same, as if it were a domain, and mail waits
# for that.
#
# Seen: the one question for a message is TXT of "_mta-sts.[127.0.0.1],2525.", brackets, comma and port included. An answer of any kind
# (NXDOMAIN, SERVFAIL) lets the mail go at once. With no resolver listening it is not handed over within 20 s, although nothing about the
# address needs DNS.
# Meant for whoever puts Courier behind a gate or relay by address on a machine without a resolver: give it one.
#
# Unpacks the packages into a temporary folder and runs them over the machine's files in namespaces of their own, as root. Fails when what
# is seen changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download courier-mta=1.0.16-3+b6 courier-base=1.0.16-3+b6 courier-authlib=0.71.4-1+b2 \
	libcourier-unicode4=2.1.2-2+b2 libidn12 libltdl7 libgamin0 >/dev/null 2>&1
mkdir own work machine
for file in *.deb; do dpkg-deb -x "$file" own; done
cp -a own/lib/. own/usr/lib/ 2>/dev/null && rm -r own/lib # /lib is a link into /usr

mkdir -p own/etc/courier
cat /etc/passwd >own/etc/passwd && echo "courier:x:7106:7106::/var/empty:/bin/false" >>own/etc/passwd
cat /etc/group >own/etc/group && echo "courier:x:7106:" >>own/etc/group
echo "nameserver 127.0.0.1" >own/etc/resolv.conf
echo "127.0.0.1 localhost courier.example" >own/etc/hosts
echo courier.example >own/etc/courier/me
echo courier.example >own/etc/courier/defaultdomain
echo ":[127.0.0.1],2525 /SECURITY=NONE" >own/etc/courier/esmtproutes

cat >own/seen.py <<'PY'
import socket
import subprocess
import sys
import threading
import time

questions, arrived = [], threading.Event()
RCODES = {"NXDOMAIN": 3, "SERVFAIL": 2}


def dns(rcode):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 53))
        while True:
            wire, client = listener.recvfrom(4096)
            at, labels = 12, []
            while wire[at]:
                labels.append(wire[at + 1:at + 1 + wire[at]].decode())
                at += 1 + wire[at]
            kind = int.from_bytes(wire[at + 1:at + 3], "big")
            questions.append(f"{'TXT' if kind == 16 else kind} {'.'.join(labels)}.")
            listener.sendto(wire[:2] + bytes((0x81, 0x80 | rcode)) + b"\0\1\0\0\0\0\0\0" + wire[12:at + 5], client)


def smtp():
    listener = socket.create_server(("127.0.0.1", 2525))
    while True:
        stream = listener.accept()[0].makefile("rwb", buffering=0)
        stream.write(b"220 relay.example ESMTP\r\n")
        for line in stream:
            if line.upper().startswith(b"DATA"):
                stream.write(b"354 go on\r\n")
                while stream.readline() not in (b".\r\n", b""):
                    pass
                arrived.set()
            stream.write(b"250 ok\r\n")


threading.Thread(target=smtp, daemon=True).start()
if sys.argv[1] in RCODES:
    threading.Thread(target=dns, args=(RCODES[sys.argv[1]],), daemon=True).start()
subprocess.run("mkdir -p /run/courier; chown -R courier: /var/lib/courier /etc/courier /run/courier; courier start", shell=True, check=True)
subprocess.run(["sendmail", "-f", "ann@courier.example", "joe@example.org"], input=b"Subject: hello\n\nhello\n", check=True)
came = arrived.wait(20)
print(f"{sys.argv[1]}: {'handed over' if came else 'waits'}", *questions, sep="; ", flush=True)
PY

cat >run.sh <<'SH'
set -eu
ip link set lo up
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/own,workdir=$PWD/work" "$PWD/machine"
mount -t proc proc machine/proc
mount --rbind /dev machine/dev
mount -t tmpfs run machine/run
chroot machine /usr/bin/python3 /seen.py "$1"
SH
cp -a own first
for how in NXDOMAIN SERVFAIL nobody; do
	rm -rf own work
	cp -a first own
	mkdir work
	unshare --mount --net --pid --fork --kill-child sh run.sh "$how"
done | tee seen.txt
cat >wanted.txt <<'TXT'
NXDOMAIN: handed over; TXT _mta-sts.[127.0.0.1],2525.
SERVFAIL: handed over; TXT _mta-sts.[127.0.0.1],2525.
nobody: waits
TXT
diff wanted.txt seen.txt && echo "as stated"
