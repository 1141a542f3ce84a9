# SPDX-License-Identifier: ISC
"""Random clients, a random mail server, a random resolver and reloads, all at once, against a site that has to stay up.

Nothing is expected of the answers meanwhile but that there are processes to give them; a sanitizer's report in a log fails at the
end (Site.close). Then the mail server and the resolver become well, and the site has to be well by itself: mail of a good
client is delivered, DNS answers, pages answer. script/soak-random plays for minutes, with a sanitized build.
"""
import contextlib
import json
import os
import random
import socket
import socketserver
import threading
import time
import urllib.request

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

from harness.nameserver import NameServer
from harness.sink import Sink
from harness.smtp import SmtpClient, deliver, proxy_v1, proxy_v2
from harness.waiting import wait_for

GOOD = "192.0.2.10"
COMMANDS = [b"EHLO mail.good.test", b"HELO friend", b"EHLO [192.0.2.9]", b"EHLO [IPv6:2001:db8::7]", b"MAIL FROM:<a@good.test>",
            b"MAIL FROM:<> BODY=8BITMIME SIZE=100", b"MAIL FROM:<a@b> SMTPUTF8", b"RCPT TO:<joe@example.test>",
            b"RCPT TO:<abuse@example.test> NOTIFY=NEVER ORCPT=rfc822;x@y", b"RCPT TO:<x@elsewhere.test>", b"DATA", b"BDAT 5", b"BDAT 0 LAST",
            b"RSET", b"NOOP", b"VRFY joe", b"STARTTLS", b"QUIT", b"XCLIENT ADDR=1.2.3.4", b"GET / HTTP/1.1", b".", b"", b"AUTH PLAIN AA=="]
BODIES = [b"Subject: x\r\n\r\nhello\r\n.\r\n", b"..\r\n.\r\n", b"bare\nlf\r\n.\r\n", b"bare\rcr\r\n.\r\n", b"\x00\xff" * 50 + b"\r\n.\r\n"]
REPLIES = [b"220 sink ESMTP\r\n", b"250 ok\r\n", b"250-sink\r\n250-XCLIENT NAME ADDR PORT PROTO HELO\r\n250 8BITMIME\r\n", b"354 go on\r\n",
           b"550 5.7.1 Relay access denied\r\n", b"451 4.3.0 later\r\n", b"421 4.3.2 bye\r\n", b"250-half", b"nonsense\r\n", b"\r\n",
           b"999 what\r\n", b"250 " + b"x" * 3000 + b"\r\n", b"250-" + b"y\r\n250-" * 200 + b"z\r\n250 end\r\n", b"\xff\xfe\r\n"]
PATHS = ["/", "/why/7K3M-9QXT-2FHH", "/why/192.0.2.66", "/api/v1/ip/2001:db8::/48", "/api/v1/domain/x", "/help", "/policy", "/%zz",
         "/why/" + "a" * 3000, "/api/v1/incident/x", "/../../etc/passwd", "/style.css"]
MODES = ["observe", "tag", "enforce"]


def mutate(dice, data):
    """Mostly as it is; else cut, doubled, or with octets changed."""
    roll = dice.random()
    if roll < 0.7 or not data:
        return data
    if roll < 0.8:
        return data[:dice.randrange(len(data))]
    if roll < 0.85:
        return data * dice.randint(2, 400)
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


class _MailServer(socketserver.BaseRequestHandler):
    def handle(self):
        dice = self.server.dice
        with contextlib.suppress(OSError):
            self.request.settimeout(dice.choice([0.2, 2]))
            heard = b" "
            while heard and dice.random() > 0.05:
                reply = mutate(dice, dice.choice(REPLIES)) if dice.random() < 0.3 else dice.choice(REPLIES)
                if b"RCPT TO:" in heard and b"@example.test" not in heard:
                    reply = b"550 5.7.1 Relay access denied\r\n"  # or the gate would rightly end before such a server
                self.request.sendall(reply)
                if reply.count(b"\r\n") != 1 or not reply.endswith(b"\r\n"):
                    return  # what follows could be taken for the answer to something else
                heard = self.request.recv(4096)


class _MailServers(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class RandomMailServer:
    def __init__(self, port, dice):
        self.server = _MailServers(("127.0.0.1", port), _MailServer)
        self.server.dice = dice
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def random_answer(dice, wire):
    """What a resolver says to a question, or does not."""
    query = dns.message.from_wire(wire)
    answer = dns.message.make_response(query)
    name, kind = query.question[0].name, query.question[0].rdtype
    roll = dice.randrange(12)
    if roll < 3:
        answer.set_rcode(dice.choice([dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR]))
    elif roll < 6:
        texts = {1: "127.0.0.2", 12: "mail.good.test.", 16: '"listed"', 28: "2001:db8::7"}
        if kind in texts:
            count = dice.choice([1, 1, 30])
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *[texts[kind]] * count))
    elif roll == 6:
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", name.to_text()))
    elif roll == 7:
        answer.flags |= dns.flags.TC
    elif roll == 8:
        answer.id ^= 1
    elif roll == 9:
        return mutate(dice, answer.to_wire()) + b"\x00"
    elif roll == 10:
        return None
    return mutate(dice, answer.to_wire())


class RandomResolver:
    def __init__(self, port, dice):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.dice = dice
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                wire, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return
            with contextlib.suppress(Exception):  # a question that dnspython cannot read gets no answer
                answer = random_answer(self.dice, wire)
                if answer:
                    self.socket.sendto(answer, sender)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()


