# SPDX-License-Identifier: ISC
"""Kills roles at random moments under load and checks that nothing acknowledged was lost.

Load: listings by the command line, refusals by SMTP (where the site has a gate), DNS queries. What counts as acknowledged: a
command that exited 0, and an incident whose number a client was told. script/soak-kill plays 200 rounds.
"""
import contextlib
import random
import re
import socket
import sqlite3
import threading
import time

import dns.exception
import dns.message
import dns.query

from harness.waiting import wait_for

NUMBER = re.compile(rb"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


class Load:
    """Threads that keep the site busy; `acknowledged` grows, and nothing is ever taken off it."""

    def __init__(self, site, with_gate):
        self.site = site
        self.listed = []
        self.incidents = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in
                        [self._list, self._query] + ([self._refuse] if with_gate else [])]
        for thread in self.threads:
            thread.start()

    def _list(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            source = f"20.{number // 65536}.{number // 256 % 256}.{number % 256}"
            done = self.site.cli("list", "add", source, "--list", "main", "--reason", "soak", "-y", check=False)
            if done.returncode == 0:
                self.listed.append(source)

    def _query(self):
        while not self.stop.is_set():
            try:
                query_dns(self.site, "198.51.100.1")
            except (dns.exception.DNSException, OSError):
                time.sleep(0.01)

    def _refuse(self):
        while not self.stop.is_set():
            try:
                self._refuse_once()
            except OSError:
                time.sleep(0.01)

    def _refuse_once(self):
        with socket.create_connection(("127.0.0.1", self.site.ports["gate"]), timeout=5) as client:
            client.sendall(b"PROXY TCP4 203.0.113.99 127.0.0.1 4321 25\r\n")
            file = client.makefile("rb")
            file.readline()
            reply = b""
            for line in (b"HELO x\r\n", b"MAIL FROM:<a@b.test>\r\n", b"RCPT TO:<u@example.test>\r\n"):
                client.sendall(line)
                reply = file.readline()
            found = NUMBER.search(reply)
            if reply.startswith(b"5") and found:
                self.incidents.append(found.group().decode())

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


def query_dns(site, source):
    name = ".".join(reversed(source.split("."))) + ".bl.example.test"
    reply = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=site.ports["dns"], timeout=2)
    return [record.address for rrset in reply.answer for record in rrset]


def serves(site, source):
    try:
        return query_dns(site, source) == ["127.0.0.8"]
    except (dns.exception.DNSException, OSError):
        return False


def play(site, rounds, seed, roles=("keeper", "dns"), say=lambda words: None):
    """One process per role, each killed and started again by us, so that the moment is ours to choose."""
    dice = random.Random(seed)
    site.conf["run"]["roles"] = list(roles)
    running = {role: site.start(role) for role in roles}
    load = Load(site, "gate" in roles)
    try:
        for number in range(rounds):
            time.sleep(dice.uniform(0.02, 0.6))  # the random moment, no wait for anything
            victims = dice.sample(roles, dice.randint(1, len(roles)))
            for role in victims:
                running[role].kill()
            for role in victims:
                running[role] = site.start(role)
            say(f"round {number + 1}: killed {', '.join(victims)}; {len(load.listed)} listings, "
                f"{len(load.incidents)} incidents acknowledged")
    finally:
        load.end()
    check(site, load)
    return load


def check(site, load):
    assert load.listed, "the load was none"
    for source in load.listed:
        wait_for(lambda: serves(site, source), what=f"{source}, which was acknowledged")
    for number in load.incidents:
        wait_for(lambda: site.cli("incident", number, check=False).returncode == 0,
                 what=f"incident {number}, which a client was told")
    with contextlib.closing(sqlite3.connect(site.path("store", "stockade.db"))) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
