# SPDX-License-Identifier: ISC
"""Kills processes of a site at random moments under load and checks that nothing acknowledged was lost.

Load: listings, imports and undo by the command line, refusals and wanted mail by SMTP, DNS queries, and a secondary that follows
by IXFR. What counts as acknowledged: a command that exited 0, an incident whose number a client was told, a message that got 250. The processes are those of `stockade run`: the
roles, and now and then the supervisor itself, which is started again as systemd would. script/soak-kill plays 200 rounds.
"""
import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.versioned
import dns.xfr

from harness.site import ROLES, wait_gone
from harness.smtp import SmtpClient
from harness.waiting import wait_for

NUMBER = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$")
SUPERVISOR = "supervisor"
ZONE = "bl.example.test"
IMPORTED = 250  # addresses of one import


class Load:
    """Threads that keep the site busy; what was acknowledged grows, and nothing is ever taken off it."""

    def __init__(self, site):
        self.site = site
        self.listed = []     # sources
        self.imports = {}    # event: first three octets
        self.undone = []     # first three octets
        self.incidents = []  # numbers
        self.secondary = dns.versioned.Zone(ZONE)
        self.accepted = []   # subjects
        self.failed = []     # 5xx for wanted mail: there must be none
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(work,), daemon=True)
                        for work in (self._list, self._import, self._refuse, self._deliver, self._query, self._transfer)]
        for thread in self.threads:
            thread.start()

    def _work(self, work):
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                work(number)
            except (dns.exception.DNSException, OSError, EOFError):
                self.stop.wait(0.01)  # who was being killed answers nobody

    def _list(self, number):
        source = f"20.{number // 65536}.{number // 256 % 256}.{number % 256}"
        done = self.site.cli("list", "add", source, "--list", "main", "--reason", "soak", "-y", check=False)
        if done.returncode == 0:
            self.listed.append(source)

    def _import(self, number):
        """Each third one is taken back; what a killed command did to it is not known then."""
        net = f"22.{number // 256}.{number % 256}"
        path = self.site.path("import")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{net}.{i}\n" for i in range(IMPORTED))
        done = self.site.cli("list", "import", path, "--list", "main", "--reason", "soak", "-y", "--json", check=False)
        if done.returncode != 0:
            return
        event = json.loads(done.stdout)["event"]
        if number % 3 == 0:
            if self.site.cli("undo", str(event), "--reason", "soak", check=False).returncode == 0:
                self.undone.append(net)
        else:
            self.imports[event] = net

    def _transfer(self, _):
        follow(self.site, self.secondary)
        self.stop.wait(0.05)

    def _query(self, number):
        query_dns(self.site, f"20.0.{number // 256 % 256}.{number % 256}")
        self.stop.wait(0.005)

    def _refuse(self, number):
        """Each from another address: another incident."""
        client = f"203.{number // 65536}.{number // 256 % 256}.{number % 256}"
        with SmtpClient(self.site.ports["gate"], client, timeout=10) as smtp:
            smtp.command("HELO x")
            reply = smtp.envelope("a@b.test", "joe@example.test")
            found = NUMBER.search(reply.text)
            if reply.code >= 500 and found:
                self.incidents.append(found.group())

    def _deliver(self, number):
        subject = f"soak-{number}"
        with SmtpClient(self.site.ports["gate"], "192.0.2.10", timeout=10) as smtp:
            reply = smtp.ehlo("mail.good.test")
            if reply.code == 250:
                reply = smtp.envelope("a@good.test", "joe@example.test")
            if reply.code == 250:
                reply = smtp.data(f"Subject: {subject}\r\n\r\n".encode() + b"a line of text\r\n" * 200)
            if reply.code == 250:
                self.accepted.append(subject)
            elif reply.code >= 500:
                self.failed.append(str(reply))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(300)  # the secondary, in Python, takes minutes for half a million names
            assert not thread.is_alive()


def follow(site, zone):
    """One step of a secondary: the difference, or all of it the first time and whenever there is no difference to be had:
    dnspython takes such an answer to IXFR in one message only."""
    ask = {"port": site.ports["dns"], "timeout": 10}  # from one message to the next: how long this program takes for all says nothing
    query, _ = dns.xfr.make_query(zone)
    try:
        dns.query.inbound_xfr("127.0.0.1", zone, query, **ask)
    except dns.exception.FormError:
        dns.query.inbound_xfr("127.0.0.1", zone, dns.message.make_query(ZONE, "AXFR"), **ask)


def addresses_of(zone):
    return {str(name) for name, _ in zone.iterate_rdatasets("A")}


def query_dns(site, source):
    name = ".".join(reversed(source.split("."))) + ".bl.example.test"
    reply = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=site.ports["dns"], timeout=2)
    return [record.address for rrset in reply.answer for record in rrset]


