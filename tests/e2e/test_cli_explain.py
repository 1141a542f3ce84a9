# SPDX-License-Identifier: ISC
"""`stockade explain`: the gate's decision with the line that made it."""
import json

import pytest

from harness.smtp import deliver
from harness.waiting import wait_for


def explain(site, *arguments):
    return site.json("explain", *arguments)


def line_of(site, text):
    with open(site.conf_path, encoding="ascii") as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


@pytest.fixture
def keeper(site):
    site.conf["checks"] = {"no-ptr": "reject", "sender-domain": "off", "early": {"wait": "0s"}}
    return site.start("keeper")


def decided(found):
    return [check for check in found["checks"] if check["decided"]]


def test_a_good_server_is_let_in(site, keeper):
    found = explain(site, "192.0.2.10", "--helo", "mail.good.test", "--from", "a@good.test",
                    "--rcpt", "joe@example.test")
    assert found["would"] == "pass" and found["reply"] == "" and decided(found) == []
    shown = site.cli("explain", "192.0.2.10", "--helo", "mail.good.test")
    assert "Verdict  let in\n" in shown.stdout


def test_a_missing_ptr_names_the_line_that_refuses(site, keeper):
    found = explain(site, "192.0.2.66", "--helo", "mail.good.test", "--rcpt", "joe@example.test")
    check, = decided(found)
    assert found["would"] == "refuse" and check["check"] == "no-ptr"
    assert check["line"] == line_of(site, '"no-ptr"') and check["file"] == site.conf_path
    assert found["reply"].startswith("550 5.7.25 Client host rejected: fix reverse DNS for 192.0.2.66, ")
    shown = site.cli("explain", "192.0.2.66", "--helo", "mail.good.test").stdout
    assert f"stockade.yaml:{check['line']}, decided" in shown
    assert "Verdict  550 5.7.25 Client host rejected: fix reverse DNS for 192.0.2.66, " in shown
    assert "stockade allow 192.0.2.66" in shown


def test_our_lists_are_those_of_this_moment(site, keeper):
    site.cli("list", "add", "192.0.2.0/28", "--list", "main", "--reason", "spam run")
    found = explain(site, "192.0.2.10", "--helo", "mail.good.test")
    assert [check["check"] for check in decided(found)] == ["own-list"]
    assert "spam run" in found["reply"]
    site.cli("list", "add", "192.0.2.10", "--list", "main", "--except", "--reason", "good one")
    assert explain(site, "192.0.2.10", "--helo", "mail.good.test")["would"] == "pass"
    site.cli("undo", "2", "--reason", "not so good")
    site.cli("allow", "mail.good.test", "--reason", "partner")  # by its confirmed name
    assert explain(site, "192.0.2.10", "--helo", "mail.good.test")["would"] == "pass"


def test_what_helps_is_a_command_that_works(site, keeper):
    site.cli("list", "add", "192.0.2.0/28", "--list", "main", "--reason", "spam run")
    change = explain(site, "192.0.2.10", "--helo", "mail.good.test")["change"]
    assert "listed by 192.0.2.0/28" in change and "delist" not in change
    command = change.split("stockade ", 1)[1].split(' --reason "..."', 1)[0].split()
    site.cli(*command, "--reason", "a neighbour")
    assert explain(site, "192.0.2.10", "--helo", "mail.good.test")["would"] == "pass"
    site.cli("list", "add", "192.0.2.10", "--list", "main", "--reason", "itself")
    assert explain(site, "192.0.2.10", "--helo", "mail.good.test")["change"].startswith("stockade delist 192.0.2.10 ")
    site.cli("list", "add", ".bad.example", "--reason", "phishing")
    change = explain(site, "192.0.2.11", "--from", "x@www.bad.example", "--helo", "mail.good.test")["change"]
    site.cli("delist", "192.0.2.0/28", "192.0.2.10", "--reason", "only the domain is left")
    change = explain(site, "192.0.2.10", "--from", "x@www.bad.example", "--helo", "mail.good.test")["change"]
    assert "stockade list add www.bad.example --list names --sublist manual --except" in change


def test_what_only_a_connection_could_tell_is_left_open(site, keeper):
    checks = {check["check"]: check for check in explain(site, "192.0.2.10")["checks"]}
    assert checks["early"]["outcome"] == "skipped" and "only when it connects" in checks["early"]["found"]
    assert checks["helo-ours"]["found"] == checks["helo-bad"]["found"] == "not given"


def test_a_listed_sender_domain(site, keeper):
    site.cli("list", "add", "bad.example", "--reason", "phishing")
    found = explain(site, "192.0.2.10", "--helo", "mail.good.test", "--from", "x@bad.example")
    assert [check["check"] for check in decided(found)] == ["domain-list"]


def test_spf_names_the_term_that_decides(site, keeper, nameserver):
    site.conf["checks"]["spf-fail"] = "reject"
    site.write()
    nameserver.add("good.test", "TXT", '"v=spf1 include:far.test -all"')
    nameserver.add("far.test", "TXT", '"v=spf1 mx:far.test ~all"')
    nameserver.mx("far.test", "mail.far.test")
    nameserver.a("mail.far.test", "192.0.2.11")

    def seen():
        found = explain(site, "192.0.2.10", "--helo", "mail.good.test", "--from", "a@good.test", "--rcpt", "joe@example.test")
        check, = (check for check in found["checks"] if check["check"] == "spf-fail")
        return check["outcome"], check["found"], found["reply"][:10]
    assert seen() == ("fail", 'fail by "-all" of good.test', "550 5.7.23")
    nameserver.a("mail.far.test", "192.0.2.10")
    assert seen() == ("pass", 'pass by "include:far.test" of good.test', "")
    nameserver.remove("far.test", "TXT")
    nameserver.add("far.test", "TXT", '"v=spf1 ' + " ".join(f"a:mail.far.test/3{i % 2}" for i in range(11)) + ' -all"')
    nameserver.remove("mail.far.test")
    nameserver.a("mail.far.test", "198.51.100.1")
    outcome, found, _ = seen()
    assert outcome == "pass" and found.startswith('permerror at "a:mail.far.test/31" of far.test: the 11th question')
    nameserver.fail("good.test")
    outcome, found, _ = seen()
    assert (outcome, found) == ("unknown", "could not be looked up (DNS error)")


