# SPDX-License-Identifier: ISC
"""The end of a list (RFC 6471 section 3.4): announced, emptied, taken back; it never answers for everything."""
import dns.rcode
import dns.rdatatype
import pytest

from harness.secondary import Knot, axfr, serial_of
from harness.waiting import wait_for
from test_dns import Dns, reverse

ZONE, NAMES, ALL = "bl.example.test", "dbl.example.test", "all.example.test"
DAY = 86400


@pytest.fixture
def served(site):
    site.conf["lists"]["bots"] = {"zone": "bots.example.test", "sublists": {"hosts": {"code": "127.0.0.4", "policy": "by-hand"}}}
    site.conf["zones"] = {ALL: {"lists": ["main", "bots"]}}
    site.keeper = site.start("keeper")
    site.server = site.start("dns")
    site.dns = Dns(site.ports["dns"])
    site.cli("list", "add", "198.51.100.9", "203.0.113.0/24", "--list", "main", "--reason", "spam")
    site.cli("list", "add", "198.51.100.9", "--list", "bots", "--reason", "a bot")
    site.cli("list", "add", "bad.example", "--list", "names", "--reason", "phish")
    return site


def notes(site, zone):
    return dict(note.strip('"').split("=", 1) for note in site.dns.answers(zone, "TXT"))


def retire(site, *arguments, check=True):
    return site.cli("list", "retire", "main", "--reason", "we close", "--yes", *arguments, check=check)


def is_silent(site, zone=ZONE):
    """Nothing is listed: no address, no test entry, no sublist, for no type."""
    names = [reverse("198.51.100.9", zone), reverse("203.0.113.7", zone), reverse("127.0.0.2", zone),
             reverse("127.0.0.8", zone), reverse("::ffff:7f00:2", zone), reverse("127.0.0.2", "manual." + zone),
             f"113.0.203.{zone}", f"manual.{zone}", reverse("8.8.8.8", zone)]
    return all(site.dns.ask(name, kind).rcode() == dns.rcode.NXDOMAIN for name in names for kind in ("A", "TXT"))


def test_no_step_is_skipped_silently(served):
    assert "was not announced" in retire(served, "--empty", check=False).stderr
    assert "month" in retire(served, "--notice", "7d", check=False).stderr
    assert "no end of 'main' was announced" in retire(served, "--undo", check=False).stderr
    assert "there is no list 'mian'" in served.cli("list", "retire", "mian", "--reason", "x", check=False).stderr
    assert "is not published" in served.cli("list", "retire", "allow", "--reason", "x", check=False).stderr
    assert "say why" in served.cli("list", "retire", "main", check=False).stderr
    assert "ends" not in notes(served, ZONE)
    retire(served, "--notice", "45d")
    assert "announced to end" in retire(served, check=False).stderr
    assert "still to come" in retire(served, "--empty", check=False).stderr
    assert served.dns.answers(reverse("198.51.100.9")) == ["127.0.0.8"]


def test_an_announced_list_says_so_and_takes_nothing_new(served):
    retire(served)
    assert notes(served, ZONE)["ends"].startswith("main 20") and notes(served, ZONE)["ends"].endswith(" we close")
    assert notes(served, ALL)["ends"] == notes(served, ZONE)["ends"]
    assert "ends" not in notes(served, NAMES)
    refused = served.cli("list", "add", "192.0.2.77", "--list", "main", "--reason", "more", check=False)
    assert refused.returncode != 0 and "takes nothing new" in refused.stderr
    served.cli("list", "add", "192.0.2.77", "--list", "bots", "--reason", "more")
    assert served.dns.answers(reverse("198.51.100.9")) == ["127.0.0.8"]
    assert served.dns.answers(reverse("127.0.0.2")) == ["127.0.0.8"]
    retire(served, "--undo")
    assert "ends" not in notes(served, ZONE)
    served.cli("list", "add", "192.0.2.77", "--list", "main", "--reason", "more")


def test_undo_of_a_removal_lists_nothing_on_a_list_that_is_announced(served):
    removed = served.json("list", "rm", "198.51.100.9", "--list", "main", "--reason", "clean")["event"]
    retire(served, "--notice", "60d")
    refused = served.cli("undo", str(removed), "--reason", "slip", check=False)
    assert refused.returncode == 77 and "going to end" in refused.stderr
    assert served.dns.answers(reverse("198.51.100.9", ZONE), "A") == []


