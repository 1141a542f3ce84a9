# SPDX-License-Identifier: ISC
"""What doc/failures.md promises, row by row, with real roles. What a failing backend does to mail is in test_gate.py, a store
that fails in test_keeper.py, and roles that die in test_run.py."""
import contextlib
import json
import os
import re
import signal
import sqlite3
import threading
import time
import urllib.request

import dns.exception
import dns.message
import dns.query
import pytest

import chaos
import kill9
from harness.disk import small_disk
from harness.nameserver import answers
from harness.site import Site, wait_gone
from harness.smtp import MESSAGE, SmtpClient, deliver
from harness.waiting import wait_for

GOOD = "192.0.2.10"  # mail.good.test, confirmed
NUMBER = re.compile(r"\w{4}-\w{4}-\w{4}$")
LISTED = "9.100.51.198.bl.example.test"


def good_mail(site):
    return deliver(site.ports["gate"], GOOD)


def from_address(site, client, helo="mail.good.test"):
    return deliver(site.ports["gate"], client, helo=helo)


def is_known(site, number):
    return site.cli("incident", number, check=False).returncode == 0


def add(site, source, *more, name="main"):
    site.cli("list", "add", source, "--list", name, "--reason", "spam", "-y", *more)


def serial(site, zone="bl.example.test"):
    return int(answers(site.ports["dns"], zone, "SOA")[0].split()[2])


# ---- the resolver ----

@pytest.mark.alone
@pytest.mark.parametrize("how", ["away", "servfail", "refused", "garbage"])
def test_mail_flows_without_a_resolver(site, nameserver, sink, how):
    """No DNS, no proof: nobody is refused for it, known or unknown. Where nobody listens, only the first waits."""
    gate = site.start("gate")
    start = time.monotonic()
    nameserver.stop() if how == "away" else nameserver.fail(".", how)
    clients = [GOOD] if how == "garbage" else [GOOD, "192.0.2.66", "2001:db8::66"]  # rubbish is waited out, 4.5 s each
    for client in clients:
        assert from_address(site, client, "any.name.test").code == 250
    assert gate.events("gate.refuse") == []
    assert len(sink.messages) == len(clients)
    if how == "away":
        assert gate.events("resolver.down") and time.monotonic() - start < 9  # 4.5 s once, not three times
        nameserver.start()
        wait_for(lambda: gate.events("resolver.back"), what="the resolver to be seen")  # no client has to find out
        assert good_mail(site).code == 250


@pytest.mark.alone
def test_a_silent_resolver_delays_mail_once(site, nameserver, sink, clock):
    """Connections wait for its time-outs together; those behind them know."""
    gate = site.start("gate")
    nameserver.fail(".", "silence")

    def deliver_all(addresses):
        """Milliseconds of the test clock until all have delivered."""
        codes = []
        sessions = [threading.Thread(target=lambda a=a: codes.append(from_address(site, a).code)) for a in addresses]
        for session in sessions:
            session.start()
        start_ms = clock.offset_ms
        while any(session.is_alive() for session in sessions):
            clock.advance(0.1)
            time.sleep(0.02)
        assert codes == [250] * len(sessions)
        return clock.offset_ms - start_ms
    rounds = 0
    while not gate.events("resolver.down"):  # known when it does not answer for localhost either
        rounds += 1
        assert rounds <= 4
        assert deliver_all([f"192.0.2.{rounds * 8 + number + 60}" for number in range(8)]) < 20000
    asked = len(nameserver.questions)
    assert deliver_all([f"203.0.113.{number}" for number in range(8)]) < 1500  # not even one try
    assert {name for name, _, _ in nameserver.questions[asked:]} <= {"localhost."}
    nameserver.heal(".")

    def back():
        clock.advance(0.5)
        return gate.events("resolver.back")
    wait_for(back, what="the resolver to be seen again, by nobody's mail")
    assert gate.events("gate.refuse") == []


def test_a_slow_resolver_only_delays(site, nameserver, sink):
    nameserver.delay(".", 0.7)
    gate = site.start("gate")
    assert good_mail(site).code == 250
    assert gate.events("gate.refuse") == [] and gate.events("gate.tempfail") == []


