# SPDX-License-Identifier: ISC
"""Verbs that change and show lists, with a real keeper."""
import contextlib
import json
import os
import sqlite3

import pytest

from harness.waiting import wait_for


@pytest.fixture
def keeper(site):
    return site.start("keeper")


def add(site, *arguments):
    return site.json("list", "add", *arguments, "--reason", "spam run")


def test_add_lookup_undo(site, keeper):
    result = site.cli("list", "add", "198.51.100.0/24", "--list", "main", "--reason", "spam run", "--for", "24h")
    assert "198.51.100.0/24" in result.stdout and "main" in result.stdout
    assert result.stderr == "undo this with: stockade undo 1 --reason WORDS\n"

    listed = site.cli("lookup", "198.51.100.9", check=False)
    assert listed.returncode == 1
    heading, row = listed.stdout.splitlines()
    assert heading.split() == "SOURCE LIST CODE REASON SINCE (UTC) UNTIL (UTC) INCIDENT".split()
    assert row.split()[:5] == ["198.51.100.9", "manual.bl.example.test", "127.0.0.8", "spam", "run"]
    found = site.json("lookup", "198.51.100.9", check=False)
    assert found["listed"] is True and found["from"] == "keeper"
    assert found["listings"][0]["code"] == "127.0.0.8" and found["listings"][0]["entry"] == "198.51.100.0/24"
    assert found["listings"][0]["since"].endswith("Z") and found["listings"][0]["incident"] is None

    free = site.cli("lookup", "203.0.113.1")
    assert free.stdout == "203.0.113.1 is not listed\n"

    site.cli("undo", "1", "--reason", "wrong network")
    assert site.cli("lookup", "198.51.100.9").stdout == "198.51.100.9 is not listed\n"
    again = site.cli("undo", "1", "--reason", "twice", check=False)
    assert again.returncode == 65 and "undone already" in again.stderr


def test_the_only_list_of_a_kind_needs_no_name(site, keeper):
    add(site, "198.51.100.1")
    add(site, "bad.example", ".worse.example")
    assert site.json("lookup", "mail.worse.example", check=False)["listings"][0]["list"] == "names"
    assert site.json("lookup", "mail.bad.example")["listed"] is False
    wrong = site.cli("list", "add", "bad.example", "--list", "main", "--reason", "x", check=False)
    assert wrong.returncode == 65 and "holds addresses" in wrong.stderr
    unknown = site.cli("list", "add", "198.51.100.1", "--list", "mian", "--reason", "x", check=False)
    assert unknown.returncode == 64 and "did you mean 'main'?" in unknown.stderr


def test_a_dry_run_changes_nothing(site, keeper):
    assert add(site, "198.51.100.1", "-n")["dry-run"] is True
    assert site.json("lookup", "198.51.100.1")["listed"] is False
    assert site.cli("list", "ls").stdout == ""


def test_an_exception_within_a_network(site, keeper):
    add(site, "198.51.100.0/24")
    add(site, "198.51.100.9", "--except")
    assert site.json("lookup", "198.51.100.9")["listed"] is False
    assert site.json("lookup", "198.51.100.8", check=False)["listed"] is True
    assert "not 198.51.100.9" in site.cli("list", "ls", "main").stdout


def test_a_domain_is_nearer_to_itself_than_what_is_said_of_all_below_it(site, keeper):
    add(site, ".bad.example", "--list", "names")
    add(site, "bad.example", "--list", "names", "--except")
    assert site.json("lookup", "bad.example")["listed"] is False
    assert site.json("lookup", "www.bad.example", check=False)["listed"] is True
    assert "not bad.example" in site.cli("history", "bad.example").stdout


def test_allow_and_its_end(site, keeper):
    site.cli("allow", "198.51.100.9", "--reason", "partner", "--for", "90d")
    found = site.json("lookup", "198.51.100.9")
    assert found["allowed"] is True and found["listed"] is False
    assert "198.51.100.9 is allowed: partner" in site.cli("lookup", "198.51.100.9").stdout
    site.cli("list", "rm", "198.51.100.9", "--list", "allow", "--reason", "no partner any more")
    assert site.json("lookup", "198.51.100.9")["allowed"] is False