class Chaos:
    def __init__(self, site, seed):
        self.site = site
        self.seed = seed
        self.stop = threading.Event()
        self.done = {}  # what was done how often
        self.threads = [threading.Thread(target=self._work, args=(work, number), daemon=True)
                        for number, work in enumerate([self._smtp] * 3 + [self._dns, self._http, self._verbs])]
        for thread in self.threads:
            thread.start()

    def _work(self, work, number):
        dice = random.Random(f"{self.seed} {number}")
        while not self.stop.is_set():
            with contextlib.suppress(OSError, dns.exception.DNSException, EOFError):
                work(dice)
            self.done[work.__name__] = self.done.get(work.__name__, 0) + 1

    def _smtp(self, dice):
        client = f"198.51.{dice.randrange(4)}.{dice.randrange(256)}" if dice.random() < 0.8 else f"2001:db8:{dice.randrange(9)}::25"
        header = (proxy_v1 if dice.random() < 0.5 else proxy_v2)(client)
        with socket.create_connection(("127.0.0.1", self.site.ports["gate"]), timeout=1) as stream:
            stream.sendall(mutate(dice, header) if dice.random() < 0.1 else header)
            for _ in range(dice.randint(0, 25)):
                line = dice.choice(BODIES) if dice.random() < 0.15 else mutate(dice, dice.choice(COMMANDS)) + b"\r\n"
                stream.sendall(line)
                if dice.random() < 0.7:
                    stream.recv(4096)
                if dice.random() < 0.02:
                    stream.shutdown(socket.SHUT_WR)

    def _dns(self, dice):
        with socket.create_connection(("127.0.0.1", self.site.ports["dns"]), timeout=1) as stream, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            for _ in range(50):
                kind = dice.choice(["A", "TXT", "ANY", "SOA", "NS", "AXFR", "AAAA"])
                wire = mutate(dice, dns.message.make_query(f"{dice.randrange(256)}.51.198.bl.example.test", kind).to_wire())
                packets.sendto(wire[:1400], ("127.0.0.1", self.site.ports["dns"]))
            stream.sendall(mutate(dice, len(wire).to_bytes(2, "big") + wire))
            stream.recv(4096)

    def _http(self, dice):
        with socket.create_connection(("127.0.0.1", self.site.ports["web"]), timeout=1) as stream:
            request = f"{dice.choice(['GET', 'HEAD', 'POST', 'X'])} {dice.choice(PATHS)} HTTP/1.{dice.randrange(3)}\r\nHost: x\r\n\r\n"
            stream.sendall(mutate(dice, request.encode()))
            stream.recv(65536)

    def _verbs(self, dice):
        source = f"198.51.{dice.randrange(4)}.{dice.randrange(256)}"
        roll = dice.random()
        if roll < 0.3:
            self.site.conf["mode"] = dice.choice(MODES)
            self.site.conf["gate"]["backend"]["pass-client"] = dice.choice(["xclient", "xclient", "proxy-v2", "none"])
            self.site.write()
            self.site.supervisor.reload()
        elif roll < 0.6:
            self.site.cli("list", "add", source, "--list", "main", "--reason", "chaos", check=False)
        elif roll < 0.8:
            self.site.cli("delist", source, "--reason", "chaos", check=False)
        else:
            self.site.cli("history", source, "--json", check=False)
        self.stop.wait(dice.uniform(0, 0.5))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


@contextlib.contextmanager
def well(site):
    """A mail server and a resolver that are, at the site's ports."""
    with NameServer(site.ports["resolver"]) as nameserver, Sink(site.ports["backend"]):
        nameserver.host("mail.good.test", GOOD)
        nameserver.mx("good.test", "mail.good.test")
        yield


def play(site, seconds, seed, say=lambda words: None):
    """site: a Site without nameserver and sink, whose ports for them are free."""
    dice = random.Random(seed)
    with well(site):
        site.supervisor = site.run()
    started = site.role_pids()
    servers = [RandomMailServer(site.ports["backend"], dice), RandomResolver(site.ports["resolver"], dice)]
    chaos = Chaos(site, seed)
    try:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(min(10, max(0, ends - time.monotonic())))
            assert site.supervisor.is_running(), site.supervisor.log[-3000:]
            say(f"{chaos.done}")
    finally:
        chaos.end()
        for server in servers:
            server.close()
    assert all(chaos.done.get(work.__name__) for work in (chaos._smtp, chaos._dns, chaos._http, chaos._verbs)), chaos.done
    with well(site):
        check(site, started)
    return chaos.done


def check(site, started):
    site.conf["mode"] = "enforce"
    site.conf["gate"]["backend"]["pass-client"] = "xclient"
    site.write()
    site.supervisor.reload()
    wait_for(lambda: delivers(site), 60, what="mail of a good client to be delivered")
    query = dns.message.make_query("2.0.0.127.bl.example.test", "A")
    assert dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=10).answer
    with urllib.request.urlopen(f"http://127.0.0.1:{site.ports['web']}/", timeout=20) as response:
        assert response.status == 200
    wait_for(lambda: json.loads(site.cli("status", "--json", check=False).stdout or "{}").get("well"), 60, what="a good status")
    assert site.supervisor.events("role.died") == []
    assert os.path.exists(f"/proc/{started['keeper']}") and os.path.exists(f"/proc/{started['dns']}")


def delivers(site):
    with contextlib.suppress(OSError):
        return deliver(site.ports["gate"], GOOD, helo="mail.good.test").code == 250
    return False