def test_tempfail_is_for_who_prefers_it(site, nameserver, sink):
    site.conf["gate"]["if-we-fail"] = "tempfail"
    site.start("keeper")
    site.start("gate")
    nameserver.fail(".", "servfail")
    reply = good_mail(site)
    assert reply.code == 450 and sink.messages == []
    nameserver.heal(".")

    def passes():
        return good_mail(site).code == 250
    wait_for(passes, what="the failures to leave the cache")


def test_tempfail_holds_for_foreign_lists_that_would_refuse(site, nameserver, sink):
    """Without reverse DNS to ask for, they are all that the resolver is needed for."""
    site.conf["gate"]["if-we-fail"] = "tempfail"
    site.conf["checks"] |= {"no-ptr": "off", "fcrdns": "off"}
    site.conf["dnsbl"] = [{"zone": ZONE, "name": "Foreign", "codes": "127.0.0.2-11", "action": "reject"}]
    nameserver.dnsbl(ZONE)
    site.start("keeper")
    site.start("gate")
    wait_for(lambda: good_mail(site).code == 250, what="the list to be tried")
    nameserver.fail(".", "servfail")
    assert str(from_address(site, "198.51.100.9")).startswith("450 4.4.3 ")


# ---- foreign lists ----

ZONE = "bl.foreign.test"


class ForeignList:
    """A foreign list that lists 198.51.100.7 and goes wrong on demand."""

    def __init__(self, site, nameserver, clock):
        self.site, self.nameserver, self.clock = site, nameserver, clock
        nameserver.dnsbl(ZONE, "198.51.100.7")
        nameserver.host("listed.test", "198.51.100.7")
        site.conf["dnsbl"] = [{"zone": ZONE, "name": "Foreign", "codes": "127.0.0.2-11", "action": "reject"}]
        site.start("keeper")
        self.gate = site.start("gate")
        self.wait_until(lambda: self.code("198.51.100.7") == 554, 5, "the list to be in force")

    def code(self, client, helo="mail.good.test"):
        return from_address(self.site, client, helo).code

    def everybody(self, code):
        """Every name at or below the zone answers code."""
        answer = self.nameserver._answer

        def for_all(query):
            name = query.question[0].name.to_text().lower()
            if code is not None and name.endswith(ZONE + "."):
                self.nameserver.records.setdefault((name, "A"), [code])
            return answer(query)
        self.nameserver._answer = for_all

    def heal(self):
        self.nameserver.heal(ZONE)
        with contextlib.suppress(AttributeError):
            del self.nameserver._answer
        for name, rtype in list(self.nameserver.records):
            if name.endswith(ZONE + "."):
                self.nameserver.remove(name, rtype)
        self.nameserver.dnsbl(ZONE, "198.51.100.7")

    def state(self):
        events = self.gate.events("dnsbl.state")
        return events[-1]["state"] if events else "healthy"

    def wait_until(self, condition, step_s, what):
        """Moves the clock on in steps until the condition holds; the seconds that it took."""
        passed_s = 0
        for _ in range(400):
            if condition():
                return passed_s
            self.clock.advance(step_s)
            passed_s += step_s
            time.sleep(0.02)  # for answers that are on their way
        raise AssertionError(f"waited {passed_s} s of the test clock in vain for {what}:\n{self.gate.log}")


@pytest.fixture
def foreign(site, nameserver, clock, sink):
    return ForeignList(site, nameserver, clock)


@pytest.mark.alone
def test_a_list_that_lists_everybody_is_off_within_a_minute(foreign):
    foreign.clock.advance(120)  # the last regular test is a while ago, the next one is not near
    foreign.everybody("127.0.0.2")

    def suspended():
        foreign.code("192.0.2.66")  # mail goes on coming
        return foreign.state() == "suspended"
    assert foreign.wait_until(suspended, 1, "the list to be suspended") <= 60
    refused = len(foreign.gate.events("gate.refuse"))
    assert foreign.code(GOOD) == 250
    assert not [e for e in foreign.gate.events("gate.refuse")[refused:] if e["client"] == GOOD]
    assert foreign.gate.events("dnsbl.state")[-1]["test"] == "lists 127.0.0.1, so everything"
    foreign.clock.advance(3600)
    assert foreign.code(GOOD) == 250
    foreign.heal()
    foreign.wait_until(lambda: foreign.state() == "healthy", 5, "the list to be believed again")
    foreign.wait_until(lambda: foreign.code("198.51.100.7") == 554, 30, "the list to count again")


