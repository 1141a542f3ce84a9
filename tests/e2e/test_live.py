# SPDX-License-Identifier: ISC
"""A list that changes while it is served, and the serial that counts the changes: it never goes back."""
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import pytest

from harness.disk import small_disk
from harness.waiting import wait_for

ZONE = "bl.example.org"


def ask(site, name, rdtype):
    query = dns.message.make_query(name, rdtype)
    return dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=5)


def is_listed(site, address):
    return bool(ask(site, ".".join(reversed(address.split("."))) + "." + ZONE, "A").answer)


def soa_serial(site):
    return ask(site, ZONE, "SOA").answer[0][0].serial


def is_newer(serial, than):
    """RFC 1982, section 3.2."""
    return serial != than and (serial - than) % 2**32 < 2**31


def add(site, source, *more, **keywords):
    return site.cli("list", "add", source, "--list", "main", "--reason", "spam", "-y", *more, **keywords)


def has_followers(site, count):
    roles = site.json("status", check=False).get("roles", [])
    return sum(1 for row in roles if row.get("connected", True) and row["role"] != "keeper") >= count


@pytest.fixture
def live(site):
    """Keeper, dns and web, each a process of its own."""
    site.conf["lists"]["main"]["zone"] = ZONE
    site.conf["run"]["roles"] = ["keeper", "dns", "web"]
    site.keeper = site.start("keeper")
    site.dns = site.start("dns")
    site.web = site.start("web")
    wait_for(lambda: has_followers(site, 2), what="dns and web to find the keeper")
    return site


def copy_store(site):
    """A backup, taken while the keeper runs."""
    site.cli("backup", site.path("backup.db"))


def restore_store(site):
    """The backup in the place of the store, with the keeper stopped."""
    site.cli("restore", site.path("backup.db"), "-y")


# ---- sustained change ----

def test_answers_stay_exact_while_hundreds_of_changes_a_second_go_on(live, helper_program):
    """bench/live in small: every address that was touched is asked for in the end. No figures: machines differ."""
    drive = helper_program("bench", "live_drive")
    entries = 20000
    data = live.path("entries.txt")
    with open(data, "wb") as file:
        subprocess.run([drive, "data", str(entries)], check=True, stdout=file)
    live.cli("list", "import", data, "--list", "main", "--reason", "live")
    before = len(live.keeper.events("snapshot.written"))
    out = subprocess.run(
        [drive, "run", live.path("run", "control.sock"), f"127.0.0.1:{live.ports['dns']}", str(entries), "200", "1000", "9"],
        check=True, capture_output=True, text=True, timeout=120).stdout
    found = {name: float(value) for name, value in (line.split() for line in out.splitlines())}
    assert (found["wrong"], found["silent"], found["refused"], found["probes_without_end"]) == (0, 0, 0, 0), out
    assert found["accepted"] == found["changes"] and found["compared"] > 1000, out
    assert len(live.keeper.events("snapshot.written")) > before  # a new file slid below the changes meanwhile
    assert len(live.dns.events("snapshot.adopted")) >= 2


def test_a_wrong_command_does_no_harm_to_its_neighbours(live):
    """Commands of one turn are one transaction, of which each is a part."""
    processes = []
    for number in range(24):
        source = f"198.51.{number}.9" if number % 3 else "10.0.0.1"  # which nobody may list
        processes.append((number, subprocess.Popen(
            [live.program, "list", "add", source, "--list", "main", "--reason", "spam", "-y", "--config", live.conf_path],
            env=live.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            **live.identity)))
    codes = {number: process.wait(60) for number, process in processes}
    assert all((codes[number] == 0) == (number % 3 != 0) for number in codes), codes
    assert all(is_listed(live, f"198.51.{number}.9") == (number % 3 != 0) for number in codes)


# ---- the serial ----

def test_a_restored_store_beside_emptied_lists_does_not_take_the_serial_back(live):
    """Nobody but dns and web, which still serve it, knows the last number."""
    add(live, "198.51.100.1")
    copy_store(live)
    for number in range(2, 7):
        add(live, f"198.51.100.{number}")
    serial = soa_serial(live)
    assert live.keeper.stop() == 0
    restore_store(live)
    for name in os.listdir(live.path("lists")):
        os.unlink(live.path("lists", name))
    live.keeper = live.start("keeper")
    seen = [serial]

    def is_older_state():
        seen.append(soa_serial(live))
        return not is_listed(live, "198.51.100.6")
    wait_for(is_older_state, what="the older state to be served")
    seen.append(soa_serial(live))
    assert all(after == before or is_newer(after, before) for before, after in zip(seen, seen[1:])), seen
    assert is_newer(seen[-1], serial)
    assert is_listed(live, "198.51.100.1")
    add(live, "198.51.100.9")
    assert is_listed(live, "198.51.100.9") and is_newer(soa_serial(live), seen[-1])


