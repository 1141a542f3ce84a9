# SPDX-License-Identifier: ISC
"""The greylist over the ends of processes: what waits, what came back, and its file."""
import os

import pytest

from harness.clock import Clock
from harness.smtp import deliver
from harness.waiting import wait_for

GOOD = "192.0.2.10"       # mail.good.test, confirmed; good.test has no SPF record
DELAY = 300


@pytest.fixture
def clock(site, tmp_path):
    clock = Clock(tmp_path / "clock")
    site.use_clock(clock)
    return clock


@pytest.fixture
def gate(site, clock):
    site.conf["checks"]["grey"] = {"action": "greylist", "delay": f"{DELAY}s"}
    return site.start("gate")


def file_size(site):
    return sum(os.path.getsize(site.path("state", "gate", f"grey.{half}")) for half in "ab")


def put_off(site):
    """Mail that has to wait, and is in the file."""
    before = wait_for(lambda: file_size(site), 20, "the head of the file")  # within a second of the start
    reply = deliver(site.ports["gate"], GOOD)
    assert str(reply).startswith("450 4.7.1 Greylisted, this is normal: please try again in 300 seconds or later. https://")
    wait_for(lambda: file_size(site) > before, 20, "the greylist to be written")


def test_who_was_put_off_comes_back_after_a_crash(site, gate, sink, clock):
    put_off(site)
    gate.kill()
    again = site.start("gate")
    assert again.wait_for_event("grey.read")[0]["waiting"] == "1"
    assert deliver(site.ports["gate"], GOOD).code == 450
    clock.advance(DELAY)
    assert deliver(site.ports["gate"], GOOD).code == 250
    assert again.stop() == 0
    site.start("gate")
    assert deliver(site.ports["gate"], GOOD).code == 250  # known from then on


def test_a_damaged_file_is_told_of_and_mail_goes_on(site, gate, sink, clock):
    put_off(site)
    assert gate.stop() == 0
    for half in "ab":
        with open(site.path("state", "gate", f"grey.{half}"), "r+b") as file:
            file.write(b"rubbish")
    again = site.start("gate")
    assert again.wait_for_event("grey.file-bad")
    assert deliver(site.ports["gate"], GOOD).code == 450
    clock.advance(DELAY)
    assert deliver(site.ports["gate"], GOOD).code == 250


def test_explain_sees_the_same_and_changes_nothing(site, gate, sink, clock):
    def explained():
        found = site.json("explain", GOOD, "--helo", "mail.good.test", "--from", "a@good.test", "--rcpt", "joe@example.test")
        return next(check for check in found["checks"] if check["check"] == "grey")
    for _ in range(2):
        assert explained()["found"] == "first attempt, 300 s to wait: no SPF pass"
    put_off(site)
    assert explained()["found"].startswith("came back early, ")
    clock.advance(DELAY)
    assert (explained()["outcome"], explained()["found"]) == ("pass", "came back")
    assert deliver(site.ports["gate"], GOOD).code == 250