@pytest.mark.parametrize("code, what", [
    ("203.0.113.10", "outside 127/8"), ("127.255.255.254", "asked by a public resolver"),
    ("127.255.255.255", "over quota"), ("127.0.0.1", "not a listing")])
@pytest.mark.alone
def test_answers_that_are_no_listings_refuse_nobody(foreign, code, what):
    foreign.everybody(code)
    clients = [GOOD] + [f"198.51.100.{number}" for number in range(20, 26)]
    for client in clients[1:]:
        foreign.nameserver.host(f"c{client.rsplit('.', 1)[1]}.test", client)
    for client in clients:
        assert foreign.code(client) == 250, what
    assert foreign.wait_until(lambda: foreign.state() == "suspended", 1, "the list to be suspended") <= 60
    assert foreign.code(GOOD) == 250


@pytest.mark.alone
def test_an_emptied_list_is_suspended_and_says_so(foreign):
    for name, rtype in list(foreign.nameserver.records):
        if name.endswith(ZONE + "."):
            foreign.nameserver.remove(name, rtype)
    foreign.wait_until(lambda: foreign.state() == "suspended", 30, "the list to be suspended")
    assert "emptied" in foreign.gate.events("dnsbl.state")[-1]["test"]
    assert foreign.code("198.51.100.7") == 250


@pytest.mark.alone
def test_a_list_that_does_not_answer_costs_one_delay_then_is_left_alone(site, nameserver, sink, foreign):
    nameserver.fail(ZONE, "silence")
    for number in range(30, 36):
        nameserver.host(f"c{number}.test", f"198.51.100.{number}")

    def paused():
        """The clock runs while the session waits for facts, so that time-outs pass quickly."""
        clients = iter([f"198.51.100.{number}" for number in range(30, 36)])
        for client in clients:
            codes = []
            session = threading.Thread(target=lambda: codes.append(foreign.code(client)))
            session.start()
            while session.is_alive():
                foreign.clock.advance(0.5)
                session.join(0.02)
            assert codes == [250]
        return foreign.state() in ("paused", "suspended")
    assert paused()
    asked = nameserver.asked(nameserver.dnsbl_name(ZONE, GOOD))
    assert foreign.code(GOOD) == 250
    assert nameserver.asked(nameserver.dnsbl_name(ZONE, GOOD)) == asked  # nobody waits for it now
    foreign.heal()
    foreign.wait_until(lambda: foreign.code("198.51.100.7") == 554, 10, "the list to count again")


def depends_on(site, kind):
    return {row["name"]: (row["well"], row["words"])
            for row in site.json("status", check=False)["depends-on"] if row["kind"] == kind}


@pytest.mark.alone
def test_a_resolver_that_takes_addresses_away_is_named_once(foreign):
    """As with Unbound's private-address: the name and its text are there, the address is not."""
    for name, rtype in list(foreign.nameserver.records):
        if name.endswith(ZONE + "."):
            foreign.nameserver.remove(name, rtype)
    foreign.nameserver.add(f"2.0.0.127.{ZONE}", "TXT", '"test entry"')
    foreign.wait_until(lambda: foreign.gate.events("resolver.filters"), 30, "the filter to be seen")
    foreign.wait_until(lambda: not depends_on(foreign.site, "resolver")[foreign.nameserver.address][0], 1, "the status")
    assert "keeps 127.0.0.0/8 away" in depends_on(foreign.site, "resolver")[foreign.nameserver.address][1]
    foreign.wait_until(lambda: foreign.state() == "suspended", 5, "the list to be suspended")
    foreign.wait_until(lambda: "without an address" in depends_on(foreign.site, "dnsbl")["Foreign"][1], 1, "its reason")
    foreign.heal()
    foreign.wait_until(lambda: foreign.gate.events("resolver.lists-back"), 30, "the end of the filter")
    foreign.wait_until(lambda: foreign.code("198.51.100.7") == 554, 30, "the list to count again")
    assert len(foreign.gate.events("resolver.filters")) == 1


