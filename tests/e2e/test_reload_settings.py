# SPDX-License-Identifier: ISC
"""Each setting that a reload can change, one row each: what it does is seen after the reload, and not before, by the processes
that were there. A new setting needs a row here, or a reason."""
import contextlib
import json
import os
import re
import select
import socket
import time
import urllib.request

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from harness.nameserver import NameServer, ask
from harness.secondary import Key, axfr
from harness.sink import Sink
from harness.site import Site
from harness.smtp import SmtpClient, deliver
from harness.waiting import free_port, wait_for

GOOD, BAD, FOREIGN, SCORED = "192.0.2.10", "198.51.100.9", "192.0.2.66", "192.0.2.67"
LISTED = "9.100.51.198.bl.example.test"
KEY = "0123456789abcdef0"
SECRET, OTHER = "c2VjcmV0IG9mIHRoaXMgdGVzdCBhbmQgb2Ygbm9ib2R5IGVsc2U=", "b3RoZXIgc2VjcmV0IG9mIHRoaXMgdGVzdCwgYW5kIG9mIG5vYm9keSE="

# Settings without a row, and why. A new setting gets a row of ROWS when a line or two can show what it does.
REASONS = {
    **dict.fromkeys(("gate.listen", "gate.backend", "gate.backend.address", "run.resolver", "dns.listen", "dns.threads", "portal.listen"),
                    "another process: test_reload.CHANGES"),
    "run.folder": "another place: test_status.py, test_another_run_folder_after_a_reload",
    **dict.fromkeys(("store", "run.lists", "run.state", "run.roles"), "other processes, with other folders"),
    "gate.backend.pass-client": "another process: test_reload.CHANGES",
    **dict.fromkeys(("gate.tls", "gate.tls.certificate", "gate.tls.key"), "test_gate_tls.py"),
    "gate.backend.tls": "of each session, as it began: test_gate_tls.py",
    "gate.probe-client": "as whom the gate asks the next time; a reload alone is no reason to ask a backend again that was found safe",
    **dict.fromkeys((f"gate.limits.{who}.{what}" for who in ("source", "network")
                     for what in ("new-connections", "messages", "recipients", "unknown-recipients", "errors")),
                    "in the same struct as gate.limits.source.connections"),
    **dict.fromkeys(("gate.limits.total.backend-connections", "gate.limits.total.dns-questions"),
                    "read with gate.limits.total.connections"),
    **dict.fromkeys((f"checks.grey.{what}" for what in ("delay", "retry-within", "remember", "group-v4", "group-v6")),
                    "in the same rules as checks.grey.action"),
    **dict.fromkeys(("gate.limits.message.least-rate", "gate.limits.message.longest-time"),
                    "of each session, as it began: scenarios of the session"),
    **dict.fromkeys(("dnsbl[].skip-tests", "dnsbl[].preset", "dnsbl[].key"),
                    "what a row of dnsbl is made of when it is read, like dnsbl[].zone"),
    "policies.NAME.review-every": "`status` counts by the configuration that the keeper has at that moment: needs weeks",
    **dict.fromkeys(("keep.incidents", "keep.incidents-max", "keep.audit"), "the keeper's next turn of removal: needs days"),
    "lists.NAME.sublists.NAME.text": "of entries without words, which feeds bring; in the same rules as the template",
    "dns.quota.period": "in the same rules as dns.quota.queries, at midnight",
    "dns.cookies.secrets": "in the same rules as dns.cookies.use: test_dns_guard.py",
    "dns.transfer-records": "in the same rules as dns.transfer-to",
    **dict.fromkeys(("dns.rate-limit.ipv4-bits", "dns.rate-limit.ipv6-bits"), "in the same rules as dns.rate-limit.errors"),
    "dns.dnstap.sample": "in the same rules as dns.dnstap.socket",
    "dns.keys.NAME.algorithm": "with dns.keys.NAME.file: a key is one thing",
    **dict.fromkeys(("feeds[].name", "feeds[].from", "feeds[].key", "feeds[].every", "feeds[].into", "feeds[].codes.NAME.sublist",
                     "feeds[].largest-change", "feeds[].limit", "feeds", "feeds[].codes"), "needs a primary: test_feed.py"),
}


