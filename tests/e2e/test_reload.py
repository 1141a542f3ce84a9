# SPDX-License-Identifier: ISC
"""What a reload promises, setting by setting: which roles are started anew, and that no session and no query notices. And
what is killed because it hangs."""
import contextlib
import os
import signal
import socket
import struct
import threading

import dns.message
import dns.query
import pytest

from harness.nameserver import answers
from harness.sink import Sink
from harness.site import wait_gone
from harness.smtp import SmtpClient, deliver, proxy_v1
from harness.waiting import free_port, wait_for

GOOD = "192.0.2.10"
LISTED = "9.100.51.198.bl.example.test"


def add_address(part, key="listen", place=None):
    def change(conf, _):
        addresses = conf[part][key]
        addresses.insert(len(addresses) if place is None else place, f"127.0.0.1:{free_port()}")
    return change


def at(*path):
    """A change that sets one key to a value."""
    *sections, key, value = path

    def change(conf, _):
        for section in sections:
            conf = conf.setdefault(section, {})
        conf[key] = value
    return change


def other_backend(conf, other):
    conf["gate"]["backend"]["address"] = f"127.0.0.1:{other.port}"


def other_resolver(conf, _):
    conf["run"]["resolver"] = f"127.0.0.1:{free_port()}"


def other_portal(conf, _):
    conf["portal"]["listen"] = f"127.0.0.1:{free_port()}"


# The setting, and the roles that get a new process. All others take the change as they are.
CHANGES = {
    "gate.listen": (add_address("gate"), {"gate"}),
    "gate.listen, in front": (add_address("gate", place=0), {"gate"}),
    "dns.listen, in front": (add_address("dns", place=0), {"dns"}),
    "dns.threads, fewer": (at("dns", "threads", 1), {"dns"}),
    "gate.backend.address": (other_backend, {"gate"}),
    "gate.backend.pass-client": (at("gate", "backend", "pass-client", "none"), {"gate"}),
    "run.resolver": (other_resolver, {"gate"}),
    "dns.listen": (add_address("dns"), {"dns"}),
    "dns.threads": (at("dns", "threads", 3), {"dns"}),
    "portal.listen": (other_portal, {"web"}),
    "portal.listen: off": (at("portal", "listen", "off"), {"web"}),
    "mode": (at("mode", "observe"), set()),
    "hostname": (at("hostname", "mx9.example.test"), set()),
    "portal-url": (at("portal-url", "https://other.example.test/why"), set()),
    "own.networks": (at("own", "networks", ["10.98.0.0/16"]), set()),
    "gate.proxy-from": (at("gate", "proxy-from", ["127.0.0.1"]), set()),
    "gate.if-we-fail": (at("gate", "if-we-fail", "tempfail"), set()),
    "checks": (at("checks", "helo-bad", "off"), set()),
    "lists.NAME.action": (at("lists", "main", "action", "off"), set()),
    "dns.tcp.idle": (at("dns", "tcp", "idle", "20s"), set()),
    "dns.ttl": (at("dns", "ttl", "9m"), set()),
    "keep.incidents": (at("keep", "incidents", "91d"), set()),
    "log.level": (at("log", "level", "debug"), set()),
}


def query_frame():
    wire = dns.message.make_query(LISTED, "A").to_wire()
    return struct.pack("!H", len(wire)) + wire


def read_frame(stream):
    size, = struct.unpack("!H", stream.recv(2, socket.MSG_WAITALL))
    return dns.message.from_wire(stream.recv(size, socket.MSG_WAITALL))