@pytest.mark.parametrize("how", ["servfail", "refused"])
@pytest.mark.alone
def test_what_all_lists_share_is_said_once_and_counts_against_none(foreign, how):
    foreign.nameserver.dnsbl("bl.second.test", "198.51.100.8")
    foreign.site.conf["dnsbl"].append({"zone": "bl.second.test", "name": "Second", "codes": "127.0.0.2", "action": "reject"})
    foreign.site.write()
    foreign.gate.signal(signal.SIGHUP)
    foreign.nameserver.host("second.test", "198.51.100.8")
    foreign.wait_until(lambda: foreign.code("198.51.100.8") == 554, 1, "the second list to be in force")
    told = len(foreign.gate.events("dnsbl.state"))
    foreign.nameserver.fail(".", how)
    foreign.wait_until(lambda: foreign.gate.events("resolver.no-lists"), 30, "the resolver to be named")
    for number in range(20, 30):
        assert foreign.code(f"198.51.100.{number}") == 250
    foreign.clock.advance(600)
    foreign.wait_until(lambda: "finds none" in depends_on(foreign.site, "resolver")[foreign.nameserver.address][1], 1,
                       "the status")
    foreign.nameserver.heal(".")
    foreign.wait_until(lambda: foreign.gate.events("resolver.lists-back"), 5, "the resolver to be well")
    foreign.wait_until(lambda: foreign.code("198.51.100.7") == foreign.code("198.51.100.8") == 554, 5, "the lists to count")
    assert len(foreign.gate.events("dnsbl.state")) == told and len(foreign.gate.events("resolver.no-lists")) == 1


# ---- the keeper ----

def test_incidents_of_a_time_without_keeper_are_found_later(running_site, sink):
    """Gate and DNS go on, refusals are kept, and their numbers are known when the keeper is there again: once each."""
    site = running_site
    site.conf["run"]["roles"] = ["dns", "gate"]
    add(site, "198.51.100.9")
    site.write()
    site.supervisor.signal(signal.SIGHUP)  # the keeper is taken out
    wait_gone(site.role_pids()["keeper"])
    numbers = {NUMBER.search(from_address(site, f"192.0.2.{number}").text).group() for number in range(60, 80)}
    assert from_address(site, "198.51.100.9").enhanced == "5.7.1"  # the list is in force
    assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
    assert good_mail(site).code == 250
    assert len(numbers) == 20
    refused = site.cli("incident", next(iter(numbers)), check=False)
    assert refused.returncode == 69 and "keeper" in refused.stderr
    gate = site.role_pids()["gate"]
    os.kill(gate, signal.SIGKILL)  # what is spooled does not depend on who spooled it
    wait_for(lambda: site.role_pids()["gate"] != gate, what="the gate to be started again")
    site.conf["run"]["roles"] = ["keeper", "dns", "gate", "web"]
    site.write()
    site.supervisor.signal(signal.SIGHUP)
    for number in numbers:
        wait_for(lambda: is_known(site, number), what=f"incident {number}")
    os.kill(site.role_pids()["gate"], signal.SIGKILL)  # the spool is read once more: no second rows
    wait_for(lambda: len(site.supervisor.events("role.died")) == 2, what="the gate to die")
    wait_for(lambda: site.cli("status", check=False).returncode == 0, what="all roles")
    with contextlib.closing(sqlite3.connect(site.path("store", "stockade.db"))) as store:
        rows = store.execute("SELECT count(*), count(DISTINCT number), sum(count) FROM incident").fetchone()
    assert rows == (21, 21, 21)


@pytest.mark.needs_root
def test_a_full_disk_under_the_spool_costs_only_numbers(site, sink):
    """Refusals go on, and are kept again when there is room."""
    state = site.path("small")
    with small_disk(state, "256k"):
        os.chmod(state, 0o755)
        site.conf["run"]["state"] = os.path.join(state, "state")
        site.conf["run"]["roles"] = ["keeper", "gate"]
        gate = site.start("gate")  # and no keeper
        first = NUMBER.search(from_address(site, "192.0.2.60").text).group()
        filler = os.path.join(state, "filler")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        for number in range(100):
            assert from_address(site, f"198.51.100.{number}").code == 451  # no list either
            if gate.events("spool.full"):
                break
        assert gate.events("spool.full")
        assert good_mail(site).code == 250
        os.unlink(filler)
        last = NUMBER.search(from_address(site, "192.0.2.61").text).group()
        site.start("keeper")
        for number in (first, last):
            wait_for(lambda: is_known(site, number), what=f"incident {number}")
        assert gate.stop() == 0


