# SPDX-License-Identifier: ISC
"""The keeper and who follows it: changes, expiry, faults of the store, kill -9."""
import contextlib
import json
import os
import socket
import sqlite3
import struct
import subprocess
import time

import dns.message
import dns.query
import dns.rdatatype
import pytest

from harness.disk import small_disk
from harness.waiting import wait_for


def answer(site, source, zone="bl.example.test"):
    """The addresses our DNS answers for an address or a name; empty: not listed."""
    name = ".".join(reversed(source.split("."))) if source[-1].isdigit() else source
    query = dns.message.make_query(f"{name}.{zone}", "A")
    reply = dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=5)
    return [record.address for rrset in reply.answer for record in rrset if rrset.rdtype == dns.rdatatype.A]


def add(site, source, *more, name="main", check=True):
    return site.cli("list", "add", source, "--list", name, "--reason", "spam", "-y", *more, check=check)


@pytest.fixture
def pair(site):
    """Keeper and dns."""
    site.conf["run"]["roles"] = ["keeper", "dns"]
    site.keeper = site.start("keeper")
    site.dns = site.start("dns")
    wait_for(lambda: role_is_connected(site, "dns"), what="dns to find the keeper")
    return site


def role_is_connected(site, role):
    return any(row["role"] == role and row["serial"] for row in status(site)["roles"] if row.get("connected", True))


def status(site):
    return site.json("status", check=False)


def zone_serial(site):
    """The serial that dns answers."""
    reply = dns.query.udp(dns.message.make_query("bl.example.test", "SOA"), "127.0.0.1", port=site.ports["dns"], timeout=5)
    return reply.answer[0][0].serial


def test_a_change_is_served_when_the_command_returns(pair):
    for number in range(20):
        source = f"198.51.100.{number}"
        add(pair, source)
        assert answer(pair, source) == ["127.0.0.8"]  # no polling: the answer waited for dns
        pair.cli("delist", source, "--reason", "fixed", "-y")
        assert answer(pair, source) == []


def test_networks_nest_and_exclusions_cut_holes(pair):
    add(pair, "198.51.100.0/24")
    add(pair, "198.51.100.64/26", "--except")
    add(pair, "198.51.100.70")
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    assert answer(pair, "198.51.100.65") == []
    assert answer(pair, "198.51.100.70") == ["127.0.0.8"]
    pair.cli("list", "rm", "198.51.100.64/26", "--list", "main", "--reason", "over", "-y")
    assert answer(pair, "198.51.100.65") == ["127.0.0.8"]


def test_domains(pair):
    add(pair, ".bad.example", name="names")
    assert answer(pair, "www.bad.example", "dbl.example.test") == ["127.0.1.2"]
    assert answer(pair, "good.example", "dbl.example.test") == []


def test_undo_reverses_once_and_can_be_undone(pair):
    add(pair, "198.51.100.7")
    pair.cli("undo", "1", "--reason", "mistake", "-y")
    assert answer(pair, "198.51.100.7") == []
    again = pair.cli("undo", "1", "--reason", "mistake", "-y", check=False)
    assert again.returncode != 0 and "undone already" in again.stderr
    pair.cli("undo", "2", "--reason", "no mistake", "-y")
    assert answer(pair, "198.51.100.7") == ["127.0.0.8"]


def test_long_words_are_cut_between_characters(pair):
    """What the keeper makes of operators' words goes out in messages, which hold whole characters or are refused."""
    long = "x" + "\u00e9" * 511  # 1,023 octets
    pair.cli("list", "add", "198.51.100.7", "--list", "main", "--reason", long)
    pair.cli("undo", "1", "--reason", long)
    pair.cli("undo", "2", "--reason", long)
    pair.cli("list", "retire", "main", "--reason", long)
    add(pair, "bad.example", name="names")
    assert answer(pair, "bad.example", "dbl.example.test") == ["127.0.1.2"]
    known = pair.json("history", "198.51.100.7")
    assert {listing["ended-reason"] for listing in known["listings"] if "ended" in listing} == {
        "undo of event 1: x" + "\u00e9" * 503}
    assert len(known["events"]) == 3 and not pair.dns.events("snapshot.bad")