def test_delist_leaves_the_allow_list_alone(site, keeper):
    add(site, "198.51.100.9")
    site.cli("allow", "198.51.100.9", "--reason", "partner")
    site.cli("delist", "198.51.100.9", "--reason", "repaired")
    found = site.json("lookup", "198.51.100.9")
    assert found["listed"] is False and found["allowed"] is True
    nothing = site.cli("delist", "203.0.113.1", "--reason", "x", check=False)
    assert nothing.returncode == 66


def test_who_is_listed_by_a_network_gets_the_commands_that_help(site, keeper):
    add(site, "198.51.100.0/24")
    refused = site.cli("delist", "198.51.100.9", "--reason", "x", check=False)
    assert refused.returncode == 66
    assert "stockade delist 198.51.100.0/24 --reason" in refused.stderr
    command = refused.stderr.split("(stockade list add ", 1)[1].split(" --reason", 1)[0].split()
    site.cli("list", "add", *command, "--reason", "a neighbour")
    assert site.json("lookup", "198.51.100.9")["listed"] is False
    assert site.json("lookup", "198.51.100.8", check=False)["listed"] is True


def test_history_follows_what_covered_a_source(site, keeper):
    add(site, "198.51.100.0/24")
    add(site, ".bad.example")
    site.cli("delist", "198.51.100.0/24", ".bad.example", "--reason", "repaired")
    for source, around in (("198.51.100.9", "198.51.100.0/24"), ("www.bad.example", ".bad.example")):
        history = site.json("history", source)
        listing, = history["listings"]
        assert listing["source"] == around and listing["ended-reason"] == "repaired"
        assert [event["event"] for event in history["events"]] == sorted(
            {event["event"] for event in history["events"]}, reverse=True)
        assert [event["verb"] for event in history["events"]] == ["delist", "add"]
    add(site, "198.51.100.9")
    assert [event["verb"] for event in site.json("history", "198.51.100.9")["events"]] == ["add", "delist", "add"]
    assert site.json("history", "198.51.101.9")["listings"] == []


def test_removal_names_the_list(site, keeper):
    add(site, "198.51.100.9")
    assert site.cli("delist", "198.51.100.9", "-n", "--reason", "x").stdout.endswith(
        "removed 198.51.100.9 from main/manual\n")
    assert site.cli("delist", "198.51.100.9", "--reason", "x").stdout == "removed 198.51.100.9 from main/manual\n"


def test_an_allowed_domain_says_what_it_matches(site, keeper):
    said = site.cli("allow", "good.test", "--reason", "partner").stdout
    assert "by their confirmed reverse DNS name, not by sender" in said
    assert "confirmed" not in site.cli("allow", "198.51.100.9", "--reason", "partner").stdout


def test_never_listed_sources_exit_77(site, keeper):
    own = site.cli("list", "add", "10.99.1.1", "--reason", "x", check=False)
    assert own.returncode == 77 and "10.99.1.1" in own.stderr
    assert site.cli("list", "ls").stdout == ""


def test_wide_networks_need_a_yes(site, keeper):
    refused = site.cli("list", "add", "198.0.0.0/12", "--list", "main", "--reason", "x", check=False)
    assert refused.returncode == 64 and "Repeat with --yes" in refused.stderr
    assert site.json("lookup", "198.2.3.4")["listed"] is False