def serves(site, source):
    try:
        return query_dns(site, source) == ["127.0.0.8"]
    except (dns.exception.DNSException, OSError):
        return False


def children(site):
    """{role: pid} of the processes below the supervisor, ready or not."""
    pids = {}
    with open(f"/proc/{site.supervisor.pid}/task/{site.supervisor.pid}/children", encoding="ascii") as file:
        for pid in file.read().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as line:
                    words = line.read().split("\0")
                pids[words[words.index("role") + 1]] = int(pid)
    return pids


def kill_roles(site, roles):
    pids = children(site)
    for role in roles:
        if role in pids:
            os.kill(pids[role], signal.SIGKILL)


def kill_supervisor(site):
    """Its roles end with it, some sooner than the next supervisor starts its own."""
    pids = children(site)
    site.supervisor.kill()
    site.supervisor = site.run_again()
    for pid in pids.values():
        wait_gone(pid, 40)


def play(site, rounds, seed, roles=ROLES, with_supervisor=True, say=lambda words: None):
    dice = random.Random(seed)
    site.conf["run"]["roles"] = list(roles)
    site.conf["dns"]["transfer-to"] = [{"address": "127.0.0.1:9"}]  # asks, and is not told
    site.supervisor = site.run()
    load = Load(site)
    try:
        for number in range(rounds):
            time.sleep(dice.uniform(0.02, 0.6))  # the random moment, no wait for anything
            if with_supervisor and dice.random() < 0.1:
                victims = [SUPERVISOR]
                kill_supervisor(site)
            else:
                victims = dice.sample(roles, dice.randint(1, len(roles)))
                kill_roles(site, victims)
            say(f"round {number + 1}: killed {', '.join(victims)}; acknowledged {len(load.listed)} listings, "
                f"{len(load.imports)} imports, {len(load.undone)} undone, {len(load.incidents)} incidents, {len(load.accepted)} messages")
        wait_for(lambda: load.listed and load.imports and load.incidents and load.accepted, 60, what="something of each kind")
    finally:
        load.end()
    check(site, load)
    return load


def stored_number(text):
    """The value of an incident number: Crockford's base32, the last character is for checking."""
    value = 0
    for character in text.replace("-", "")[:-1]:
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    return value


def lost(site, load):
    """What was acknowledged and is not there: {kind: [what]}."""
    fresh = dns.versioned.Zone(ZONE)
    follow(site, fresh)
    served = addresses_of(fresh)
    wanted = load.listed + [f"{net}.{i}" for net in load.imports.values() for i in range(IMPORTED)]
    deaf = [source for source in wanted if reversed_name(source) not in served]
    deaf += [source for source in load.listed if not serves(site, source)]
    back = [net for net in load.undone if any(reversed_name(f"{net}.{i}") in served for i in range(IMPORTED))]
    with contextlib.closing(sqlite3.connect(site.path("store", "stockade.db"))) as store:
        stored = {row[0] for row in store.execute("SELECT number FROM incident")}
    unknown = [number for number in load.incidents if stored_number(number) not in stored]
    subjects = {line.split(b": ", 1)[1].decode() for message in site.sink.messages
                for line in message["data"].split(b"\r\n") if line.startswith(b"Subject: ")}
    return {"listings": deaf, "undone": back, "incidents": unknown, "messages": [s for s in load.accepted if s not in subjects]}


def reversed_name(source):
    return ".".join(reversed(source.split(".")))


def secondary_differs(site, load):
    """What the secondary that followed all the time has otherwise than one that comes now: names."""
    fresh = dns.versioned.Zone(ZONE)
    follow(site, fresh)
    follow(site, load.secondary)
    return addresses_of(fresh) ^ addresses_of(load.secondary)


def wait_for_nothing(find, what):
    """Until nothing is found. A transfer that is broken off is begun again, as secondaries do."""
    last = "nothing tried"

    def is_clear():
        nonlocal last
        try:
            last = find()
        except (OSError, EOFError, dns.exception.DNSException) as error:
            last = repr(error)
        return not last
    wait_for(is_clear, 300, what=lambda: f"{what}: {str(last)[:2000]}")


def check(site, load):
    assert load.failed == []
    wait_for(lambda: all_are_connected(site), 40, what="all roles to be back")
    wait_for_nothing(lambda: {kind: found for kind, found in lost(site, load).items() if found}, "all that was acknowledged to be there")
    wait_for_nothing(lambda: secondary_differs(site, load), "the secondary to have what a new one gets")
    for number in load.incidents[-20:]:
        site.cli("incident", number)
    with contextlib.closing(sqlite3.connect(site.path("store", "stockade.db"))) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []


def all_are_connected(site):
    """Not "well": roles that die often are not."""
    text = site.cli("status", "--json", check=False).stdout
    roles = json.loads(text)["roles"] if text else []
    return roles and all(role["connected"] and role["state"] == "ready" for role in roles)