class World:
    """One site for all rows, with what is around it."""

    def __init__(self, program):
        self.nameserver = NameServer(free_port())
        self.nameserver.host("mail.good.test", GOOD)
        self.nameserver.host("bad.good.test", BAD)
        self.nameserver.mx("good.test", "mail.good.test")
        for address, zone in ((FOREIGN, "ext.test"), (SCORED, "score.test"), (SCORED, "other.test")):
            self.nameserver.host(f"{zone}.good.test", address)
            self.nameserver.dnsbl(zone, address)
        self.nameserver.dnsbl("failing.test")
        self.nameserver.fail("failing.test")
        self.sink = Sink(free_port(), domains=("example.test", "example.net"))
        self.nameserver.start()
        self.sink.start()
        self.site = Site(program, nameserver=self.nameserver, sink=self.sink)
        self.files()
        self.base = self.first_conf()
        self.site.conf = self.base
        self.site.dnstap = socket.socket(socket.AF_UNIX)
        self.site.dnstap.bind(self.site.path("etc", "dnstap"))
        os.chmod(self.site.path("etc", "dnstap"), 0o666)
        self.site.dnstap.listen()
        self.site.supervisor = self.site.run()
        self.site.cli("list", "add", BAD, "--list", "main", "--reason", "test")
        wait_for(lambda: answers(self.site, LISTED), what="the listing")

    def first_conf(self):
        conf = self.site.copy_conf()
        conf["dnsbl"] = [
            {"zone": "ext.test", "name": "Ext", "codes": "127.0.0.2"},
            {"zone": "score.test", "name": "Score", "codes": "127.0.0.2", "action": "score", "weight": 1}]
        conf["zones"] = {"all.example.test": {"lists": ["main"]}}
        conf["dns"].update({"exempt": [], "rate-limit": {"slip": 1}, "keys": {"partner": {"file": self.site.path("etc", "tsig")}}})
        conf["portal-url"] = "https://mail.example.test/why"
        return conf

    def files(self):
        for name, text in (("asking", f"{KEY} partner -\n"), ("tsig", SECRET + "\n"),
                           ("other", OTHER + "\n"), ("cookies", "00112233445566778899aabbccddeeff\n")):
            with open(self.site.path("etc", name), "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(file.name, 0o600)

    def reload(self, conf):
        run = self.site.supervisor
        before = len(run.events("config.bad"))
        self.site.conf = conf
        self.site.write()
        run.reload()
        assert len(run.events("config.bad")) == before, run.log.splitlines()[-3:]

    def close(self):
        self.site.close()
        self.site.dnstap.close()
        self.sink.stop()
        self.nameserver.stop()


@pytest.fixture(scope="module")
def world(program):
    world = World(program)
    yield world
    world.close()


# ---- changes ----

def at(*path):
    """A change that sets one key; numbers are places in lists."""
    *sections, key, value = path

    def change(site):
        place = site.conf
        for section in sections:
            place = place[section] if isinstance(section, int) else place.setdefault(section, {})
        place[key] = value(site) if callable(value) else value
    return change


def file_of(name):
    return lambda site: site.path("etc", name)


def both(*changes):
    def change(site):
        for one in changes:
            one(site)
    return change


# ---- what is seen ----

def greeting(site):
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        return smtp.greeting.text


def mail(client, **options):
    return lambda site: str(deliver(site.ports["gate"], client, **options))


def code(expected, client, **options):
    return lambda site: deliver(site.ports["gate"], client, **options).code == expected


def says(seen, text):
    return lambda site: text in seen(site)


def page(path):
    def seen(site):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{site.ports['web']}{path}", timeout=10) as answer:
                return answer.read().decode()
        return ""
    return seen


def answers(site, name, kind="A", **options):
    return sorted(record.to_text() for rrset in ask(site.ports["dns"], name, kind, **options).answer for record in rrset)


def dns_says(name, kind, text):
    return lambda site: text in " ".join(answers(site, name, kind))


def ttl(name, kind, expected):
    return lambda site: [rrset.ttl for rrset in ask(site.ports["dns"], name, kind).answer] == [expected]


def is_refused(name):
    return lambda site: ask(site.ports["dns"], name).rcode() == dns.rcode.REFUSED


def is_limited(name, number):
    """Of so many questions, one is told to come by TCP."""
    def seen(site):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.settimeout(0.5)
            wire = dns.message.make_query(name, "A").to_wire()
            cut = False
            for _ in range(number):
                packets.sendto(wire, ("127.0.0.1", site.ports["dns"]))
                try:
                    cut |= bool(dns.message.from_wire(packets.recv(4096)).flags & dns.flags.TC)
                except TimeoutError:
                    break
            return cut
    return seen


def greets_twice(site):
    """"220-" first: who answers that talks early."""
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        return len(smtp.greeting.lines) == 2


def is_crowded(site):
    """The second connection of one client is one too many."""
    with SmtpClient(site.ports["gate"], GOOD), SmtpClient(site.ports["gate"], GOOD) as second:
        return second.greeting.code == 421


def is_full(site):
    """One of 11 clients, few from each network, is one too many."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(SmtpClient(site.ports["gate"], f"198.18.{i}.7")) for i in range(11)]
        return any(client.greeting.code == 421 for client in clients)


def without_header(site):
    with SmtpClient(site.ports["gate"], greeting=False) as smtp:
        smtp.send(b"EHLO mail.good.test\r\n")
        return smtp.read_reply().code == 220


def offers(line):
    def seen(site):
        with SmtpClient(site.ports["gate"], GOOD) as smtp:
            return line in smtp.ehlo("mail.good.test").lines
    return seen


def is_tagged(client, **options):
    def seen(site):
        reply = deliver(site.ports["gate"], client, **options)
        return reply.code == 250 and b"X-Stockade: tag" in site.sink.messages[-1]["data"]
    return seen


def listing(*words):
    """What `list add` says of an entry."""
    return lambda site: site.cli("list", "add", *words, "--reason", "test", "--json", check=False).stdout


def is_added(*words):
    return lambda site: site.cli("list", "add", *words, "--reason", "test", check=False).returncode == 0


def edns(site, *options):
    return ask(site.ports["dns"], LISTED, options=list(options), use_edns=0)


def nsid(site):
    return any(getattr(option, "nsid", getattr(option, "data", b"")) == b"ns9" for option in
               edns(site, dns.edns.GenericOption(dns.edns.NSID, b"")).options)


def wants_cookie(site):
    return edns(site, dns.edns.GenericOption(dns.edns.COOKIE, b"clientck")).rcode() == dns.rcode.BADCOOKIE


def connections_left(number, after=0.0):
    """Whether one of so many connections is closed."""
    def seen(site):
        with contextlib.ExitStack() as stack:
            all_of_them = [stack.enter_context(socket.create_connection(("127.0.0.1", site.ports["dns"]), timeout=5))
                           for _ in range(number)]
            readable, _, _ = select.select(all_of_them, [], [], after)
            return any(one.recv(1) == b"" for one in readable)
    return seen


def has_event(name):
    def seen(site):
        before = len(site.supervisor.events(name))
        for _ in range(5):
            answers(site, LISTED)
        deliver(site.ports["gate"], GOOD)
        time.sleep(0.05)
        return len(site.supervisor.events(name)) > before
    return seen


def transfers(key=None):
    def seen(site):
        with contextlib.suppress(Exception):  # of dnspython, a dozen
            return bool(axfr(site.ports["dns"], "bl.example.test", key, timeout=5))
        return False
    return seen


def lets_dnstap_in(site):
    """Somebody connects to its receiver."""
    readable, _, _ = select.select([site.dnstap], [], [], 0.1)
    return bool(readable)


def secondary(**words):
    return at("dns", "transfer-to", [{"address": f"127.0.0.1:{free_port()}", **words}])


def tempfails(site):
    """A client nobody has asked for yet."""
    site.clients = getattr(site, "clients", 100) + 1
    site.nameserver.host(f"n{site.clients}.good.test", f"192.0.2.{site.clients}")
    return deliver(site.ports["gate"], f"192.0.2.{site.clients}", helo=f"n{site.clients}.good.test").code == 450


MAIN = ("lists", "main")


def serving(path, zone):
    """The rows of lists.NAME and zones.NAME, which are the same settings."""
    name = f"9.100.51.198.{zone}"
    start = ".".join([path[0], "NAME"])
    alone = [at("zones", {})] if path == MAIN else []  # a zone of several lists tells no more than each of them
    return {
        f"{start}.answers": (at(*path, "answers", "bitmask"), dns_says(name, "A", "127.0.0.12"), second_code),
        f"{start}.ttl": (at(*path, "ttl", "7m"), ttl(name, "A", 420)),
        f"{start}.negative-ttl": (at(*path, "negative-ttl", "33s"), dns_says(zone, "SOA", " 33")),
        f"{start}.nameservers": (at(*path, "nameservers", ["ns7.example.test"]), dns_says(zone, "NS", "ns7.example.test.")),
        f"{start}.allow-from": (at(*path, "allow-from", ["192.0.2.0/24"]), is_refused(name), *alone),
        f"{start}.keys": (at(*path, "keys", file_of("asking")), dns_says(f"9.100.51.198.{KEY}.{zone}", "A", "127.0.0.8"), *alone),
        f"{start}.contact": (at(*path, "contact", "list@example.test"), dns_says(zone, "SOA", "list.example.test.")),
        f"{start}.scope": (at(*path, "scope", "What we say."), dns_says(zone, "TXT", "scope=What we say.")),
        f"{start}.policy-url": (at(*path, "policy-url", "https://example.test/c"), dns_says(zone, "TXT", "policy=https://example.test/c")),
    }


def second_code(site):
    """The client stands in two sublists."""
    site.conf["lists"]["main"]["sublists"]["more"] = {"code": "127.0.0.4", "policy": "by-hand"}
    site.write()
    site.supervisor.reload()
    site.cli("list", "add", BAD, "--list", "main", "--sublist", "more", "--reason", "test")


def scored(weight):
    return at("checks", "helo-bad", {"action": "score", "weight": weight})


POOR = {"helo": "mail..good"}
MANUAL = (*MAIN, "sublists", "manual")
OTHER_POLICY = at("policies", "other", {"criterion": {"version": 7, "text": "Another rule."}, "lasts": "1d"})

# The setting: what changes it, what is seen then and not before, and what has to be done to the configuration beforehand.
greylists = at("checks", "grey", {"action": "greylist"})

ROWS = {
    "hostname": (at("hostname", "mx9.example.test"), says(greeting, "mx9.example.test")),
    "contact": (at("contact", "abuse@example.test"), dns_says("bl.example.test", "SOA", "abuse.example.test.")),
    "portal-url": (at("portal-url", "https://other.example.test/a"), says(mail(BAD), "https://other.example.test/a")),
    "mode": (at("mode", "observe"), code(250, BAD)),
    "own.domains": (at("own", "domains", ["example.test", "example.net"]), code(250, GOOD, recipient="joe@example.net")),
    "own.networks": (at("own", "networks", ["198.51.100.0/24"]), code(250, BAD)),

    "gate.proxy-from": (at("gate", "proxy-from", []), without_header),
    "gate.if-we-fail": (at("gate", "if-we-fail", "tempfail"), tempfails,
                        at("dnsbl", [{"zone": "failing.test", "name": "Failing", "codes": "127.0.0.2"}])),
    "gate.message-size-limit": (at("gate", "message-size-limit", "64K"), offers("SIZE 65536")),

    "gate.limits.source.connections": (at("gate", "limits", "source", "connections", 1), is_crowded),
    "gate.limits.network.connections": (at("gate", "limits", "network", "connections", 1), is_crowded),

    "gate.limits.total.connections": (at("gate", "limits", "total", "connections", 10), is_full),

    "checks.grey": (at("checks", "grey", "greylist"), code(450, GOOD)),
    "checks.grey.action": (at("checks", "grey", "action", "greylist"), code(450, GOOD)),
    "checks.grey.mode": (at("checks", "grey", "mode", "observe"), code(250, GOOD), greylists),
    "checks.grey.not-for": (at("checks", "grey", "not-for", ["joe@example.test"]), code(250, GOOD), greylists),
    "checks": (at("checks", {"helo-bad": "off", "early": {"action": "reject", "wait": "0s"}}), code(250, GOOD, **POOR)),
    "checks.score": (at("checks", "score", {"tag-at": 1, "reject-at": 2}), code(550, GOOD, **POOR), scored(3)),
    "checks.score.tag-at": (at("checks", "score", "tag-at", 3), is_tagged(GOOD, **POOR), scored(3)),
    "checks.score.reject-at": (at("checks", "score", "reject-at", 5), code(550, GOOD, **POOR), scored(5)),
    "checks.NAME.action": (at("checks", "helo-bad", "off"), code(250, GOOD, **POOR)),
    "checks.NAME.weight": (scored(9), code(550, GOOD, **POOR), scored(1)),
    "checks.NAME.mode": (at("checks", "helo-bad", "mode", "observe"), code(250, GOOD, **POOR)),
    "checks.NAME.wait": (at("checks", "early", "wait", "1s"), greets_twice),

    "dnsbl": (at("dnsbl", []), code(250, FOREIGN)),
    "dnsbl[].zone": (at("dnsbl", 0, "zone", "other.test"), code(554, SCORED)),
    "dnsbl[].name": (at("dnsbl", 0, "name", "Another name"), says(mail(FOREIGN), "Another name")),
    "dnsbl[].url": (at("dnsbl", 0, "url", "https://ext.test/why?ip=$ip"), says(mail(FOREIGN), "https://ext.test/why")),
    "dnsbl[].codes": (at("dnsbl", 0, "codes", "127.0.0.3"), code(250, FOREIGN)),
    "dnsbl[].action": (at("dnsbl", 0, "action", "off"), code(250, FOREIGN)),
    "dnsbl[].weight": (at("dnsbl", 1, "weight", 20), code(550, SCORED)),
    "dnsbl[].mode": (at("dnsbl", 0, "mode", "observe"), code(250, FOREIGN)),

    "policies": (both(OTHER_POLICY, at(*MANUAL, "policy", "other")), says(page("/api/v1/policies"), "Another rule.")),
    "policies.NAME.criterion.version": (at("policies", "by-hand", "criterion", "version", 77), says(page("/api/v1/policies"), "77")),
    "policies.NAME.criterion.text": (at("policies", "by-hand", "criterion", "text", "New words."),
                                     says(page("/api/v1/policies"), "New words.")),
    "policies.NAME.takes": (at("policies", "by-hand", "takes", ["feed"]), lambda site: not is_added("192.0.2.200", "--list", "main")(site)),
    "policies.NAME.lasts": (at("policies", "by-hand", "lasts", "1d"), says(page("/api/v1/policies"), "86400")),

    "lists": (at("lists", "more", {"zone": "more.example.test", "sublists": {"aa": {"code": "127.0.0.2", "policy": "by-hand"}}}),
              dns_says("more.example.test", "SOA", "postmaster.")),
    "lists.NAME.zone": (at(*MAIN, "zone", "bl2.example.test"), dns_says("9.100.51.198.bl2.example.test", "A", "127.0.0.8")),
    "lists.NAME.holds": (at("lists", "names", "holds", "addresses"), dns_says("2.0.0.127.dbl.example.test", "A", "127.0.1.2")),
    "lists.NAME.action": (at(*MAIN, "action", "off"), code(250, BAD)),
    "lists.NAME.sublists": (at(*MAIN, "sublists", "new", {"code": "127.0.0.9", "policy": "by-hand"}),
                            dns_says("2.0.0.127.new.bl.example.test", "A", "127.0.0.9")),
    "lists.NAME.sublists.NAME.code": (at(*MANUAL, "code", "127.0.0.77"), dns_says(LISTED, "A", "127.0.0.77")),
    "lists.NAME.sublists.NAME.policy": (at(*MANUAL, "policy", "other"), lambda site: page("/api/v1/lists")(site).count('"other"') == 2,
                                        both(OTHER_POLICY, at(*MAIN, "sublists", "more", {"code": "127.0.0.4", "policy": "other"}))),
    "lists.NAME.sublists.NAME.template": (at(*MANUAL, "template", "made anew: $"), dns_says(LISTED, "TXT", "made anew: ")),
    "lists.NAME.never": (at(*MAIN, "never", ["own"]), is_added("10.1.2.3", "--list", "main")),
    **serving(MAIN, "bl.example.test"),
    "zones": (at("zones", "every.example.test", {"lists": ["main"]}), dns_says("every.example.test", "SOA", "postmaster.")),
    "zones.NAME.lists": (at("zones", "all.example.test", "lists", ["more"]), dns_says("2.0.0.127.all.example.test", "A", "127.0.0.2"),
                         at("lists", "more", {"zone": "more.example.test",
                                              "sublists": {"aa": {"code": "127.0.0.2", "policy": "by-hand"}}})),
    **serving(("zones", "all.example.test"), "all.example.test"),

    "dns.nameservers": (at("dns", "nameservers", ["ns5.example.test"]), dns_says("bl.example.test", "NS", "ns5.example.test.")),
    "dns.ttl": (at("dns", "ttl", "11m"), ttl(LISTED, "A", 660)),
    "dns.negative-ttl": (at("dns", "negative-ttl", "44s"), dns_says("bl.example.test", "SOA", " 44")),
    "dns.addresses": (at("dns", "addresses", {"ns1.bl.example.test": ["192.0.2.53"]}), dns_says("ns1.bl.example.test", "A", "192.0.2.53")),
    "dns.addresses.NAME.addresses": (at("dns", "addresses", "ns1.bl.example.test", ["192.0.2.54"]),
                                     dns_says("ns1.bl.example.test", "A", "192.0.2.54"),
                                     at("dns", "addresses", {"ns1.bl.example.test": ["192.0.2.53"]})),
    "dns.template": (at("dns", "template", "in other words"), dns_says(LISTED, "TXT", "in other words")),
    "dns.nsid": (at("dns", "nsid", "ns9"), nsid),
    "dns.allow-from": (at("dns", "allow-from", ["192.0.2.0/24"]), is_refused(LISTED)),
    # The first of those that use up what one network may have.
    "dns.rate-limit.burst": (at("dns", "rate-limit", "burst", "1s"), is_limited("example.org", 40),
                             both(at("dns", "rate-limit", "errors", 1), at("dns", "rate-limit", "burst", "60s"))),
    "dns.exempt": (at("dns", "exempt", []), is_limited(LISTED, 40),
                   both(at("dns", "exempt", ["127.0.0.0/8"]), at("dns", "rate-limit", "listed", 1))),
    "dns.cookies.use": (at("dns", "cookies", "use", "require"), wants_cookie),
    "dns.rate-limit.listed": (at("dns", "rate-limit", "listed", 1), is_limited(LISTED, 40),
                              at("dns", "rate-limit", "listed", 1000000)),
    "dns.rate-limit.not-listed": (at("dns", "rate-limit", "not-listed", 1), is_limited("1.100.51.198.bl.example.test", 40),
                                  at("dns", "rate-limit", "not-listed", 1000000)),
    "dns.rate-limit.errors": (at("dns", "rate-limit", "errors", 1), is_limited("example.org", 40),
                              at("dns", "rate-limit", "errors", 1000000)),
    "dns.rate-limit.slip": (at("dns", "rate-limit", "slip", 1), is_limited(LISTED, 40),
                            both(at("dns", "rate-limit", "listed", 1), at("dns", "rate-limit", "slip", 0))),
    "dns.quota.queries": (at("dns", "quota", "queries", 1), is_refused(LISTED)),
    "dns.tcp.connections": (at("dns", "tcp", "connections", 10), connections_left(12, 0.1)),
    "dns.tcp.per-client": (at("dns", "tcp", "per-client", 1), connections_left(2, 0.1)),
    "dns.tcp.idle": (at("dns", "tcp", "idle", "1s"), connections_left(1, 2)),
    "dns.query-log.sample": (at("dns", "query-log", "sample", "all"), has_event("dns.query")),
    "dns.query-log.per-second": (at("dns", "query-log", "per-second", 1), has_event("dns.query-skipped"),
                                 at("dns", "query-log", "sample", "all")),
    "dns.dnstap.socket": (at("dns", "dnstap", "socket", file_of("dnstap")), lets_dnstap_in),
    "dns.keys": (both(at("dns", "keys", "friend", {"file": None}), at("dns", "keys", "friend", "file", file_of("other")),
                      secondary(key="friend")), transfers(Key("friend", OTHER))),
    "dns.keys.NAME.file": (at("dns", "keys", "partner", "file", file_of("other")), transfers(Key("partner", OTHER)),
                           secondary(key="partner")),
    "dns.transfer-to": (secondary(), transfers()),
    "dns.transfer-to[].address": (at("dns", "transfer-to", 0, "address", "127.0.0.1:9"), transfers(),
                                  at("dns", "transfer-to", [{"address": "192.0.2.1:9"}])),
    "dns.transfer-to[].key": (at("dns", "transfer-to", 0, "key", "partner"), lambda site: not transfers()(site), secondary()),

    "log.level": (at("log", "level", "debug"), has_event("gate.close")),
}


def settings(root):
    return re.findall(r'^SETTING\("([^"]+)"', (root / "src" / "conf" / "settings.def").read_text(encoding="utf-8"), re.M)


def test_each_setting_has_a_row_or_a_reason(root):
    missing = [path for path in settings(root) if path not in ROWS and path not in REASONS]
    assert missing == []
    assert [path for path in [*ROWS, *REASONS] if path not in settings(root)] == []
    assert [path for path in ROWS if path in REASONS] == []


def look(seen, site):
    """Roles take a configuration when they come to it, and a client in between may meet the one before."""
    with contextlib.suppress(OSError):
        return bool(seen(site))


@pytest.mark.parametrize("path", ROWS)
def test_a_reload_changes(world, path):
    change, seen, *around = ROWS[path]
    site = world.site
    first = json.loads(json.dumps(world.base))
    site.conf = first
    for one in around:
        one(site)
    world.reload(first)
    wait_for(lambda: look(seen, site) is False, what="the setting to be as it was")
    pids = site.role_pids()
    site.conf = json.loads(json.dumps(first))
    change(site)
    world.reload(site.conf)
    wait_for(lambda: look(seen, site), what=f"{path} to be seen")
    assert site.role_pids() == pids
