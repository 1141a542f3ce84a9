# SPDX-License-Identifier: ISC
"""Our refusals as the tools around a mail server read them: Sisimai sorts the bounces that they make at the sender's side,
Debian's fail2ban reads the log line at ours. All rows of the catalogue, so that a new text is held to it as well."""
import re
import subprocess

import pytest

CATALOGUE = "src/catalogue"
ROW = re.compile(r'REFUSAL\(\w+, "([^"]+)", (\d+), "([^"]+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
CHECK = re.compile(r'CHECK\(CHECK_\w+, "([^"]+)"')
VALUES = {"ip": "198.51.100.9", "url": "https://mail.example.org/why/7K3M-9QXT-2FHH", "helo": "friend",
          "ptr": "dsl-9.isp.example", "rcpt_domain": "victim.example", "list": "main/manual", "short_reason": "spam run",
          "domain": "bad.example", "dnsbl_name": "Demo List", "dnsbl_url": "https://list.example/?ip=198.51.100.9", "n": "2",
          "names": "Demo List, Other List", "hostname": "mx1.example.org", "limit": "100", "wait": "300", "size": "9999",
          "verb": "MAIL"}


def read(source, name):
    with open(source / CATALOGUE / name, encoding="ascii") as file:
        return file.read()


@pytest.fixture(scope="module")
def replies(request):
    """key -> "554 5.7.1 text", placeholders filled."""
    rows = {}
    for key, code, status, texts in ROW.findall(read(request.config.rootpath.parents[1], "refusals.def")):
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', texts))
        rows[key] = f"{code} {status} " + re.sub(r"\{(\w+)\}", lambda found: VALUES.get(found[1], "X"), text)
    assert len(rows) > 20
    return rows


@pytest.fixture(scope="module")
def check_keys(request, replies):
    """The refusals for good that a check says."""
    checks = CHECK.findall(read(request.config.rootpath.parents[1], "checks.def"))
    found = {key for key, reply in replies.items()
             if reply[0] == "5" and any(key == check or key.startswith(check + "-") for check in checks)}
    assert {"own-list", "ext-dnsbl-many", "helo-bad-literal", "relay-denied", "early"} <= found
    return found


# What Postfix at the sender's side makes of it (RFC 3464).
BOUNCE = """\
From: MAILER-DAEMON@mx.sender.example (Mail Delivery System)
To: anna@sender.example
Subject: Undelivered Mail Returned to Sender
Date: Sat, 21 Nov 2026 14:00:00 +0000 (UTC)
Message-Id: <1@mx.sender.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="sep"

--sep
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.sender.example.

<joe@example.org>: host mx1.example.org[192.0.2.25] said: {reply} (in reply to RCPT TO command)

--sep
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.sender.example
X-Postfix-Queue-ID: 8B1234
X-Postfix-Sender: rfc822; anna@sender.example
Arrival-Date: Sat, 21 Nov 2026 13:59:59 +0000 (UTC)

Final-Recipient: rfc822; joe@example.org
Action: failed
Status: {status}
Remote-MTA: dns; mx1.example.org
Diagnostic-Code: smtp; {reply}

--sep
Content-Type: message/rfc822

From: anna@sender.example
To: joe@example.org
Subject: hello
Message-Id: <2@sender.example>
Date: Sat, 21 Nov 2026 13:59:59 +0000

hello

--sep--
"""


def bounce(reply):
    return BOUNCE.format(reply=reply, status=reply.split()[1])


SORT = """use Sisimai;
for my $file (@ARGV) { my $found = Sisimai->make($file); print $found && @$found ? $found->[0]->reason : "none", "\\n"; }"""


def test_a_bounce_says_blocked_when_we_blocked(replies, check_keys, tmp_path):
    keys = sorted(check_keys)
    files = [tmp_path / key for key in keys]
    for key, file in zip(keys, files):
        file.write_text(bounce(replies[key]), encoding="ascii")
    sorted_by = subprocess.run(["perl", "-e", SORT, *map(str, files)], capture_output=True, text=True, check=True)
    reasons = dict(zip(keys, sorted_by.stdout.split(), strict=True))
    others = {"relay-denied": "norelaying", "rcpt-route": "norelaying", "sender-domain": "rejected"}  # for its sender
    wanted = {key: others.get(key, "blocked") for key in keys}
    assert reasons == wanted


@pytest.mark.parametrize("mode", ["normal", "more", "aggressive"])
def test_fail2ban_counts_refusals_for_good_and_no_others(replies, check_keys, tmp_path, mode):
    """A client that is to try again, or that met a fault of ours, must not be banned for it."""
    addresses = {key: f"198.51.100.{number}" for number, key in enumerate(sorted(replies), 1)}
    log = tmp_path / "mail.log"
    log.write_text("".join(
        f"Nov 21 14:00:00 mx1 postfix/smtpd[1234]: NOQUEUE: reject: RCPT from unknown[{address}]: {replies[key]}; "
        f"from=<a@b.example> to=<joe@example.org> proto=ESMTP helo=<friend>\n"
        for key, address in addresses.items()), encoding="ascii")
    matched = subprocess.run(
        ["fail2ban-regex", "-o", "ip", str(log), f"/etc/fail2ban/filter.d/postfix.conf[mode={mode}]"],
        capture_output=True, text=True, check=False)
    banned = {key for key, address in addresses.items() if address in matched.stdout.split()}
    assert check_keys <= banned, matched.stdout + matched.stderr
    assert [key for key in banned if replies[key][0] == "4" or "Our fault" in replies[key] or key == "helocheck"] == []