def field(number, value):
    """One field of a message: a number, or what has a length."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def test_words_that_cannot_be_kept_are_named(pair):
    refused = pair.cli("delist", "198.51.100.7", "--reason", b"caf\xe9", check=False)
    assert refused.returncode == 64 and "--reason: more than one line, or not plain text in UTF-8" in refused.stderr
    # Others than our command line, which checks before it sends, are answered as well, and go on.
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(os.path.join(pair.conf["run"]["folder"], "control.sock"))
        for words, said in ((b"caf\xe9", b"domain: not one line of plain text"), (b"a\nb", b"domain: not one line")):
            message = field(6, field(1, 7) + field(3, field(3, words)))
            control.sendall(struct.pack("!I", len(message)) + message)
            assert said in control.recv(4096)


def test_a_file_may_have_any_name(pair):
    folder = os.fsencode(pair.path("files"))
    os.mkdir(folder)
    for number, name in enumerate([b"r\xe9sum\xe9", "\u00e9".encode() * 120]):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"198.51.100.{number}\n")
        pair.cli("list", "import", path, "--list", "main", "--reason", "x")
        assert pair.json("history", f"198.51.100.{number}")["listings"]


@pytest.mark.parametrize("source, words", [
    ("127.0.0.1", "special-use"), ("10.99.1.0/24", "special-use"), ("0.0.0.0/1", "too wide"), ("::/0", "too wide")])
def test_the_never_list_refuses_with_words(pair, source, words):
    refused = add(pair, source, check=False)
    assert refused.returncode == 77 and words in refused.stderr
    assert pair.json("status")["lists"][0]["listings"] == 0


def test_everything_survives_kill_9_of_everything(pair):
    add(pair, "198.51.100.1")
    pair.cli("allow", "203.0.113.7", "--reason", "customer", "-y")
    serial = status(pair)["serial"]
    pair.keeper.kill()
    pair.dns.kill()
    pair.keeper = pair.start("keeper")
    pair.dns = pair.start("dns")
    assert wait_for(lambda: answer(pair, "198.51.100.1") == ["127.0.0.8"], what="the listing")
    assert status(pair)["serial"] >= serial
    add(pair, "198.51.100.2")
    assert answer(pair, "198.51.100.2") == ["127.0.0.8"]


def test_dns_goes_on_without_a_keeper(pair):
    add(pair, "198.51.100.1")
    pair.keeper.kill()
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    refused = add(pair, "198.51.100.2", check=False)
    assert refused.returncode == 69
    pair.keeper = pair.start("keeper")
    wait_for(lambda: role_is_connected(pair, "dns"), what="dns to come back")
    add(pair, "198.51.100.2")
    assert answer(pair, "198.51.100.2") == ["127.0.0.8"]


def test_a_role_that_starts_without_a_keeper_knows_the_last_changes(clock, pair):
    for number in range(3):
        add(pair, f"198.51.100.{number}")
    serial = status(pair)["serial"]
    clock.advance(10)  # the rest between two snapshot files is over
    wait_for(lambda: any(name == f"list-{serial}.snap" for name in os.listdir(pair.conf["run"]["lists"])), what="the file")
    pair.keeper.kill()
    pair.dns.kill()
    pair.dns = pair.start("dns")
    assert all(answer(pair, f"198.51.100.{number}") == ["127.0.0.8"] for number in range(3))


def test_listings_expire_on_time(clock, pair):
    add(pair, "198.51.100.1", "--for", "1h")
    add(pair, "198.51.100.2", "--for", "40m")
    clock.advance(39 * 60)
    assert answer(pair, "198.51.100.2") == ["127.0.0.8"]
    clock.advance(61)
    wait_for(lambda: answer(pair, "198.51.100.2") == [], what="the first to expire")
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]


def test_listings_expire_across_a_restart(clock, pair):
    add(pair, "198.51.100.1", "--for", "1h")
    pair.keeper.kill()
    clock.advance(2 * 3600)
    pair.keeper = pair.start("keeper")
    wait_for(lambda: answer(pair, "198.51.100.1") == [], what="the listing to expire")


def test_a_large_import_is_served_when_the_command_returns(pair):
    lines = "".join(f"198.51.{100 + i // 65536}.{i % 256}\n" if i < 256 else
                    f"20.{i // 65536}.{i // 256 % 256}.{i % 256}\n" for i in range(30000))
    pair.cli("list", "import", "-", "--list", "main", "--reason", "feed", "-y", input=lines, timeout=120)
    assert answer(pair, "20.0.100.7") == ["127.0.0.8"]
    assert status(pair)["lists"][0]["listings"] == 30000
    pair.cli("undo", "1", "--reason", "bad feed", "-y", timeout=120)
    assert answer(pair, "20.0.100.7") == []


def test_what_only_a_snapshot_shows_is_served_after_an_end_in_between(pair):
    """The keeper ends while it writes the file of a large import, when a later change has been told already: dns, which goes
    on, serves a newer number than the file's, and yet lacks all of the import."""
    lines = "".join(f"20.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(60000))
    command = [pair.program, "list", "import", "-", "--list", "main", "--reason", "feed", "-y", "--config", pair.conf_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                          env=pair.environment) as importing:
        importing.stdin.write(lines)
        importing.stdin.close()
        wait_for(lambda: status(pair)["lists"][0]["listings"] == 60000, 60, what="the import to be in the store")
        add(pair, "198.51.100.1")
        assert pair.keeper.stop() == 0
        importing.wait(60)
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    serial, lacks_it = zone_serial(pair), answer(pair, "20.0.200.7") == []
    pair.keeper = pair.start("keeper")
    wait_for(lambda: answer(pair, "20.0.200.7") == ["127.0.0.8"], 60, what="the import to be served")
    if lacks_it:  # and the file was not out already
        assert zone_serial(pair) > serial  # secondaries compare numbers
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]