def test_a_restored_store_is_served_under_a_newer_serial(live):
    copy_store(live)
    for number in range(1, 6):
        add(live, f"198.51.100.{number}")
    serial = soa_serial(live)
    assert live.keeper.stop() == 0
    restore_store(live)
    live.keeper = live.start("keeper")
    wait_for(lambda: not is_listed(live, "198.51.100.5"), what="the older state to be served")
    assert is_newer(soa_serial(live), serial)
    assert not any(is_listed(live, f"198.51.100.{number}") for number in range(1, 6))


def test_the_serial_counts_over_the_end_of_its_circle(live):
    assert live.keeper.stop() == 0
    assert live.dns.stop() == 0
    assert live.web.stop() == 0
    shutil.rmtree(live.path("lists"))
    with contextlib.closing(sqlite3.connect(live.path("store", "stockade.db"))) as store:
        store.execute("UPDATE meta SET value = ? WHERE key = 'serial'", (2**32 - 4,))
        store.commit()
    live.keeper = live.start("keeper")
    live.dns = live.start("dns")
    wait_for(lambda: has_followers(live, 1), what="dns to find the keeper")
    serials = []
    for number in range(1, 9):
        add(live, f"198.51.100.{number}")
        assert is_listed(live, f"198.51.100.{number}")
        serials.append(soa_serial(live))
    assert all(is_newer(after, before) for before, after in zip(serials, serials[1:])), serials
    assert serials[-1] < serials[0] and 0 not in serials, serials
    assert live.keeper.stop() == 0
    assert live.dns.stop() == 0
    live.keeper = live.start("keeper")  # which of the files is the newest?
    live.dns = live.start("dns")
    wait_for(lambda: is_listed(live, "198.51.100.8"), what="the last listing after the restart")
    assert soa_serial(live) == serials[-1] or is_newer(soa_serial(live), serials[-1])


# ---- faults ----

def test_a_keeper_that_hangs_is_missed_by_nobody_but_commands(live):
    add(live, "198.51.100.1")
    live.keeper.signal(signal.SIGSTOP)
    try:
        command = subprocess.Popen(
            [live.program, "list", "add", "198.51.100.2", "--list", "main", "--reason", "spam", "-y", "--config",
             live.conf_path], env=live.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **live.identity)
        for _ in range(20):
            assert is_listed(live, "198.51.100.1") and not is_listed(live, "198.51.100.2")
        assert command.poll() is None  # it waits
    finally:
        live.keeper.signal(signal.SIGCONT)
    assert command.wait(30) == 0
    assert is_listed(live, "198.51.100.2")


@pytest.mark.needs_root
def test_a_full_disk_under_the_lists_delays_only_files(site):
    with small_disk(site.path("small"), "1m"):
        site.conf["lists"]["main"]["zone"] = ZONE
        site.conf["run"]["lists"] = site.path("small", "lists")
        site.conf["run"]["roles"] = ["keeper", "dns"]
        keeper = site.start("keeper")
        site.start("dns")
        wait_for(lambda: has_followers(site, 1), what="dns to find the keeper")
        add(site, "198.51.100.1")
        filler = site.path("small", "filler")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        keeper.wait_for_event("snapshot.bad", timeout=30)  # the change before is due in a file
        add(site, "198.51.100.2")  # a delta needs no file
        assert is_listed(site, "198.51.100.2")
        before = len(keeper.events("snapshot.written"))
        os.unlink(filler)
        keeper.wait_for_event("snapshot.written", before + 1, timeout=30)
        assert is_listed(site, "198.51.100.1") and is_listed(site, "198.51.100.2")


def test_a_mapped_file_that_is_cut_short_costs_a_restart(site):
    """A published file is never written to; whoever does it all the same gets a role that starts anew."""
    site.conf["lists"]["main"]["zone"] = ZONE
    site.conf["run"]["roles"] = ["keeper", "dns"]
    supervisor = site.run()
    data = "".join(f"198.51.{i // 250}.{i % 250 + 1}\n" for i in range(5000))
    site.cli("list", "import", "-", "--list", "main", "--reason", "spam", "-y", input=data)
    assert is_listed(site, "198.51.3.7")
    dns_pid = site.role_pids()["dns"]
    for name in os.listdir(site.path("lists")):
        if name.endswith(".snap"):
            os.truncate(site.path("lists", name), 0)
    with contextlib.suppress(dns.exception.Timeout):
        is_listed(site, "198.51.3.7")
    wait_for(lambda: site.role_pids()["dns"] != dns_pid, what="dns to be started again")

    def is_back():
        with contextlib.suppress(dns.exception.Timeout):
            return is_listed(site, "198.51.3.7")
        return False
    wait_for(is_back, what="the list to be served again")
    assert supervisor.events("snapshot.bad")