def test_an_emptied_list_answers_for_nothing(served):
    retire(served)
    said = retire(served, "--empty", "--skip-notice")
    assert "2 listings ended" in said.stdout and "TEST-NET" in said.stderr
    assert is_silent(served)
    assert notes(served, ZONE)["ended"].startswith("main")

    # Long times to live, so that the load goes away.
    soa = served.dns.ask(ZONE, "SOA").answer[0]
    assert soa.ttl == 7 * DAY and soa[0].minimum == DAY
    assert served.dns.ask(ZONE, "NS").answer[0].ttl == 7 * DAY
    assert served.dns.ask(reverse("198.51.100.9")).authority[0].ttl == DAY

    # Others go on, in a zone of several lists as well.
    assert served.dns.answers(reverse("198.51.100.9", ALL)) == ["127.0.0.4"]
    assert served.dns.answers(reverse("127.0.0.2", ALL)) == ["127.0.0.4"]
    assert is_silent(served, "main." + ALL)
    assert served.dns.answers(f"bad.example.{NAMES}") == ["127.0.1.2"]

    # Also after a restart, and while the keeper is away.
    assert served.server.stop() == 0 and served.keeper.stop() == 0
    served.server = served.start("dns")
    assert is_silent(served)
    served.keeper = served.start("keeper")
    wait_for(lambda: is_silent(served), what="the same from a new snapshot")

    retire(served, "--undo")
    wait_for(lambda: served.dns.answers(reverse("203.0.113.7")) == ["127.0.0.8"], what="the listings again")
    assert served.dns.answers(reverse("127.0.0.2")) == ["127.0.0.8"]
    assert "ends" in notes(served, ZONE) and "ended" not in notes(served, ZONE)


def test_after_the_notice_it_can_be_emptied(site, clock):
    site.start("keeper")
    site.start("dns")
    site.dns = Dns(site.ports["dns"])
    site.cli("list", "add", "198.51.100.9", "203.0.113.0/24", "--list", "main", "--reason", "spam")
    retire(site, "--notice", "30d")
    clock.advance(31 * DAY)
    retire(site, "--empty")
    wait_for(lambda: is_silent(site), what="nothing to be listed")
    events = site.json("history", "main.retired")
    assert {"retire", "empty"} <= {event["verb"] for event in events["events"]}


def test_secondaries_follow_to_the_end(site):
    """The announcement by IXFR; the emptied zone, whose every record has another time to live, as a whole."""
    primary = site.ports["dns"]
    secondary = Knot(primary, [ZONE, ALL])
    site.conf["lists"]["bots"] = {"zone": "bots.example.test", "sublists": {"hosts": {"code": "127.0.0.4", "policy": "by-hand"}}}
    site.conf["zones"] = {ALL: {"lists": ["main", "bots"]}}
    site.conf["run"]["roles"] = ["keeper", "dns"]
    site.conf["dns"]["rate-limit"] = {"listed": 0, "not-listed": 0, "errors": 0}
    site.conf["dns"]["transfer-to"] = [{"address": f"127.0.0.1:{secondary.port}"}]
    site.run()
    wait_for(lambda: serial_of(primary, ZONE), what="the zone to be served")
    site.cli("list", "add", "198.51.100.9", "203.0.113.0/24", "--list", "main", "--reason", "spam")
    try:
        secondary.start()
        secondary.wait_for_serial(ZONE, serial_of(primary, ZONE))
        site.dns = Dns(secondary.port)
        assert site.dns.answers(reverse("127.0.0.2")) == ["127.0.0.8"] and "ends" not in notes(site, ZONE)
        for step in ([], ["--empty", "--skip-notice"], ["--undo"]):
            retire(site, *step)
            secondary.wait_for_serial(ZONE, serial_of(primary, ZONE))
            assert axfr(secondary.port, ZONE) == axfr(primary, ZONE)
            secondary.wait_for_serial(ALL, serial_of(primary, ALL))
            assert axfr(secondary.port, ALL) == axfr(primary, ALL)
            assert is_silent(site) == ("--empty" in step)
            if not step:
                assert secondary.count("ixfr", ZONE) == 1 and "ends" in notes(site, ZONE)
    finally:
        secondary.close()
