# SPDX-License-Identifier: ISC
"""Lists of other operators, taken over by zone transfer from real primaries (Knot, BIND) and from one that fails on purpose."""
import glob
import os

import dns.message
import dns.query
import pytest

from harness.primary import KEY_NAME, OTHER_SECRET, SECRET, ZONE, FakePrimary, Primary
from harness.site import NOBODY
from harness.smtp import deliver
from harness.waiting import wait_for

ROLES_GROUP = 61184  # src/process/folders.c
LISTED = {f"{i}.100.51.198": "127.0.0.2" for i in range(1, 101)}


@pytest.fixture
def make_primary():
    """Makes primaries, which are stopped at the end."""
    made = []

    def make(kind, *arguments, **options):
        primary = FakePrimary(*arguments) if kind == "fake" else Primary(kind, *arguments, **options)
        made.append(primary)
        return primary

    yield make
    for primary in made:
        primary.close()


def configure(site, primary, key=True, **options):
    """One feed, asked every second, into sublists of its own."""
    site.conf["run"]["roles"] = ["keeper", "dns", "courier"]
    site.conf["policies"]["partner"] = {
        "criterion": {"version": 1, "text": "On the list of our partner."}, "takes": ["feed"], "lasts": "until-review"}
    site.conf["lists"]["main"]["sublists"].update({
        "partner": {"code": "127.0.0.2", "policy": "partner"}, "bots": {"code": "127.0.0.3", "policy": "partner"}})
    feed = {"name": "partner", "from": f"axfr://127.0.0.1:{primary.port}/{ZONE}", "into": "main", "every": "1s", **options}
    if key:
        secret = site.path("etc", "partner.key")
        with open(secret, "w", encoding="ascii") as file:
            file.write(SECRET + "\n")
        os.chmod(secret, 0o640)
        if os.geteuid() == 0:
            os.chown(secret, NOBODY if site.unprivileged else 0, ROLES_GROUP)
        site.conf["dns"]["keys"] = {KEY_NAME: {"file": secret}}
        feed["key"] = KEY_NAME
    site.conf["feeds"] = [feed]


@pytest.fixture
def make_served(make_site, make_primary):
    """A site that has taken over a primary's list: (site, primary, the process of `stockade run`)."""
    def make(kind, entries, key=None, **options):
        site = make_site()
        primary = make_primary(kind, entries)
        configure(site, primary, kind != "fake" if key is None else key, **options)
        run = site.run()
        return site, primary, run
    return make


def feed(site):
    return site.json("feed", "list")["feeds"][0]


def wait_for_serial(site, serial):
    """Until the feed is in the store with this serial, and what it became is served."""
    def is_served():
        status = site.json("status", check=False)
        return any(role["role"] == "dns" and role["connected"] and role["serial"] == status["serial"] for role in status["roles"])
    row = wait_for(lambda: feed(site) if feed(site)["serial"] == serial and feed(site)["state"] == "taken" else None,
                   40, lambda: f"serial {serial}: {feed(site)}")
    wait_for(is_served, what="our zones to follow")
    return row


def wait_for_error(site, words):
    return wait_for(lambda: feed(site) if words in (feed(site)["error"] or "") else None, 40, lambda: f"{words}: {feed(site)}")


def addresses(site, name):
    """What our own zone answers for a name of theirs."""
    query = dns.message.make_query(f"{name}.bl.example.test", "A")
    answer = dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=5)
    return {record.address for rrset in answer.answer for record in rrset}


def text(site, name):
    query = dns.message.make_query(f"{name}.bl.example.test", "TXT")
    answer = dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=5)
    return " ".join(part.decode() for rrset in answer.answer for record in rrset for part in record.strings)