def test_observe_lets_through_and_says_so(site, keeper):
    site.conf["mode"] = "observe"
    site.write()
    found = explain(site, "192.0.2.66", "--helo", "mail.good.test")
    assert found["would"] == "refuse" and found["verdict"] == "pass"
    assert "Mode is observe: let through and recorded\n" in site.cli("explain", "192.0.2.66").stdout


def test_without_keeper_it_says_what_is_missing(site):
    site.write()
    result = site.cli("explain", "192.0.2.10", "--helo", "mail.good.test", "--json")
    assert json.loads(result.stdout)["would"] == "pass"
    assert "no keeper listens" in result.stderr and "our lists are unknown" in result.stderr


def test_what_a_name_decides_is_not_known_when_dns_does_not_tell_it(site, keeper, nameserver):
    """Whoever is allowed by name may be this client, so nobody said "no"; without such a name it is "no"."""
    def seen():
        found = explain(site, "192.0.2.10", "--helo", "other.test", "--rcpt", "joe@example.test")
        return {check["check"]: check["outcome"] for check in found["checks"]}, found["would"], found["reply"][:10]
    nameserver.fail("10.2.0.192.in-addr.arpa", "servfail")
    site.cli("list", "add", "192.0.2.0/28", "--list", "main", "--reason", "spam run")
    site.cli("allow", "203.0.113.5", "--reason", "an address, no name")
    outcomes, would, reply = seen()
    assert outcomes["allowed"] == "no" and outcomes["domain-list"] == "pass" and would == "refuse"
    site.cli("allow", "partner.test", "--reason", "partner")
    site.cli("list", "add", "bad.test", "--reason", "phishing")
    outcomes, would, reply = seen()
    assert outcomes["allowed"] == outcomes["domain-list"] == "unknown" and outcomes["no-ptr"] == "unknown"
    assert would == "tempfail" and reply.startswith("450 ")
    nameserver.heal("10.2.0.192.in-addr.arpa")
    outcomes, would, reply = seen()
    assert outcomes["allowed"] == "no" and outcomes["domain-list"] == "pass" and would == "refuse"


@pytest.mark.parametrize("records, found", [
    ({"TXT": '"test entry"'}, "does not count: the resolver keeps 127.0.0.0/8 away"), ({}, "does not count: does not list 127.0.0.2"),
    ({"A": "127.255.255.254"}, "does not count: answers 127.255.255.254")], ids=["filtered", "emptied", "refused"])
def test_why_a_third_party_list_does_not_count_is_said(site, nameserver, records, found):
    site.conf["dnsbl"] = [{"zone": "bl.foreign.test", "name": "Foreign", "codes": "127.0.0.2-11", "action": "reject"}]
    site.start("keeper")
    for rtype, value in records.items():
        nameserver.add("2.0.0.127.bl.foreign.test", rtype, value)
    check, = [check for check in explain(site, "192.0.2.10")["checks"] if check["check"] == "ext-dnsbl"]
    assert check["outcome"] == "unknown" and check["found"].startswith(found)


def test_the_key_of_a_list_is_told_to_nobody(site, nameserver, sink):
    key, zone = "abcdefgh01234567", "bl.foreign.test"
    asked = f"{key}.{zone}"
    site.conf["dnsbl"] = [{"zone": f"KEY.{zone}", "key": key, "name": "Foreign", "codes": "127.0.0.2", "action": "reject"}]
    site.conf["mode"] = "enforce"
    nameserver.dnsbl(asked, "198.51.100.7")
    nameserver.add(f"7.100.51.198.{asked}", "TXT", f'"https://foreign.test/?{key.upper()}"')
    nameserver.add(f"8.100.51.198.{asked}", "A", "127.0.0.99")
    nameserver.host("listed.test", "198.51.100.7")
    nameserver.host("other.test", "198.51.100.8")
    site.start("keeper")
    gate = site.start("gate")
    wait_for(lambda: nameserver.asked(f"1.0.0.127.{asked}"))
    refused = wait_for(lambda: (answer := deliver(site.ports["gate"], "198.51.100.7")).code == 554 and answer, what="a refusal")
    assert deliver(site.ports["gate"], "198.51.100.8").code == 250
    found = json.dumps(explain(site, "198.51.100.7", "--rcpt", "joe@example.test"))
    assert "Foreign" in found and "listed, 127.0.0.2" in found

    def status():
        words = json.dumps(site.json("status", check=False))
        return "1 answer under codes that no filter names: 127.0.0.99" in words and words
    shown = [str(refused), found, wait_for(status, what="the code in the status"), gate.log,
             site.cli("config", "show").stdout, site.cli("config", "show", "--defaults").stdout]
    assert [text for text in shown if key in text.lower()] == []


def test_only_addresses_are_explained(site):
    site.write()
    result = site.cli("explain", "mail.good.test", check=False)
    assert result.returncode == 65 and "'mail.good.test' is not an address" in result.stderr