def test_history_and_list_ls_as_json(site, keeper):
    add(site, "198.51.100.9", "--for", "1h")
    site.cli("delist", "198.51.100.9", "--reason", "repaired")
    history = site.json("history", "198.51.100.9")
    assert [event["verb"] for event in history["events"]] and history["source"] == "198.51.100.9"
    ended, = history["listings"]
    assert ended["ended-reason"] == "repaired"
    assert "repaired" in site.cli("history", "198.51.100.9").stdout
    assert site.cli("history", "203.0.113.1").stdout == "no listings, incidents or changes found for 203.0.113.1\n"
    add(site, "198.51.100.1", "198.51.100.2", "198.51.100.3")
    lines = site.cli("list", "ls", "main", "--json").stdout.splitlines()
    assert {json.loads(line)["source"] for line in lines} == {"198.51.100.1", "198.51.100.2", "198.51.100.3"}
    cut = site.cli("list", "ls", "--limit", "2")
    assert len(cut.stdout.splitlines()) == 3 and "there is more" in cut.stderr


def test_what_waits_for_review_is_counted_and_shown(site, keeper):
    add(site, "198.51.100.1", "198.51.100.2", "198.51.100.4")
    add(site, "198.51.100.3", "--for", "1000d")
    assert "to review" not in site.cli("status", check=False).stdout
    with contextlib.closing(sqlite3.connect(site.path("store", "stockade.db"))) as store, store:
        store.execute("UPDATE listing_group SET since_s = since_s - 91 * 86400")
    add(site, "198.51.100.2")  # the same again changes nothing
    site.cli("list", "add", "198.51.100.4", "--reason", "looked at again: still sends")
    assert site.json("status", check=False)["lists"][0]["review"] == 2
    assert "2 to review (stockade list ls main --review)" in site.cli("status", check=False).stdout
    waiting = site.cli("list", "ls", "--review", "--json").stdout.splitlines()
    assert {json.loads(line)["source"] for line in waiting} == {"198.51.100.1", "198.51.100.2"}


def test_history_says_when_there_is_more_than_it_shows(site, keeper):
    done = import_file(site, [f"198.51.100.{i}" for i in range(201)])
    assert site.json("history", "198.51.100.0/24")["more"] is False
    site.cli("undo", str(done["event"]), "--reason", "wrong file")
    history = site.json("history", "198.51.100.0/24")
    assert history["more"] is True and len(history["listings"]) == 200
    assert site.cli("history", "198.51.100.0/24").stderr == (
        "there is more than these 200 listings, 0 incidents and 2 changes\n")
    assert site.cli("history", "198.51.100.7").stderr == ""


def test_the_audit_trail_is_verified(site, keeper):
    assert site.json("history", "--verify") == {"holds": True, "from": None, "to": None, "hash": None, "bad": None}
    for number in range(3):
        add(site, f"198.51.100.{number}")
    seen = site.json("history", "--verify")
    assert (seen["holds"], seen["from"], seen["to"], seen["bad"]) == (True, 1, 3, None)
    assert site.cli("history", "--verify").stdout == f"the audit trail holds from event 1 to 3, hash {seen['hash']}\n"
    assert site.cli("history", "--verify", "198.51.100.1", check=False).returncode == 64
    with contextlib.closing(sqlite3.connect(site.path("store", "stockade.db"))) as store, store:
        assert store.execute("SELECT lower(hex(hash)) FROM event WHERE id = 3").fetchone() == (seen["hash"],)
        store.execute("UPDATE event SET reason = 'another' WHERE id = 2")
    bad = site.cli("history", "--verify", check=False)
    assert bad.returncode == 65 and bad.stdout == ""
    assert "event 2 was changed, or one before it was removed" in bad.stderr
    bad = site.json("history", "--verify", check=False)
    assert (bad["holds"], bad["to"], bad["bad"]) == (False, 1, 2)