def test_a_read_only_store_is_said_and_comes_back(make_site):
    """As root nothing is read-only, so the roles run as nobody, and the file is not theirs for a while."""
    site = make_site(unprivileged=True)
    site.conf["run"]["roles"] = ["keeper", "dns"]
    keeper = site.start("keeper")
    site.start("dns")
    wait_for(lambda: site.cli("status", check=False).returncode == 0)
    add(site, "198.51.100.9")
    assert keeper.stop() == 0
    folder, path = site.path("store"), site.path("store", "stockade.db")
    modes = {name: os.stat(name).st_mode for name in (path, folder)}
    for name in modes:
        os.chmod(name, modes[name] & ~0o222)
    keeper = site.start("keeper")
    keeper.wait_for_event("store.bad")
    refused = site.cli("list", "add", "198.51.100.10", "--list", "main", "--reason", "x", "-y", check=False)
    assert refused.returncode not in (0, 1) and refused.stderr
    assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
    for name in reversed(modes):
        os.chmod(name, modes[name])
    keeper.wait_for_event("store.back")
    add(site, "198.51.100.10")
    assert answers(site.ports["dns"], "10.100.51.198.bl.example.test") == ["127.0.0.8"]


def test_a_store_damaged_while_it_is_used_leaves_the_lists_as_they_are(site, sink):
    site.conf["run"]["roles"] = ["keeper", "dns", "gate"]
    run = site.run()
    add(site, "198.51.100.9")
    path = site.path("store", "stockade.db")
    site.cli("backup", site.path("backup.db"))
    with open(path, "r+b") as file:  # under the running keeper
        file.write(os.urandom(os.path.getsize(path)))

    def noticed():
        site.cli("list", "add", "198.51.100.10", "--list", "main", "--reason", "x", "-y", check=False)
        return run.events("store.bad")
    wait_for(noticed, what="the keeper to notice")
    assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
    assert from_address(site, "198.51.100.9").enhanced == "5.7.1"
    number = NUMBER.search(from_address(site, "192.0.2.77").text).group()
    site.cli("restore", site.path("backup.db"), "-y")
    run.wait_for_event("store.back", timeout=30)
    add(site, "198.51.100.11")
    assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
    wait_for(lambda: is_known(site, number), 40, what=f"incident {number}, which was spooled meanwhile")


# ---- snapshot files ----

def snapshots(site):
    return sorted((name for name in os.listdir(site.path("lists")) if name.endswith(".snap")),
                  key=lambda name: int(name[5:-5]))


def test_a_damaged_snapshot_is_said_and_written_anew(running_site):
    site = running_site
    add(site, "198.51.100.9")
    before = serial(site)
    path = site.path("lists", snapshots(site)[-1])
    with open(path, "rb") as file:
        content = bytearray(file.read())
    content[len(content) // 2] ^= 0xff
    with open(path + ".new", "wb") as file:  # another file: who has the old one mapped keeps it
        file.write(content)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)
    assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
    dns = site.role_pids()["dns"]
    os.kill(dns, signal.SIGKILL)
    wait_for(lambda: site.role_pids()["dns"] != dns, what="dns to be started again")
    wait_for(lambda: answers(site.ports["dns"], LISTED) == ["127.0.0.8"], what="the listing")
    assert path in [event.get("file") for event in site.supervisor.events("snapshot.bad")]
    assert os.path.basename(path) != snapshots(site)[-1]
    assert serial(site) >= before  # the file may be the one that the last change was to have anyway
    add(site, "198.51.100.10")
    assert answers(site.ports["dns"], "10.100.51.198.bl.example.test") == ["127.0.0.8"]


def test_a_list_that_is_no_file_holds_nobody_up(running_site):
    """Nobody writes into the pipe, and who opened it would wait for that."""
    site = running_site
    add(site, "198.51.100.9")
    pipe = site.path("lists", f"list-{serial(site) + 1000}.snap")
    os.mkfifo(pipe, 0o644)
    for role in ["dns", "web"]:
        old = site.role_pids()[role]
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: site.role_pids()[role] not in (None, old), what=f"{role} to be started again")
    wait_for(lambda: site.cli("status", check=False).returncode == 0, what="all to be well")
    assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
    assert any("is not a regular file" in event.get("why", "") for event in site.supervisor.events("snapshot.bad"))


# ---- processes ----