# ---- faults of the store ----

def test_a_locked_store_is_said_and_comes_back(pair):
    path = pair.path("store", "stockade.db")
    add(pair, "198.51.100.1")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = add(pair, "198.51.100.2", check=False)
        assert refused.returncode == 75 and "nothing was changed" in refused.stderr
        assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
        pair.keeper.wait_for_event("store.bad")
        other.execute("ROLLBACK")
    pair.keeper.wait_for_event("store.back")
    add(pair, "198.51.100.2")
    assert answer(pair, "198.51.100.2") == ["127.0.0.8"]


def damage(path):
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
    with open(path, "r+b") as file:
        file.write(b"this is no database" * 400)


def test_a_damaged_store_leaves_the_lists_as_they_are(pair):
    path = pair.path("store", "stockade.db")
    add(pair, "198.51.100.1")
    pair.cli("backup", pair.path("good.db"))
    assert pair.keeper.stop() == 0
    damage(path)
    pair.keeper = pair.start("keeper")
    pair.keeper.wait_for_event("store.bad")
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    refused = add(pair, "198.51.100.2", check=False)
    assert refused.returncode != 0 and "stay as they are" in refused.stderr
    told = pair.cli("status", check=False).stdout
    assert "NOT WORKING" in told and "listing" not in told and "kept" not in told
    counted = json.loads(pair.cli("status", "--json", check=False).stdout)
    assert counted["lists"] == [] and "incidents" not in counted
    pair.cli("restore", pair.path("good.db"), "-y")
    pair.keeper.wait_for_event("store.back")
    assert "main, zone bl.example.test: 1 listing\n" in pair.cli("status", check=False).stdout
    add(pair, "198.51.100.2")
    assert answer(pair, "198.51.100.1") == answer(pair, "198.51.100.2") == ["127.0.0.8"]


