# SPDX-License-Identifier: ISC
"""From the refusal of a real gate to the number's page, API and verb; and what the modes do on the way."""
import json
import re
import time
import urllib.error
import urllib.request

import pytest

from harness.smtp import MESSAGE, SmtpClient, deliver
from harness.waiting import wait_for

GOOD = "192.0.2.10"      # mail.good.test, confirmed
HOSTILE = "192.0.2.77"   # its PTR is an attack
NUMBER = re.compile(r"https://mail\.example\.test/why/(\w{4}-\w{4}-\w{4})$")
# A DNS name may hold any byte: markup, a line end, an escape sequence.
PTR = "<script>alert\\(1\\)</script>\\010X-Evil:\\0271m.\\\"'&.attack.test."
HELO = "<img/src=x/onerror=alert('helo')>&\"\xe4\x80"


def get(site, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{site.ports['web']}{path}", timeout=20) as response:
        return response.headers, response.read().decode("utf-8")


def refuse(site, client, helo):
    with SmtpClient(site.ports["gate"], client) as smtp:
        assert smtp.ehlo(helo).code == 250
        reply = smtp.envelope("\"<b>x</b>\"@evil.test", "joe@example.test")
    found = NUMBER.search(reply.text)
    assert found, reply
    return reply, found.group(1)


def incident(site, number):
    def there():
        result = site.cli("incident", number, "--json", check=False)
        return json.loads(result.stdout) if result.returncode == 0 else None
    return wait_for(there, what=f"incident {number} to be known")


def test_hostile_names_are_found_by_their_number_and_stay_text(running_site, nameserver):
    site = running_site
    nameserver.add("77.2.0.192.in-addr.arpa", "PTR", PTR)
    reply, number = refuse(site, HOSTILE, HELO)
    assert reply.code == 550
    assert all(len(line) <= 506 and line.isprintable() and line.isascii() for line in reply.lines)

    told = incident(site, number)
    table = site.cli("incident", number).stdout
    assert number in table and "\x1b" not in table
    api_headers, api = get(site, f"/api/v1/incident/{number}")
    assert api_headers["Content-Type"].startswith("application/json")
    api = json.loads(api)
    for seen in (told, api):
        assert seen["ptr"].startswith("<script>alert")  # JSON is not HTML: the text itself, its control bytes as text
        assert seen["helo"].startswith("<img/src=x/onerror=alert('helo')>&\"\\xe4\\x80")
        assert not re.search(r"[\x00-\x1f\x7f]", json.dumps(seen, ensure_ascii=False))

    headers, page = get(site, f"/why/{number}")
    assert number in page and HOSTILE in page
    assert "<script>alert" not in page and "<img/src" not in page and "<b>x</b>" not in page
    assert "&lt;script&gt;alert" in page
    assert "&lt;img" in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", page)
    assert "script-src" in headers["Content-Security-Policy"] or "default-src 'none'" in headers["Content-Security-Policy"]
    # the log: one line an event, nothing of it raw
    log = site.supervisor.log
    assert "\x1b" not in log and "\nX-Evil" not in log
    assert f"incident={number}" in log


def test_one_source_and_reason_is_one_number_and_counts(running_site):
    site = running_site
    numbers = {refuse(site, "192.0.2.66", "friend.test")[1] for _ in range(5)}
    assert len(numbers) == 1
    number = numbers.pop()
    wait_for(lambda: incident(site, number)["count"] >= 4, what="the count")
    assert refuse(site, "192.0.2.67", "friend.test")[1] != number


def test_the_mail_that_is_asked_about_is_told_and_not_only_the_first(running_site):
    site = running_site
    numbers = set()
    for helo, recipient in (("bulk.test", "joe"), ("mail.partner.test", "anna")):
        with SmtpClient(site.ports["gate"], "192.0.2.68") as smtp:
            assert smtp.ehlo(helo).code == 250
            reply = smtp.envelope(f"{recipient}-writes@evil.test", f"{recipient}@example.test")
        numbers.add(NUMBER.search(reply.text).group(1))
    number, = numbers
    wait_for(lambda: incident(site, number)["count"] == 2, what="both mails")
    told = incident(site, number)["sightings"]
    assert [seen["helo"] for seen in told] == ["bulk.test", "mail.partner.test"]
    assert [seen["recipient"] for seen in told] == ["joe@example.test", "anna@example.test"]
    assert "anna-writes@evil.test" in site.cli("incident", number).stdout
    page, api = get(site, f"/why/{number}")[1], get(site, f"/api/v1/incident/{number}")[1]
    assert "This number stands for <strong>2 refusals</strong> within an hour" in page
    assert page.index("mail.partner.test") < page.index("bulk.test")
    assert [seen["helo"] for seen in json.loads(api)["sightings"]] == ["mail.partner.test", "bulk.test"]
    assert "example.test" not in "".join(line for line in page.splitlines() if "anna" in line)
    assert "anna" not in page + api and "joe" not in page + api


def data_of(sink):
    return sink.messages[-1]["data"]


FORGED = b"X-Stockade: pass; rule=none\r\nX-STOCKADE-Forged: 1\r\n" + MESSAGE


@pytest.mark.parametrize("mode", ["observe", "tag"])
def test_a_number_of_a_mild_mode_is_found_as_well(running_site, sink, mode):
    site = running_site
    site.conf["mode"] = mode
    site.write()
    site.supervisor.reload()
    wait_for(lambda: sum(e.get("file") == site.conf_path for e in site.supervisor.events("config.loaded")) >= 5,
             what="all roles to reload")
    assert deliver(site.ports["gate"], "192.0.2.66", body=FORGED).code == 250
    event = site.supervisor.wait_for_event("gate.would-refuse")[0]
    told = incident(site, event["incident"])
    assert told["mode"] == mode and told["rule"] == "no-ptr"
    assert "NOQUEUE: reject_warning: RCPT from unknown[192.0.2.66]: 550 5.7.25 " in site.supervisor.log
    assert "NOQUEUE: reject:" not in site.supervisor.log
    fields = data_of(sink).split(b"\r\n\r\n", 1)[0]
    assert fields.lower().count(b"x-stockade") == (1 if mode == "tag" else 0)
    assert (event["incident"].encode() in fields) == (mode == "tag")
    assert event["incident"] in get(site, f"/why/{event['incident']}")[1]


def test_an_ipv6_host_has_one_number_for_all_its_addresses(running_site):
    """Or one host fills the store; and whoever asks finds it by whichever address."""
    site = running_site
    numbers = {refuse(site, f"2001:db8:5::{i:x}", "x.test")[1] for i in range(1, 30)}
    assert len(numbers) == 1
    number = numbers.pop()
    assert wait_for(lambda: incident(site, number)["count"] >= 16)
    for address, there in (("2001:db8:5::ffff", True), ("2001:db8:5:1::1", False)):
        assert (number in site.cli("history", address).stdout) == there
    site.cli("list", "add", "2001:db8:5::7", "--list", "main", "--reason", "spam")
    api = json.loads(get(site, f"/api/v1/incident/{number}")[1])
    assert (api["source"], api["listed"]) == ("2001:db8:5::/64", True)


@pytest.mark.parametrize("whole,own,holds,tags", [
    ("enforce", "observe", "observe", 0),
    ("enforce", "tag", "tag", 1),
    ("tag", "observe", "observe", 0),
    ("observe", "enforce", "observe", 0),  # the more cautious one: who observes refuses nothing
    ("tag", "enforce", "tag", 1),
    ("observe", "tag", "observe", 0),
])
def test_a_check_has_a_mode_of_its_own(site, sink, whole, own, holds, tags):
    site.conf["mode"] = whole
    site.conf["checks"]["no-ptr"] = {"action": "reject", "mode": own}
    site.start("keeper")  # without a list nobody knows who is allowed, and nobody is refused for good
    gate = site.start("gate")
    assert deliver(site.ports["gate"], "192.0.2.66", body=FORGED).code == 250
    event = gate.wait_for_event("gate.would-refuse")[0]
    assert (event["rule"], event["mode"]) == ("no-ptr", holds)
    assert "NOQUEUE: reject_warning: " in gate.log
    assert "NOQUEUE: reject: " not in gate.log
    fields = data_of(sink).split(b"\r\n\r\n", 1)[0]
    assert fields.lower().count(b"x-stockade") == tags
    assert deliver(site.ports["gate"], GOOD, body=FORGED).code == 250
    assert b"x-stockade" not in data_of(sink).lower()


def number_text(number):
    """As list/incident.c prints it, with its check character (Luhn mod 32)."""
    digits = [number >> 5 * (10 - i) & 31 for i in range(11)] + [0]
    doubled = [value << place % 2 for place, value in enumerate(reversed(digits))]
    digits[11] = -sum(value // 32 + value % 32 for value in doubled) % 32
    text = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit] for digit in digits)
    return "-".join((text[:4], text[4:8], text[8:]))


def test_a_number_that_went_is_too_old_and_one_that_never_was_is_unknown(running_site):
    site = running_site
    week = int(time.time() - 1767225600) // (7 * 86400)
    for number, status, words in (5, 410, "too old"), (week << 43 | 5, 404, "not known"):
        text = number_text(number)
        with pytest.raises(urllib.error.HTTPError) as page:
            get(site, f"/why/{text}")
        assert page.value.code == status and words in page.value.read().decode()
        with pytest.raises(urllib.error.HTTPError) as problem:
            get(site, f"/api/v1/incident/{text}")
        assert problem.value.code == status
        told = site.cli("incident", text, check=False)
        assert told.returncode == 66 and ("too long ago" in told.stderr) == (status == 410)