def test_import_with_counts_comments_and_bad_lines(site, keeper):
    path = site.path("addresses.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write("# comment\n\n198.51.100.1\t5\n198.51.100.2 2 # two\n198.51.100.3\r\n203.0.113.0/28\t3\n")
    counted = site.json("list", "import", path, "--list", "main", "--min-count", "3", "--reason", "feed", "--for", "7d")
    assert counted["added"] == 2 and counted["below-min-count"] == 2 and counted["bad"] == 0
    assert site.json("lookup", "203.0.113.7", check=False)["listings"][0]["reason"] == "feed"
    assert site.json("lookup", "198.51.100.2")["listed"] is False
    site.cli("undo", str(counted["event"]), "--reason", "wrong feed")
    assert site.json("lookup", "203.0.113.7")["listed"] is False

    text = "198.51.100.1\nno address\nbad.example\n198.51.100.2 many\n"
    bad = site.cli("list", "import", "-", "--list", "main", "--reason", "feed", check=False, input=text)
    assert bad.returncode == 65
    assert [line.split(":")[:2] for line in bad.stderr.splitlines()[:3]] == [["-", "2"], ["-", "3"], ["-", "4"]]
    assert "3 bad lines in -; nothing changed" in bad.stderr
    assert site.cli("list", "ls").stdout == ""
    kept = site.cli("list", "import", "-", "--list", "main", "--reason", "feed", "--skip-bad", input=text)
    assert kept.stdout == "1 of 1 sources put on main; bad lines were skipped\n"


def test_an_import_of_several_parts_is_one_change(site, keeper):
    text = "".join(f"198.51.{i // 256}.{i % 256}\n" for i in range(12000))
    result = json.loads(
        site.cli("list", "import", "-", "--list", "main", "--reason", "feed", "--json", input=text).stdout)
    assert result["added"] == 12000
    assert site.json("status", check=False)["lists"][0]["listings"] == 12000
    assert len(site.cli("list", "ls", "main", "--json").stdout.splitlines()) == 12000
    site.cli("undo", str(result["event"]), "--reason", "wrong feed")
    assert site.json("status", check=False)["lists"][0]["listings"] == 0


def import_file(site, lines, *arguments, check=True):
    path = str(site.path("list.txt"))
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    os.chmod(path, 0o644)
    done = site.cli("list", "import", path, "--list", "main", "--reason", "weekly", "--json", *arguments, check=check)
    return json.loads(done.stdout.splitlines()[0]) if check else done


def ends(site):
    lines = site.cli("list", "ls", "main", "--json").stdout.splitlines()
    return {row["source"]: row["until"] for row in map(json.loads, lines)}


def test_what_lists_very_many_is_asked_about_however_it_comes(site, keeper):
    for source in ("11.0.0.0/8", "2a00::/24"):
        assert site.cli("list", "add", source, "--list", "main", "--reason", "slip", check=False).returncode == 64
        assert import_file(site, ["198.51.100.7", source], check=False).returncode == 64
    assert ends(site) == {}
    assert import_file(site, ["198.51.100.7", "11.0.0.0/8"], "--yes")["added"] == 2


def test_public_suffixes_are_never_listed_however_they_come(site, keeper, tmp_path):
    """Below com and co.uk anybody registers domains; whoever gives out names below his own answers for them."""
    for source in (".com", "co.uk", ".co.uk"):
        top = site.cli("list", "add", source, "--list", "names", "--reason", "slip", check=False)
        assert top.returncode == 77 and "public suffix" in top.stderr
    path = tmp_path / "names"
    path.write_text("bad.co.uk\n.co.uk\n.blogspot.com\n")
    done = site.cli("list", "import", path, "--list", "names", "--reason", "weekly", check=False)
    listed = [json.loads(line)["source"] for line in site.cli("list", "ls", "names", "--json").stdout.splitlines()]
    assert ".co.uk" not in listed and "public suffix" in done.stdout + done.stderr, done
    site.cli("list", "add", ".blogspot.com", "bad.co.uk", "--list", "names", "--reason", "phishing")


def test_the_same_file_again_only_moves_the_end_and_undo_moves_it_back(site, keeper):
    sources = [f"11.0.{i // 256}.{i % 256}" for i in range(700)]
    add(site, "11.0.0.5", "--list", "main")
    assert import_file(site, sources, "--for", "24h")["added"] == 700  # one is there for another reason
    assert import_file(site, sources, "--for", "24h")["added"] in (0, 700)  # the clock may have gone on
    first = ends(site)
    assert len(first) == 700 and len(set(first.values())) == 1
    longer = import_file(site, sources[:300] + ["11.0.9.9"], "--for", "72h")
    assert longer["added"] == 301
    later = ends(site)
    assert len(later) == 701
    assert all(later[source] > first[source] for source in sources[:300])
    assert all(later[source] == first[source] for source in sources[300:])
    site.cli("undo", str(longer["event"]), "--reason", "too long")
    assert ends(site) == first
    assert site.cli("history", "11.0.0.7").stdout.count("import") >= 2


def test_undo_asks_the_rules_of_today(site, keeper):
    add(site, "198.51.100.7", "198.51.100.8", "--list", "main")
    removed = site.json("list", "rm", "198.51.100.7", "198.51.100.8", "--list", "main", "--reason", "clean")["event"]
    site.conf["own"]["networks"] = [*site.conf["own"].get("networks", []), "198.51.100.8/32"]
    site.write()
    keeper.reload()
    done = site.cli("undo", str(removed), "--reason", "slip")
    assert "1 left out" in done.stdout and "198.51.100.8" in done.stdout
    assert list(ends(site)) == ["198.51.100.7"]


def test_status_says_who_is_missing(site, keeper):
    result = site.cli("status", check=False)
    assert result.returncode == 69
    assert "gate: not connected to the keeper" in result.stdout
    site.conf["run"]["roles"] = ["keeper"]
    site.write()
    well = site.json("status")
    assert well["well"] is True and well["roles"] == [
        {"role": "keeper", "connected": True, "serial": well["serial"], "counters": {}}]


def test_lookup_falls_back_to_the_newest_snapshot(site, keeper):
    text = "".join(f"198.51.{i // 256}.{i % 256}\n" for i in range(21000))  # too many for a delta
    site.cli("list", "import", "-", "--list", "main", "--reason", "feed", "--for", "1h", input=text)
    wait_for(lambda: [event for event in keeper.events("snapshot.written") if event["listings"] == "21000"],
             what="the snapshot")
    keeper.stop()
    result = site.cli("lookup", "198.51.50.9", check=False)
    assert result.returncode == 1
    assert "no keeper listens" in result.stderr and "manual.bl.example.test" in result.stdout
    found = site.json("lookup", "198.51.50.9", "--quiet", check=False)
    assert found["from"] == "snapshot" and found["listings"][0]["code"] == "127.0.0.8"
    assert site.cli("lookup", "203.0.113.1").returncode == 0


def test_lookup_reads_an_older_snapshot_when_the_newest_is_damaged(site, keeper):
    site.cli("list", "import", "-", "--list", "main", "--reason", "feed", input="198.51.100.9\n")
    wait_for(lambda: [event for event in keeper.events("snapshot.written") if event["listings"] == "1"], what="the snapshot")
    keeper.kill()
    newest = max(int(name[5:-5]) for name in os.listdir(site.path("lists")) if name.endswith(".snap"))
    with open(site.path("lists", f"list-{newest + 1}.snap"), "wb") as file:
        file.write(b"not a snapshot")
    found = site.json("lookup", "198.51.100.9", check=False)
    assert found["from"] == "snapshot" and found["serial"] == newest


def test_an_export_writes_through_no_link(site, keeper):
    add(site, "198.51.100.9", "--list", "main")
    target, path = site.path("precious"), site.path("list.txt")
    with open(target, "w", encoding="ascii") as file:
        file.write("mine\n")
    for link in (path, path + ".part"):
        os.symlink(target, link)
        refused = site.cli("list", "export", "main", path, check=False)
        assert refused.returncode == 65 and os.path.basename(link) in refused.stderr
        os.unlink(link)
    with open(target, encoding="ascii") as file:
        assert file.read() == "mine\n"
    # A file of before keeps its mode.
    site.cli("list", "export", "main", path)
    os.chmod(path, 0o640)
    with open(path + ".part", "w", encoding="ascii") as file:  # of one that was killed
        file.write("half")
    site.cli("list", "export", "main", path)
    assert os.stat(path).st_mode & 0o777 == 0o640 and not os.path.exists(path + ".part")