@pytest.mark.alone
@pytest.mark.parametrize("role", ["keeper", "dns", "web", "gate"])
def test_a_killed_role_is_back_within_two_seconds(running_site, role):
    site = running_site
    others = {name: pid for name, pid in site.role_pids().items() if name != role}
    old = site.role_pids()[role]
    start = time.monotonic()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: site.role_pids()[role] != old, what=f"{role} to be ready again")
    assert time.monotonic() - start < 2
    assert {name: pid for name, pid in site.role_pids().items() if name != role} == others


@pytest.mark.parametrize("role", ["dns", "web"])
def test_a_killed_role_answers_from_no_older_list(running_site, role):
    """Megabytes of changes are newer than the file that a new process begins with: nobody is answered before they are in."""
    site = running_site

    def is_listed(source):
        if role == "web":
            with urllib.request.urlopen(f"http://127.0.0.1:{site.ports['web']}/api/v1/ip/{source}", timeout=30) as answer:
                return json.load(answer)["listed"]
        query = dns.message.make_query(".".join(reversed(source.split("."))) + ".bl.example.test", "A")
        return bool(dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=30).answer)

    for part in range(8):
        site.cli("list", "add", *[f"20.9.{part}.{host}" for host in range(250)], "--list", "main", "--reason", "x" * 1000)
    old = site.role_pids()[role]
    os.kill(old, signal.SIGKILL)
    wait_gone(old)
    assert is_listed("20.9.7.249")


def test_a_killed_supervisor_can_be_started_again_at_once(running_site, sink):
    """Its gate lets a message end; beside it, the new one serves at once."""
    site = running_site
    smtp = SmtpClient(site.ports["gate"], GOOD)
    smtp.ehlo("mail.good.test")
    assert smtp.envelope("a@good.test", "joe@example.test").code == 250
    old = site.role_pids()
    site.supervisor.kill()
    run = site.run_again()
    assert {event["role"] for event in run.events("role.started")} == {"keeper", "dns", "gate", "web"}
    assert good_mail(site).code == 250
    assert smtp.data(MESSAGE).code == 250
    smtp.close()
    for role, pid in old.items():
        wait_gone(pid)


# ---- reload under load ----

def test_reload_drops_no_session_and_no_query(running_site, sink, record_property):
    """At least twenty reloads, right and wrong ones in turn, under sessions and queries without a pause: not one fails."""
    site = running_site
    add(site, "198.51.100.9")
    stop = threading.Event()
    counts = {"messages": 0, "queries": 0}
    failures = []

    def repeat(kind, work):
        while not stop.is_set():
            try:
                if not work():
                    failures.append(kind)
            except (OSError, dns.exception.DNSException) as problem:
                failures.append(f"{kind}: {problem!r}")
            counts[kind] += 1
    workers = [threading.Thread(target=repeat, args=("messages", lambda: good_mail(site).code == 250)) for _ in range(2)]
    workers += [threading.Thread(target=repeat, args=(
        "queries", lambda tcp=tcp: answers(site.ports["dns"], LISTED, tcp=tcp) == ["127.0.0.8"])) for tcp in (False, False, True)]
    long = SmtpClient(site.ports["gate"], GOOD)  # one session that lives through all of it
    assert long.ehlo("mail.good.test").code == 250
    for worker in workers:
        worker.start()
    number = 0
    while number < 20 or counts["messages"] < 150 or counts["queries"] < 1500:
        number += 1
        loaded, bad = (len(site.supervisor.events(name)) for name in ("config.loaded", "config.bad"))
        if number % 4 == 3:
            site.write("lists: {main: {zone: [oops\n")
        else:
            site.conf["dns"]["ttl"] = f"{number % 50 + 5}m"
            site.conf["hostname"] = f"mx{number}.example.test"
            site.write()
        site.supervisor.signal(signal.SIGHUP)
        if number % 4 == 3:
            site.supervisor.wait_for_event("config.bad", count=bad + 1)
        else:
            site.supervisor.wait_for_event("config.loaded", count=loaded + 5)
    stop.set()
    for worker in workers:
        worker.join(30)
    assert long.envelope("a@good.test", "joe@example.test").code == 250
    assert long.data(MESSAGE).code == 250
    long.quit()
    assert failures == []
    record_property("under load", f"{number} reloads, {counts['messages']} messages, {counts['queries']} queries")
    assert len(sink.messages) == counts["messages"] + 1
    assert site.supervisor.events("role.died") == []