def is_answered(site):
    """At the first try, from a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.settimeout(1)
        packets.sendto(query_frame()[2:], ("127.0.0.1", site.ports["dns"]))
        with contextlib.suppress(TimeoutError):
            return bool(dns.message.from_wire(packets.recv(4096)).answer)
    return False


@pytest.mark.parametrize("name", CHANGES)
def test_a_reload_of(running_site, sink, name):
    site = running_site
    change, anew = CHANGES[name]
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")
    old = site.role_pids()
    busy, idle = SmtpClient(site.ports["gate"], GOOD), SmtpClient(site.ports["gate"], GOOD)
    asking = socket.create_connection(("127.0.0.1", site.ports["dns"]), timeout=30)
    with busy, idle, asking, Sink(free_port()) as other:
        assert busy.ehlo("mail.good.test").code == idle.ehlo("mail.good.test").code == 250
        assert busy.envelope("a@good.test", "joe@example.test").code == 250
        asking.sendall(query_frame())
        assert read_frame(asking).answer
        change(site.conf, other)
        site.write()
        site.supervisor.reload()
        assert site.supervisor.events("config.bad") == []
        wait_for(lambda: {role for role, pid in site.role_pids().items() if pid != old[role]} == anew, what=f"{anew} anew")
        # Who was there before ends as he began, ...
        asking.sendall(query_frame())
        assert read_frame(asking).answer
        assert idle.command("NOOP").code == 250
        assert busy.command("RCPT TO:<eve@example.test>").code == 250
        assert busy.data(b"Subject: x\r\n\r\nbody\r\n").code == 250
        assert len(sink.messages) == 1 and not other.messages
        # ... and who comes now is served, by the new.
        assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
        # No question goes to where nobody reads: the kernel would send some of them there, again and again.
        wait_for(lambda: all(is_answered(site) for _ in range(40)), 20, "each of 40 questions to be answered")
        if name not in ("run.resolver", "gate.proxy-from"):
            assert deliver(site.ports["gate"], GOOD).code == 250
            assert len(other.messages) == (name == "gate.backend.address")
    for role in anew:
        wait_gone(old[role], 20)
    assert site.supervisor.events("role.died") == []


class Strangers:
    """Who comes all the time, from now to the end: clients that wait for their greeting, questions that wait for no answer."""

    def __init__(self, site):
        self.site = site
        self.greeted, self.failures, self.asked, self.over = 0, [], [], threading.Event()
        self.threads = [threading.Thread(target=self.connect), threading.Thread(target=self.ask)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def connect(self):
        while not self.over.wait(0.01):
            try:
                with SmtpClient(self.site.ports["gate"], GOOD) as smtp:
                    self.greeted += smtp.greeting.code == 220
            except OSError as why:
                self.failures.append(why)

    def ask(self):
        while not self.over.wait(0.005):
            packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            packets.sendto(query_frame()[2:], ("127.0.0.1", self.site.ports["dns"]))
            self.asked.append(packets)

    def unanswered(self):
        lost = 0
        for packets in self.asked:
            packets.settimeout(1)
            try:
                packets.recv(4096)
            except OSError:
                lost += 1
            packets.close()
        return lost


ADDRESSES = (["0.0.0.0"], ["[::]"], ["0.0.0.0", "[::]"], ["[::]"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1"])


def test_addresses_that_overlap_are_exchanged_and_nobody_notices(running_site):
    site = running_site
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")
    with Strangers(site) as strangers:
        for threads, hosts in enumerate(ADDRESSES, 1):
            old = site.role_pids()
            for part in ("gate", "dns"):
                site.conf[part]["listen"] = [f"{host}:{site.ports[part]}" for host in hosts]
            site.conf["dns"]["threads"] = threads
            site.write()
            site.supervisor.reload()
            assert site.supervisor.events("config.bad") == []
            for role in ("gate", "dns"):
                wait_gone(old[role], 30)
            asking = socket.create_connection(("127.0.0.1", site.ports["dns"]), timeout=30)
            with asking:
                asking.sendall(query_frame())
                assert read_frame(asking).answer
            greeted = strangers.greeted
            wait_for(lambda: strangers.greeted > greeted, what=f"a client to be greeted at {hosts}")
    assert strangers.failures == []
    # A question is a datagram: one or the other may be lost by itself.
    assert strangers.unanswered() <= len(strangers.asked) // 200
    assert site.supervisor.events("role.died") == []


def test_who_waits_for_an_address_that_goes_is_greeted(running_site):
    """The kernel has taken him for us already."""
    site = running_site
    old, port = site.role_pids()["gate"], site.ports["gate"]
    os.kill(old, signal.SIGSTOP)
    site.conf["gate"]["listen"] = [f"127.0.0.1:{free_port()}"]
    site.write()
    site.supervisor.reload()
    wait_for(lambda: site.role_pids()["gate"] != old, what="the new gate")
    ready = f"role gate ready pid={site.role_pids()['gate']} "
    wait_for(lambda: ready in open(site.path("run", "state"), encoding="ascii").read(), what="the old one to be told")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        os.kill(old, signal.SIGCONT)
        client.sendall(proxy_v1(GOOD))
        assert client.recv(3) == b"220"


def test_a_session_keeps_the_mode_it_began_with(running_site):
    site = running_site
    site.conf["mode"] = "observe"
    site.write()
    site.supervisor.reload()
    wait_for(lambda: len(site.supervisor.events("config.loaded")) == 5, what="all roles")
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")
    with SmtpClient(site.ports["gate"], "198.51.100.9") as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        site.conf["mode"] = "enforce"
        site.write()
        site.supervisor.reload()
        wait_for(lambda: len(site.supervisor.events("config.loaded")) == 10, what="all roles")
        assert smtp.command("RCPT TO:<eve@example.test>").code == 250
    assert deliver(site.ports["gate"], "198.51.100.9").code == 554


def test_a_gate_that_cannot_start_leaves_the_one_before_in_service(running_site, sink):
    """Another backend that would relay for strangers: mail goes on to the one that was found safe."""
    site = running_site
    with Sink(free_port()) as other:
        other.relays = True
        other_backend(site.conf, other)
        site.write()
        site.supervisor.reload()
        site.supervisor.wait_for_event("gate.backend-relays")
        assert deliver(site.ports["gate"], GOOD).code == 250
        assert len(sink.messages) == 1


def test_what_a_former_gate_had_to_report_is_not_lost(running_site):
    """Each process has a spool of its own; what is left in it when it ends is taken over by the next."""
    site = running_site
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")
    with SmtpClient(site.ports["gate"], "198.51.100.9") as smtp:
        smtp.ehlo("mail.good.test")
        add_address("gate")(site.conf, None)
        site.write()
        old = site.role_pids()["gate"]
        site.supervisor.reload()
        wait_for(lambda: site.role_pids()["gate"] != old, what="the new gate")
        refused = smtp.envelope("a@good.test", "joe@example.test")
        assert refused.code == 554
    number = str(refused).rsplit("/", 1)[1]
    wait_for(lambda: site.cli("incident", number, check=False).returncode == 0, what="the incident to be known")


@pytest.mark.parametrize("role", ["gate", "dns", "web"])
def test_a_role_that_hangs_is_started_anew(running_site, role):
    site = running_site
    old = site.role_pids()
    os.kill(old[role], signal.SIGSTOP)
    hung = site.supervisor.wait_for_event("role.hung", timeout=60)
    assert hung[0]["role"] == role and int(hung[0]["pid"]) == old[role]
    wait_for(lambda: site.role_pids()[role] != old[role], what=f"{role} to be started again")
    assert {name for name, pid in site.role_pids().items() if pid != old[name]} == {role}


def soa_ttl(site):
    question = dns.message.make_query("bl.example.test", "SOA")
    answer = dns.query.tcp(question, "127.0.0.1", port=site.ports["dns"], timeout=10).answer
    return answer[0].ttl if answer else None


def test_a_role_that_died_before_a_reload_does_not_make_its_configuration_bad(running_site):
    """The supervisor hears of both at once; the next dns begins with the newest configuration."""
    site = running_site
    old = site.role_pids()["dns"]
    site.conf["dns"]["ttl"] = "7m"
    site.write()
    site.supervisor.signal(signal.SIGSTOP)
    os.kill(old, signal.SIGKILL)
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.signal(signal.SIGCONT)
    wait_for(lambda: site.role_pids()["dns"] != old, what="the next dns")
    wait_for(lambda: soa_ttl(site) == 420, what="the zone with its new TTL")
    assert site.supervisor.events("config.bad") == []


def test_a_reload_that_ends_a_hanging_role_does_not_wait_for_ever(running_site):
    """The next gate is there at once; the former one is killed when its time is over."""
    site = running_site
    old = site.role_pids()["gate"]
    os.kill(old, signal.SIGSTOP)
    site.conf["run"]["roles"] = ["keeper", "dns", "web"]
    site.write()
    site.supervisor.reload()
    wait_gone(old, 40)


def test_a_second_run_is_refused_before_it_touches_anything(running_site):
    site = running_site
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")
    before = {name: os.stat(site.path("run", name)).st_ino for name in ("control.sock", "bus/gate.sock", "bus/dns.sock")}
    other = site.copy_conf()
    for part in ("gate", "dns"):
        other[part]["listen"] = [f"127.0.0.1:{free_port()}"]
    other_portal(other, None)
    site.conf, kept = other, site.conf
    second = site.run(wait=False)
    assert second.wait(20) == 75
    assert str(site.supervisor.popen.pid) in second.log and site.path("run") in second.log
    site.conf = kept
    site.write()
    assert before == {name: os.stat(site.path("run", name)).st_ino for name in before}
    site.cli("status")
    site.cli("list", "add", "198.51.100.10", "--list", "main", "--reason", "test")


@pytest.mark.parametrize("name", ["control.sock", "bus/gate.sock"])
def test_sockets_that_are_taken_are_made_again(running_site, name):
    """Something that tidies up folders, or another program in the same place: it is noticed and mended."""
    site = running_site
    os.remove(site.path("run", name))
    taken = site.supervisor.wait_for_event("socket.taken", timeout=30)
    assert taken[0]["path"] == site.path("run", name)
    wait_for(lambda: site.cli("status", check=False).returncode == 0, what="all to be well")
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")
    wait_for(lambda: deliver(site.ports["gate"], "198.51.100.9").code == 554, what="the gate to follow")
