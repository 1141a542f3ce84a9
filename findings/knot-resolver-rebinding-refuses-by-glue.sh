#!/bin/sh
# SPDX-License-Identifier: ISC
# Knot Resolver 5.6.0 (Debian's knot-resolver 5.6.0-1+deb12u1): its module "rebinding" looks at addresses in the authority and
# additional sections as well, and answers REFUSED for the whole question. Glue that nobody asked for is enough: where a name server
# of a zone has a private address (a hidden primary, a list served from loopback), TXT and public A records of that zone are refused
# as soon as the server adds its own address to the answer, as it may (RFC 1034 section 4.3.2, step 6), and come when it does not.
#
# Seen: REFUSED with EDE 18 for TXT "public" and for A 203.0.113.5, while the additional section has A 10.1.2.3 of the name server;
# NOERROR with the records without it.
# Meant for whoever looks for the cause of REFUSED: the exemption (policy.FLAGS 'ALLOW_LOCAL') has to name the zone of the
# question; minimal answers of the zone's servers help as well.
#
# Unpacks the packages into a temporary folder and runs them in name spaces of its own. Fails when what is seen changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download knot-resolver=5.6.0-1+deb12u1 python3-dnspython=2.3.0-1 \
	libknot13 libdnssec9 libzscanner4 liblmdb0 libluajit-5.1-2 libluajit-5.1-common libuv1 libjemalloc2 libedit2 libbsd0 \
	libfstrm0 libgnutls30 libprotobuf-c1 libnghttp2-14 >/dev/null 2>&1
for file in *.deb; do dpkg-deb -x "$file" .; done

cat >kresd.conf <<'CF'
net.listen('127.0.0.1', 5301)
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
trust_anchors.remove('.')
modules.load('rebinding < iterate')
policy.add(policy.suffix(policy.STUB('127.0.0.1@5302'), policy.todnames({'zone.example'})))
CF

cat >seen.py <<'PY'
import socket
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

RECORDS = {"TXT": '"public"', "A": "203.0.113.5"}


def serve(listener):
    """The authority: names that begin with "glue" come with the address of its name server."""
    while True:
        wire, client = listener.recvfrom(4096)
        query = dns.message.from_wire(wire)
        question = query.question[0]
        rtype = dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if rtype in RECORDS:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", rtype, RECORDS[rtype]))
            answer.authority.append(dns.rrset.from_text("zone.example.", 60, "IN", "NS", "ns.zone.example."))
            if question.name.to_text().lower().startswith("glue"):
                answer.additional.append(dns.rrset.from_text("ns.zone.example.", 60, "IN", "A", "10.1.2.3"))
        listener.sendto(answer.to_wire(), client)


def ask(name, rtype):
    for _ in range(100):
        try:
            answer = dns.query.udp(dns.message.make_query(name, rtype, use_edns=0), "127.0.0.1", port=5301, timeout=1)
            break
        except (dns.exception.Timeout, OSError):
            time.sleep(0.1)
    extended = [f" EDE {int(option.code)}" for option in answer.options if hasattr(option, "code")]
    return dns.rcode.to_text(answer.rcode()) + "".join(extended) + "".join(f" {r}" for rrset in answer.answer for r in rrset)


listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", 5302))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
for rtype in RECORDS:
    for name in ("plain", "glue"):
        print(f"{name} {rtype} -> {ask(f'{name}-{rtype.lower()}.zone.example', rtype)}")
PY

cat >run.sh <<'SH'
set -eu
ip link set lo up
mount -t overlay overlay -o lowerdir="$PWD/usr:/usr" /usr
kresd -V
kresd -n -c "$PWD/kresd.conf" "$PWD" >log 2>&1 &
trap 'kill $!' EXIT
PYTHONPATH="$PWD/usr/lib/python3/dist-packages" /usr/bin/python3 seen.py
SH
unshare --map-root-user --mount --net --pid --fork --kill-child sh run.sh | tee seen.txt
cat >wanted.txt <<'TXT'
Knot Resolver, version 5.6.0
plain TXT -> NOERROR "public"
glue TXT -> REFUSED EDE 18
plain A -> NOERROR 203.0.113.5
glue A -> REFUSED EDE 18
TXT
diff wanted.txt seen.txt && echo "as stated"