@pytest.mark.parametrize("kind", ["knot", "bind"])
def test_a_zone_is_taken_over_and_followed(make_served, kind):
    site, primary, run = make_served(kind, {**LISTED, "7.2.0.203": ("127.0.0.3", "a bot")})
    wait_for_serial(site, 1)
    assert run.wait_for_event("feed.taken")[0]["by"] == "axfr"
    wait_for(lambda: addresses(site, "9.100.51.198") == {"127.0.0.2"})
    assert addresses(site, "7.2.0.203") == {"127.0.0.3"}
    assert "a bot" in text(site, "7.2.0.203")
    assert "on " + ZONE in text(site, "9.100.51.198")
    assert addresses(site, "200.100.51.198") == set()

    after = {**LISTED, "200.100.51.198": "127.0.0.3"}
    del after["9.100.51.198"]
    primary.change(after)
    wait_for_serial(site, 2)
    assert run.events("feed.taken")[-1]["by"] == "ixfr"
    wait_for(lambda: addresses(site, "200.100.51.198") == {"127.0.0.3"})
    assert addresses(site, "9.100.51.198") == set()
    assert addresses(site, "7.2.0.203") == set()
    assert feed(site)["entries"] == 100
    assert feed(site)["error"] is None
    events = [event for event in run.events("list.change") if event["verb"] == "feed"]
    assert [event["author"] for event in events] == ["feed:partner"] * 2
    assert site.cli("status").returncode == 0


def test_the_gate_refuses_what_a_feed_lists(make_site, make_primary, nameserver, sink):
    site = make_site()
    nameserver.host("bulk.spam.test", "198.51.100.9")
    configure(site, make_primary("knot", LISTED))
    site.conf["run"]["roles"] = ["keeper", "dns", "gate", "courier"]
    site.run()
    wait_for_serial(site, 1)
    wait_for(lambda: deliver(site.ports["gate"], "198.51.100.9").code == 554)
    assert sink.messages == []


def test_wildcards_answer_as_in_the_zone(make_served):
    """What our zone answers is what the primary answers, for each kind of name."""
    v6 = ".".join(reversed("20010db8000000010000000000000001"))
    zone = {"*.2.0.203": "127.0.0.2", "9.2.0.203": "127.0.0.3", "8.2.0.203": ["127.0.0.2", "127.0.0.3"],
            "*.30.4": "127.0.0.2", "7.6.30.4": "127.0.0.3", "*.8.30.4": "127.0.0.2", "7.8.30.4": "127.0.0.3",
            v6: "127.0.0.2", "*." + v6[32:]: "127.0.0.3"}
    site, primary, _ = make_served("knot", zone)
    wait_for_serial(site, 1)
    wait_for(lambda: addresses(site, "9.2.0.203"))
    names = [f"{d}.{c}.0.203" for c in (1, 2) for d in (0, 7, 8, 9, 255)]
    names += [f"{d}.{c}.30.4" for c in (5, 6, 7, 8) for d in (6, 7, 8)]
    names += [v6, "2" + v6[1:], v6[:28] + "f" + v6[29:], v6[:30] + "f" + v6[31:], v6[:40] + "f" + v6[41:]]
    for name in names:
        assert addresses(site, name) == primary.addresses(f"{name}.{ZONE}"), name