def test_a_backup_is_made_and_restored_beside_a_running_keeper(pair):
    backup = pair.path("backup.db")
    add(pair, "198.51.100.1")
    pair.cli("backup", backup)
    add(pair, "198.51.100.2")
    serial = zone_serial(pair)
    pair.cli("restore", backup, "-y")
    wait_for(lambda: answer(pair, "198.51.100.2") == [], what="the backup to be served")
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"] and zone_serial(pair) > serial
    add(pair, "198.51.100.3")
    assert answer(pair, "198.51.100.3") == ["127.0.0.8"]
    # What was there is kept, and is a backup as well.
    pair.cli("restore", pair.path("store", "stockade.db.before"), "-y")
    wait_for(lambda: answer(pair, "198.51.100.2") == ["127.0.0.8"], what="the store before to be served")


def test_backups_write_over_nothing_and_restore_takes_no_damage(pair):
    backup = pair.path("backup.db")
    add(pair, "198.51.100.1")
    pair.cli("backup", backup)
    assert os.stat(backup).st_mode & 0o777 == 0o600
    os.symlink(pair.path("elsewhere"), pair.path("link"))
    os.symlink(pair.path("elsewhere"), pair.path("other.part"))
    for name in ("backup.db", "link", "other"):
        refused = pair.cli("backup", pair.path(name), check=False)
        assert refused.returncode == 65 and "exists" in refused.stderr
    assert not os.path.exists(pair.path("elsewhere"))
    with open(backup, "r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    with open(pair.path("text"), "w", encoding="ascii") as file:
        file.write("no store\n" * 1000)
    for name in ("backup.db", "text", "missing"):
        assert pair.cli("restore", pair.path(name), "-y", check=False).returncode in (65, 66, 70)
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"] and not pair.keeper.events("store.bad")
    assert os.listdir(pair.path("store")).count("stockade.db.before") == 0


def test_a_backup_put_in_by_hand_is_not_mixed_with_the_log_of_a_crash(pair):
    path = pair.path("store", "stockade.db")
    add(pair, "198.51.100.1")
    pair.cli("backup", path + ".new")
    for part in range(8):  # more than stays in the log's first pages
        pair.cli("list", "add", *[f"20.1.{part}.{host}" for host in range(250)], "--list", "main", "--reason", "x" * 500)
    os.chown(path + ".new", os.stat(path).st_uid, os.stat(path).st_gid)
    pair.keeper.kill()
    assert os.path.getsize(path + "-wal") != 0
    os.rename(path + ".new", path)
    pair.keeper = pair.start("keeper")
    pair.keeper.wait_for_event("store.log-moved")
    wait_for(lambda: answer(pair, "20.1.7.249") == [], what="the backup to be served")
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    # A log that is its own is played after a crash, of this file as of any.
    add(pair, "198.51.100.2")
    pair.keeper.kill()
    pair.keeper = pair.start("keeper")
    assert answer(pair, "198.51.100.2") == ["127.0.0.8"]
    assert status(pair)["lists"][0]["listings"] == 2
    with contextlib.closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_store_that_is_gone_is_not_made_anew(pair):
    add(pair, "198.51.100.1")
    pair.cli("backup", pair.path("good.db"))
    assert pair.keeper.stop() == 0
    for file in os.listdir(pair.path("store")):
        os.unlink(pair.path("store", file))
    pair.keeper = pair.start("keeper")
    assert "restore it from a backup" in pair.keeper.wait_for_event("store.bad")[0]["why"]
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    pair.cli("restore", pair.path("good.db"), "-y")
    pair.keeper.wait_for_event("store.back")
    add(pair, "198.51.100.2")


def test_the_serial_never_goes_back_after_a_restore(pair):
    backup = pair.path("backup.db")
    add(pair, "198.51.100.1")
    pair.cli("backup", backup)
    for number in range(2, 6):
        add(pair, f"198.51.100.{number}")
    serial = status(pair)["serial"]
    assert pair.keeper.stop() == 0
    pair.cli("restore", backup, "-y")
    pair.keeper = pair.start("keeper")
    wait_for(lambda: answer(pair, "198.51.100.5") == [], what="the older state to be served")
    assert status(pair)["serial"] > serial
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]


