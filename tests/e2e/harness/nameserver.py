# SPDX-License-Identifier: ISC
"""A name server on loopback that stands for the site's resolver: answers what a test tells it, fails as told, and writes
down what it was asked."""
import ipaddress
import socketserver
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset


def _text(name):
    return dns.name.from_text(str(name)).to_text().lower()


class NameServer:
    """Names that nobody described do not exist (NXDOMAIN). Start and stop with `with`."""

    def __init__(self, port, host="127.0.0.1"):
        self.port = port
        self.host_address = host
        self.address = f"{host}:{port}"
        self.records = {}  # (name, type) -> [rdata text]
        self.failures = {}  # suffix -> how
        self.delays = {}  # suffix -> seconds
        self.forged = {}  # suffix -> function(query, transport): the messages to send, each as bytes
        self.questions = []  # (name, type, "udp" or "tcp")
        self._servers = []
        self._lock = threading.Lock()

    # What it answers.

    def add(self, name, rtype, *values):
        with self._lock:
            self.records.setdefault((_text(name), rtype), []).extend(values)

    def remove(self, name, rtype=None):
        with self._lock:
            for key in [k for k in self.records if k[0] == _text(name) and rtype in (None, k[1])]:
                del self.records[key]

    def a(self, name, *addresses):
        for address in addresses:
            self.add(name, "A" if ipaddress.ip_address(address).version == 4 else "AAAA", address)

    def ptr(self, address, *names):
        self.add(dns.reversename.from_address(address), "PTR", *[_text(name) for name in names])

    def host(self, name, *addresses):
        """A machine with forward and reverse names that confirm each other."""
        for address in addresses:
            self.a(name, address)
            self.ptr(address, name)

    def mx(self, domain, host, preference=10):
        self.add(domain, "MX", f"{preference} {_text(host)}")

    def dnsbl(self, zone, *addresses, code="127.0.0.2", test_points=True):
        """A blocklist that works (RFC 5782 section 5) and lists addresses."""
        if test_points and not self.records.get((_text(f"2.0.0.127.{zone}"), "A")):
            self.add(f"2.0.0.127.{zone}", "A", "127.0.0.2")
        for address in addresses:
            self.add(self.dnsbl_name(zone, address), "A", code)

    @staticmethod
    def dnsbl_name(zone, address):
        reverse = dns.reversename.from_address(address).to_text()
        for tail in (".in-addr.arpa.", ".ip6.arpa."):
            reverse = reverse.removesuffix(tail)
        return f"{reverse}.{zone}"

    def fail(self, suffix, how="servfail"):
        """Every name at or below suffix: servfail, refused, silence (no answer at all), truncate (over UDP), garbage."""
        assert how in ("servfail", "refused", "silence", "truncate", "garbage")
        self.failures[_text(suffix)] = how

    def heal(self, suffix):
        self.failures.pop(_text(suffix), None)
        self.delays.pop(_text(suffix), None)

    def forge(self, suffix, function):
        """Every name at or below suffix is answered by function(query, transport), byte by byte if it likes: a list of
        messages, sent in this order."""
        self.forged[_text(suffix)] = function

    def delay(self, suffix, seconds):
        self.delays[_text(suffix)] = seconds

    def asked(self, name, rtype=None):
        """How often it was asked for a name."""
        return sum(1 for q in list(self.questions) if q[0] == _text(name) and rtype in (None, q[1]))

    # How it does so.

    @staticmethod
    def _longest(table, name):
        found = [suffix for suffix in table if suffix == "." or name == suffix or name.endswith("." + suffix)]
        return table[max(found, key=len)] if found else None

    def _exists(self, name):
        return any(owner == name or owner.endswith("." + name) for owner, _ in self.records)

    def _answer(self, query):
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA | dns.flags.AA
        question = query.question[0]
        name = question.name.to_text().lower()
        with self._lock:
            for rtype in (dns.rdatatype.to_text(question.rdtype), "CNAME"):
                values = self.records.get((name, rtype))
                if values:
                    response.answer.append(
                        dns.rrset.from_text_list(question.name, 60, "IN", rtype, values))
                    return response
            if not self._exists(name):
                response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def respond(self, wire, transport):
        """The messages that go out for one that came in."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return []
        name = question.name.to_text().lower()
        self.questions.append((name, dns.rdatatype.to_text(question.rdtype), transport))
        how = self._longest(self.failures, name)
        delay = self._longest(self.delays, name)
        if delay:
            time.sleep(delay)  # in the thread of this question
        forge = self._longest(self.forged, name)
        if forge:
            return forge(query, transport)
        if how == "silence":
            return []
        if how == "garbage":
            return [wire[:2] + b"\x80\x00\xff\xff\xff\xff"]
        if how in ("servfail", "refused"):
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.SERVFAIL if how == "servfail" else dns.rcode.REFUSED)
            return [response.to_wire()]
        response = self._answer(query)
        if how == "truncate" and transport == "udp":
            response.answer = []
            response.flags |= dns.flags.TC
        return [response.to_wire(max_size=65535)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        owner = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                for wire in owner.respond(self.request[0], "udp"):
                    self.request[1].sendto(wire, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self):
                while True:
                    head = self.rfile.read(2)
                    if len(head) < 2:
                        return
                    for wire in owner.respond(self.rfile.read(int.from_bytes(head, "big")), "tcp"):
                        self.wfile.write(len(wire).to_bytes(2, "big") + wire)

        class UdpServer(socketserver.ThreadingUDPServer):
            daemon_threads = True
            max_packet_size = 65535

        class TcpServer(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        for kind, handler in ((UdpServer, Udp), (TcpServer, Tcp)):
            server = kind((self.host_address, self.port), handler)
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []


def ask(port, name, rtype="A", tcp=False, **options):
    """Asks a server of ours; the whole response."""
    import dns.query
    query = dns.message.make_query(name, rtype, **options)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, "127.0.0.1", port=port, timeout=5)


def answers(port, name, rtype="A", **options):
    """The sorted answer texts of ask()."""
    response = ask(port, name, rtype, **options)
    return sorted(rdata.to_text() for rrset in response.answer for rdata in rrset)