def test_a_restart_costs_a_difference_and_a_damaged_file_a_transfer(make_served):
    site, primary, run = make_served("knot", LISTED)
    wait_for_serial(site, 1)
    run.stop()
    primary.change({**LISTED, "200.100.51.198": "127.0.0.2"})
    run = site.run()
    wait_for_serial(site, 2)
    assert run.events("feed.taken")[0]["by"] == "ixfr"
    run.stop()
    [path] = glob.glob(site.path("state", "courier", "*.zone"))
    with open(path, "r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"\x00\x01\x02")
    primary.change(LISTED)
    run = site.run()
    wait_for_serial(site, 3)
    assert run.events("feed.file")
    assert run.events("feed.taken")[0]["by"] == "axfr"
    assert feed(site)["entries"] == 100


def test_too_large_a_change_waits_for_an_operator(make_served):
    site, primary, _ = make_served("knot", LISTED)
    wait_for_serial(site, 1)
    primary.change(dict(list(LISTED.items())[:40]))
    wait_for_error(site, "30% of its 100 entries")
    assert feed(site)["state"] == "refused"
    assert feed(site)["serial"] == 1
    assert addresses(site, "90.100.51.198") == {"127.0.0.2"}
    assert site.cli("status", check=False).returncode == 69
    site.cli("feed", "accept", "partner", "--reason", "they told us")
    wait_for_serial(site, 2)
    wait_for(lambda: addresses(site, "90.100.51.198") == set())
    assert feed(site)["entries"] == 40
    primary.change(dict(list(LISTED.items())[:5]))
    wait_for_error(site, "30% of its 40 entries")  # it was accepted once


@pytest.mark.parametrize("kind", ["knot", "bind"])
def test_a_wrong_key_changes_nothing(make_served, kind):
    site, primary, _ = make_served(kind, LISTED)
    wait_for_serial(site, 1)
    primary.set_secret(OTHER_SECRET)
    primary.change({})
    wait_for_error(site, "BADSIG")
    assert addresses(site, "9.100.51.198") == {"127.0.0.2"}
    primary.set_secret(SECRET)
    wait_for(lambda: "30%" in (feed(site)["error"] or ""), 40)  # heard again: now it is the guard that says no
    assert addresses(site, "9.100.51.198") == {"127.0.0.2"}


def test_an_unsigned_server_is_not_believed(make_site, make_primary):
    site = make_site()
    primary = make_primary("fake", ["9.100.51.198 A 127.0.0.2"])
    configure(site, primary)
    site.run()
    wait_for_error(site, "is not signed by the key")
    assert primary.transfers == []
    assert addresses(site, "9.100.51.198") == set()


def test_a_primary_that_dies_in_a_transfer_changes_nothing(make_served):
    records = [f"{owner} A {code}" for owner, code in LISTED.items()]
    site, primary, _ = make_served("fake", records)
    wait_for_serial(site, 1)
    primary.cut = 1
    primary.records = records[:90]
    primary.serial = 2
    wait_for_error(site, "closed the connection before the end")
    assert addresses(site, "99.100.51.198") == {"127.0.0.2"}
    assert "ixfr" in primary.transfers
    primary.cut = None
    wait_for_serial(site, 2)
    wait_for(lambda: addresses(site, "99.100.51.198") == set())


def test_a_zone_above_its_limit_changes_nothing(make_served):
    """CVE-2016-6171: a primary that sends without end."""
    records = [f"{owner} A {code}" for owner, code in LISTED.items()]
    site, primary, run = make_served("fake", records, limit=150)
    wait_for_serial(site, 1)
    primary.records = [f"{d}.{c}.51.198 A 127.0.0.2" for c in range(256) for d in range(200)]
    primary.per_message = 1000
    primary.serial = 2
    wait_for_error(site, "larger than its limit of 150 entries")
    assert addresses(site, "99.100.51.198") == {"127.0.0.2"}
    assert feed(site)["entries"] == 100
    primary.records = records[:99]
    wait_for_serial(site, 2)
    assert run.is_running()


def test_without_ixfr_all_of_it_is_transferred(make_served):
    records = [f"{owner} A {code}" for owner, code in LISTED.items()]
    site, primary, run = make_served("fake", records)
    wait_for_serial(site, 1)
    primary.refuse_ixfr = 4  # NOTIMP
    primary.records = records[:99]
    primary.serial = 2
    wait_for_serial(site, 2)
    assert primary.transfers == ["axfr", "ixfr", "axfr"]
    assert run.events("feed.taken")[-1]["by"] == "axfr"
    assert feed(site)["entries"] == 99


def test_answers_that_are_no_listings_list_nobody(make_served):
    site, _, run = make_served("fake", ["1.100.51.198 A 127.0.0.2", "2.100.51.198 A 192.0.2.1", "3.100.51.198 A 127.255.255.254",
                                        "4.100.51.198 A 127.0.0.1", "5.100.51.198 A 127.0.0.99", "www A 127.0.0.2",
                                        "* A 127.0.0.2", "1.2.99.10 A 127.0.0.2", "1.0.0.10 A 127.0.0.2"])
    wait_for_serial(site, 1)
    taken = run.wait_for_event("feed.taken")[0]
    assert (taken["outside"], taken["refusals"], taken["unaccepted"], taken["no-source"]) == ("1", "2", "1", "2")
    assert "2 left out" in taken["what"]  # our own network, and one for special use
    assert feed(site)["entries"] == 1
    assert addresses(site, "1.100.51.198") == {"127.0.0.2"}
    for d in range(2, 6):
        assert addresses(site, f"{d}.100.51.198") == set()


def test_entries_may_be_cnames(make_served):
    records = [f"{d}.100.51.198 CNAME listed.{ZONE}." for d in range(1, 30)] + ["listed A 127.0.0.2", "listed TXT spam-run"]
    site, primary, run = make_served("fake", records + ["40.100.51.198 CNAME elsewhere.example."])
    wait_for_serial(site, 1)
    assert run.wait_for_event("feed.taken")[0]["aliases"] == "1"
    assert feed(site)["entries"] == 29
    assert addresses(site, "9.100.51.198") == {"127.0.0.2"}
    assert addresses(site, "40.100.51.198") == set()
    primary.records = [*records[1:], "50.100.51.198 CNAME 9.100.51.198." + ZONE + "."]
    primary.serial = 2
    wait_for_serial(site, 2)
    assert addresses(site, "1.100.51.198") == set()
    assert addresses(site, "50.100.51.198") == {"127.0.0.2"}


def test_purge_ends_everything_and_operators_entries_stay(make_served):
    site, primary, _ = make_served("knot", LISTED)
    wait_for_serial(site, 1)
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--sublist", "manual", "--reason", "seen here")
    assert addresses(site, "9.100.51.198") == {"127.0.0.2", "127.0.0.8"}
    refused = site.cli("list", "add", "198.51.100.77", "--list", "main", "--sublist", "partner", "--reason", "x", check=False)
    assert refused.returncode == 77, refused.stderr
    site.cli("feed", "purge", "partner", "--reason", "we disagree")
    wait_for(lambda: addresses(site, "9.100.51.198") == {"127.0.0.8"})
    primary.change({**LISTED, "200.100.51.198": "127.0.0.2"})
    wait_for(lambda: feed(site)["state"] == "purged" and "purged by" in feed(site)["error"])
    assert feed(site)["entries"] == 0
    assert site.cli("status").returncode == 0
    site.cli("feed", "accept", "partner", "--reason", "we agree again")
    assert "purged" not in (feed(site)["error"] or "")
    wait_for_serial(site, 2)
    wait_for(lambda: addresses(site, "200.100.51.198") == {"127.0.0.2"})
    assert feed(site)["entries"] == 101


def test_a_silent_server_is_believed_until_its_soa_expires(make_site, make_primary, tmp_path):
    from harness.clock import Clock
    site = make_site()
    site.use_clock(Clock(site.path("clock")))
    primary = make_primary("fake", ["9.100.51.198 A 127.0.0.2"])
    primary.expire = 7200
    configure(site, primary, key=False)
    run = site.run()
    wait_for_serial(site, 1)
    primary.silent = True
    site.clock.advance(3600)
    wait_for_error(site, "the server")
    assert addresses(site, "9.100.51.198") == {"127.0.0.2"}
    site.clock.advance(3600)
    run.wait_for_event("feed.expired")
    wait_for(lambda: addresses(site, "9.100.51.198") == set())
    assert feed(site)["entries"] == 0
    primary.silent = False
    wait_for_serial(site, 1)
    wait_for(lambda: addresses(site, "9.100.51.198") == {"127.0.0.2"})


def test_what_was_purged_stays_so_when_its_server_goes_silent(make_site, make_primary):
    from harness.clock import Clock
    site = make_site()
    site.use_clock(Clock(site.path("clock")))
    primary = make_primary("fake", ["9.100.51.198 A 127.0.0.2"])
    primary.expire = 7200
    configure(site, primary, key=False)
    run = site.run()
    wait_for_serial(site, 1)
    site.cli("feed", "purge", "partner", "--reason", "we disagree")
    primary.silent = True
    site.clock.advance(3600)
    wait_for(lambda: run.events("feed.failed"), 40)
    site.clock.advance(3600)
    run.wait_for_event("feed.expired")
    primary.silent = False
    wait_for(lambda: len(primary.transfers) == 2, 40)
    wait_for(lambda: feed(site)["state"] == "purged" and "purged by" in feed(site)["error"], 40, lambda: feed(site))
    assert addresses(site, "9.100.51.198") == set()
    site.cli("feed", "accept", "partner", "--reason", "we agree again")
    wait_for_serial(site, 1)
    wait_for(lambda: addresses(site, "9.100.51.198") == {"127.0.0.2"})


def test_a_serial_that_goes_back_changes_nothing(make_served):
    """RFC 1982: the zone of a primary that was restored from a backup is older, whatever is in it."""
    records = [f"{owner} A {code}" for owner, code in LISTED.items()]
    site, primary, _ = make_served("fake", records)
    primary.serial = 5
    wait_for_serial(site, 5)
    primary.records = records[:90]
    transfers = len(primary.transfers)
    primary.serial = 4
    wait_for_error(site, "serial 4 is older than 5")
    assert len(primary.transfers) == transfers
    assert feed(site)["serial"] == 5
    assert addresses(site, "99.100.51.198") == {"127.0.0.2"}
    primary.serial = 6
    wait_for_serial(site, 6)
    wait_for(lambda: addresses(site, "99.100.51.198") == set())


def names(site, name):
    """What our zone of domains answers."""
    query = dns.message.make_query(f"{name}.dbl.example.test", "A")
    answer = dns.query.udp(query, "127.0.0.1", port=site.ports["dns"], timeout=5)
    return {record.address for rrset in answer.answer for record in rrset}


def test_a_list_of_domains_is_taken_over(make_site, make_primary):
    """A wildcard speaks for what is below it, a name that exists hides it (RFC 4592)."""
    site = make_site()
    zone = {"bad.example": "127.0.1.4", "*.bad.example": "127.0.1.4", "*.wild.example": "127.0.1.4",
            "shop.wild.example": ("127.0.1.5", "a phisher"), "only.example": "127.0.1.4"}
    primary = make_primary("knot", zone)
    configure(site, primary, into="names", codes={"127.0.1.4": "partner", "127.0.1.5": "phish"})
    site.conf["lists"]["names"]["sublists"].update({
        "partner": {"code": "127.0.1.4", "policy": "partner"}, "phish": {"code": "127.0.1.5", "policy": "partner"}})
    site.run()
    wait_for_serial(site, 1)
    asked = ["bad.example", "www.bad.example", "wild.example", "x.wild.example", "x.y.wild.example", "shop.wild.example",
             "a.shop.wild.example", "only.example", "www.only.example", "good.example"]
    wait_for(lambda: names(site, "bad.example"))
    for name in asked:
        assert names(site, name) == primary.addresses(f"{name}.{ZONE}"), name
    del zone["bad.example"], zone["shop.wild.example"]
    primary.change({**zone, "new.example": "127.0.1.5"})
    wait_for_serial(site, 2)
    wait_for(lambda: names(site, "new.example") == {"127.0.1.5"})
    for name in [*asked, "new.example", "www.new.example"]:
        assert names(site, name) == primary.addresses(f"{name}.{ZONE}"), name


def test_the_keeper_may_be_away(make_served):
    site, primary, run = make_served("knot", LISTED)
    wait_for_serial(site, 1)
    os.kill(site.role_pids()["keeper"], 9)
    primary.change({**LISTED, "200.100.51.198": "127.0.0.2"})
    run.wait_for_event("role.started", count=4)
    wait_for_serial(site, 2)
    wait_for(lambda: addresses(site, "200.100.51.198") == {"127.0.0.2"})


def test_other_codes_mean_other_entries(make_served):
    site, _, run = make_served("knot", {**LISTED, "7.2.0.203": "127.0.0.5"})
    wait_for_serial(site, 1)
    assert addresses(site, "7.2.0.203") == set()
    site.conf["feeds"][0]["codes"] = {"127.0.0.5": "partner"}
    site.write()
    run.reload()
    wait_for(lambda: addresses(site, "7.2.0.203") == {"127.0.0.2"}, 40)
    wait_for(lambda: addresses(site, "9.100.51.198") == set())
    assert feed(site)["entries"] == 1