# ---- the clock ----

def test_a_clock_that_jumps_ahead_ends_nothing(clock, running_site, sink):
    """A year ahead: listings, allowances and incidents stay, in DNS and gate, until the clock is set right."""
    site = running_site
    add(site, "198.51.100.9", "--for", "1h")
    add(site, "192.0.2.66")
    site.cli("allow", "192.0.2.66", "--reason", "partner", "--for", "1h", "-y")
    number = NUMBER.search(from_address(site, "192.0.2.77").text).group()
    wait_for(lambda: is_known(site, number))
    before = serial(site)

    def all_is_as_it_was():
        assert answers(site.ports["dns"], LISTED) == ["127.0.0.8"]
        assert from_address(site, "198.51.100.9").enhanced == "5.7.1"
        assert from_address(site, "192.0.2.66").code == 250
        assert is_known(site, number)
        assert serial(site) == before
    clock.jump(365 * 86400)
    for _ in range(4):
        clock.advance(1.1)  # ticks of the keeper
        all_is_as_it_was()
    clock.jump(-365 * 86400)
    clock.advance(1.1)
    all_is_as_it_was()
    clock.jump(-86400)  # and a day back
    clock.advance(1.1)
    all_is_as_it_was()
    clock.jump(86400)  # forward again: a jump, too
    clock.advance(1.1)
    all_is_as_it_was()
    clock.advance(3601)  # real time ends them
    wait_for(lambda: answers(site.ports["dns"], LISTED) == [], what="the listing to end")


def test_the_serial_goes_on_with_a_clock_set_back(clock, running_site):
    site = running_site
    seen = [serial(site)]
    clock.jump(-86400)
    for number in range(3):
        add(site, f"198.51.100.{number}")
        seen.append(serial(site))
    os.kill(site.role_pids()["keeper"], signal.SIGKILL)
    wait_for(lambda: site.cli("status", check=False).returncode == 0, what="the keeper")
    add(site, "198.51.100.9")
    seen.append(serial(site))
    assert seen == sorted(set(seen))


# ---- a change is in force when its command succeeds ----

@pytest.mark.parametrize("source, client", [
    ("198.51.100.9", "198.51.100.9"), ("198.51.100.0/24", "198.51.100.77"), ("2001:db8:7::/48", "2001:db8:7::25"),
    (".bad.test", None)])
def test_the_gate_obeys_a_command_that_succeeded(running_site, nameserver, sink, source, client):
    site = running_site
    nameserver.host("mail.bad.test", client or "198.51.100.200")
    client = client or "198.51.100.200"

    def code():
        return deliver(site.ports["gate"], client, helo="mail.bad.test", sender="a@bad.test", version=2).code
    domain = source.startswith(".")
    assert code() == 250
    for _ in range(3):
        add(site, source, name="names" if domain else "main")
        assert 500 <= code() < 600  # no polling
        site.cli("delist", source, "--reason", "fixed", "-y")
        assert code() == 250
    result = site.json("list", "add", source, "--list", "names" if domain else "main", "--reason", "x", "-y")
    assert 500 <= code() < 600
    site.cli("undo", str(result["event"]), "--reason", "mistake", "-y")
    assert code() == 250
    add(site, source, name="names" if domain else "main")
    site.cli("allow", client, "--reason", "partner", "-y")
    assert code() == 250
    site.cli("list", "rm", client, "--list", "allow", "--reason", "over", "-y")
    assert 500 <= code() < 600


def test_an_open_session_meets_the_change_at_its_next_recipient(running_site, sink):
    site = running_site
    with SmtpClient(site.ports["gate"], GOOD) as smtp:
        smtp.ehlo("mail.good.test")
        assert smtp.envelope("a@good.test", "joe@example.test").code == 250
        add(site, GOOD)
        assert 500 <= smtp.command("RCPT TO:<eve@example.test>").code < 600


# ---- all at once ----

def test_random_clients_servers_and_reloads_leave_the_site_well(program):
    with contextlib.closing(Site(program)) as site:
        chaos.play(site, 15, seed=1)


def test_kill_9_of_anything_loses_nothing_acknowledged(site, sink):
    kill9.play(site, rounds=10, seed=1)
