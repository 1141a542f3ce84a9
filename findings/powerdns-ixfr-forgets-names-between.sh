#!/bin/sh
# SPDX-License-Identifier: ISC
# PowerDNS Authoritative 4.7.3 (Debian's pdns-server and pdns-backend-sqlite3 4.7.3-2): a secondary that takes differences (zone
# metadata IXFR=1) does not keep empty non-terminals in step with them. By a whole transfer (AXFR, its default) it works them out.
#
# Seen: a.b.zone.example comes by IXFR, and b.zone.example, the empty name above it, is NXDOMAIN although there is something below
# (RFC 8020, RFC 4592 section 2.2.2); resolvers that ask label by label (RFC 9156) take that for all below it, and never find
# a.b.zone.example. By AXFR it is NOERROR.
# Meant for whoever runs PowerDNS as a secondary of a zone with names of many labels (reverse zones, DNS blocklists): leave IXFR unset,
# or run `pdnsutil rectify-zone` after each change.
#
# Unpacks the packages into a temporary folder and runs them in a network of its own. Fails when what is seen changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download pdns-server=4.7.3-2 pdns-backend-sqlite3=4.7.3-2 python3-dnspython=2.3.0-1 \
	libboost-program-options1.74.0 libcurl4 libluajit-5.1-2 libmaxminddb0 liblua5.3-0 libp11-kit0 libyaml-cpp0.7 \
	libsodium23 libsqlite3-0 >/dev/null 2>&1
for file in *.deb; do dpkg-deb -x "$file" .; done

cat >seen.py <<'PY'
import os
import socket
import sqlite3
import subprocess
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rrset

ZONE = "zone.example."
PRIMARY, SECONDARY = 5301, 5302
LIBRARIES = dict(os.environ, LD_LIBRARY_PATH=os.getcwd() + "/usr/lib/x86_64-linux-gnu")
serial = 1


def soa(number):
    return dns.rrset.from_text(ZONE, 60, "IN", "SOA", f"ns.{ZONE} host.{ZONE} {number} 3600 600 86400 60")


REST = [dns.rrset.from_text(ZONE, 60, "IN", "NS", "ns.elsewhere.example.")]
ADDED = dns.rrset.from_text("a.b." + ZONE, 60, "IN", "A", "192.0.2.1")  # in serial 2, and in no other


def answer_to(query):
    message = dns.message.make_response(query)
    message.flags |= dns.flags.AA
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    if kind == "SOA":
        message.answer = [soa(serial)]
    elif kind == "AXFR":
        message.answer = [soa(serial), *REST, *([ADDED] if serial == 2 else []), soa(serial)]
    elif kind == "IXFR":
        changes = [soa(serial - 1), soa(serial), ADDED] if serial == 2 else [soa(serial - 1), ADDED, soa(serial)]
        message.answer = [soa(serial), *changes, soa(serial)]
    return message


def serve_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", PRIMARY))
        while True:
            wire, client = listener.recvfrom(4096)
            listener.sendto(answer_to(dns.message.from_wire(wire)).to_wire(), client)


def serve_tcp():
    with socket.create_server(("127.0.0.1", PRIMARY)) as listener:
        while True:
            stream, _ = listener.accept()
            with stream:
                try:
                    dns.query.send_tcp(stream, answer_to(dns.query.receive_tcp(stream)[0]))
                    stream.recv(1)
                except (EOFError, OSError):
                    pass


def ask(name, kind):
    return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=SECONDARY, timeout=1)


def has(number):
    try:
        return any(str(number) == str(rrset[0].serial) for rrset in ask(ZONE, "SOA").answer)
    except (dns.exception.Timeout, OSError):
        return False


def wait_for(number, trigger):
    for _ in range(300):
        if has(number):
            return
        trigger()
        time.sleep(0.1)
    raise SystemExit(open("log").read())


def run(*command):
    subprocess.run(command, env=LIBRARIES, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def look(kind):
    """Serial 1, then 2 with a.b, then 3 without; what is said of b."""
    global serial
    serial = 1
    run("usr/bin/pdnsutil", "--config-dir=.", "create-secondary-zone", ZONE, f"127.0.0.1:{PRIMARY}")
    if kind == "IXFR":
        run("usr/bin/pdnsutil", "--config-dir=.", "set-meta", ZONE, "IXFR", "1")
    with open("log", "w") as log, subprocess.Popen(["usr/sbin/pdns_server", "--config-dir=."], env=LIBRARIES,
                                                   stdout=log, stderr=log) as server:
        for serial in (1, 2, 3):
            wait_for(serial, lambda: run("usr/bin/pdns_control", "--config-dir=.", "retrieve", ZONE))
            rcodes = [dns.rcode.to_text(ask(name + ZONE, "A").rcode()) for name in ("a.b.", "b.")]
            if serial > 1:
                print(f"{kind}, {'added' if serial == 2 else 'removed'}: a.b {rcodes[0]}, b {rcodes[1]}")
        server.terminate()
    taken = [line for line in open("log") if f"{kind}-in" in line and "committed" in line]
    assert len(taken) >= 2, open("log").read()


for target in (serve_udp, serve_tcp):
    threading.Thread(target=target, daemon=True).start()
for way in ("AXFR", "IXFR"):
    if os.path.exists("pdns.db"):
        os.unlink("pdns.db")
    with open("usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql") as schema:
        sqlite3.connect("pdns.db").executescript(schema.read())
    look(way)
PY

cat >pdns.conf <<CF
launch=gsqlite3
gsqlite3-database=$work/pdns.db
module-dir=$work/usr/lib/x86_64-linux-gnu/pdns
local-address=127.0.0.1
local-port=5302
secondary=yes
socket-dir=$work
guardian=no
daemon=no
security-poll-suffix=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
CF

cat >run.sh <<'SH'
set -eu
ip link set lo up
PYTHONPATH="$PWD/usr/lib/python3/dist-packages" /usr/bin/python3 seen.py
SH
unshare --map-root-user --net --pid --fork --kill-child sh run.sh | tee seen.txt
cat >wanted.txt <<'TXT'
AXFR, added: a.b NOERROR, b NOERROR
AXFR, removed: a.b NXDOMAIN, b NXDOMAIN
IXFR, added: a.b NOERROR, b NXDOMAIN
IXFR, removed: a.b NXDOMAIN, b NXDOMAIN
TXT
diff wanted.txt seen.txt && echo "as stated"