def test_a_store_restored_under_the_running_keeper_is_published_under_a_new_serial(pair):
    """It is seen before the next snapshot is written, though nobody changes anything."""
    backup = pair.path("backup.db")
    add(pair, "198.51.100.1")
    pair.cli("backup", backup)
    wait_for(lambda: int(pair.keeper.events("snapshot.written")[-1]["serial"]) == status(pair)["serial"], what="its snapshot")
    time.sleep(3)  # what the file before it needed is forgotten: until the next file nothing is written to the store
    add(pair, "198.51.100.2")
    serial = status(pair)["serial"]
    pair.cli("restore", backup, "-y")
    pair.keeper.wait_for_event("store.bad")
    pair.keeper.wait_for_event("store.back")
    wait_for(lambda: answer(pair, "198.51.100.2") == [], what="the older state to be served")
    assert answer(pair, "198.51.100.1") == ["127.0.0.8"]
    assert status(pair)["serial"] > serial
    written = [int(event["serial"]) for event in pair.keeper.events("snapshot.written")]
    assert written == sorted(set(written))


@pytest.mark.needs_root
def test_a_full_disk_is_said_and_comes_back(site):
    with small_disk(site.path("small"), "2m"):
        site.conf["store"] = "sqlite:" + site.path("small", "store", "stockade.db")
        site.conf["run"]["roles"] = ["keeper", "dns"]
        site.keeper = site.start("keeper")
        site.dns = site.start("dns")
        wait_for(lambda: role_is_connected(site, "dns"), what="dns to find the keeper")
        add(site, "198.51.100.1")
        filler = site.path("small", "filler")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        refused = None
        for number in range(2, 200):
            refused = add(site, f"198.51.100.{number}", check=False)
            if refused.returncode != 0:
                break
        assert refused.returncode == 75 and "disk is full" in refused.stderr
        assert answer(site, "198.51.100.1") == ["127.0.0.8"]
        site.keeper.wait_for_event("store.bad")
        os.unlink(filler)
        site.keeper.wait_for_event("store.back")
        add(site, "203.0.113.1")
        assert answer(site, "203.0.113.1") == ["127.0.0.8"]
        assert site.keeper.stop() == 0


@pytest.mark.needs_root
def test_on_a_full_disk_operators_still_let_people_through(site):
    with small_disk(site.path("small"), "24m"):
        site.conf["store"] = "sqlite:" + site.path("small", "store", "stockade.db")
        site.conf["run"]["roles"] = ["keeper", "dns"]
        site.keeper = site.start("keeper")
        site.dns = site.start("dns")
        wait_for(lambda: role_is_connected(site, "dns"), what="dns to find the keeper")
        add(site, "198.51.100.0/24", "203.0.113.9")
        filler = site.path("small", "filler")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        done = [site.cli("allow", f"198.51.100.{number}", "--reason", "ours", check=False) for number in range(1, 100)]
        assert [one.stderr for one in done if one.returncode != 0] == []
        site.keeper.wait_for_event("store.short")
        site.cli("delist", "203.0.113.9", "--reason", "clean")
        assert answer(site, "203.0.113.9") == []
        refused = add(site, "203.0.113.10", check=False)
        assert refused.returncode == 75 and "make room" in refused.stderr
        assert "make room" in site.cli("status", check=False).stdout
        os.unlink(filler)
        wait_for(lambda: add(site, "203.0.113.10", check=False).returncode == 0, timeout=30, what="room to be put aside again")
        assert answer(site, "203.0.113.10") == ["127.0.0.8"]
        assert site.keeper.stop() == 0


@pytest.mark.alone
def test_the_time_from_command_to_answer_is_reported(pair, record_property):
    times = []
    for number in range(1, 11):
        add(pair, f"203.0.113.{number}", "--for", "1h")
        start = time.monotonic()
        assert answer(pair, f"203.0.113.{number}") == ["127.0.0.8"]
        times.append(time.monotonic() - start)
    record_property("milliseconds from success to answer", f"{max(times) * 1000:.1f}")
