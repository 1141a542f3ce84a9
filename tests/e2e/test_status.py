# SPDX-License-Identifier: ISC
"""What `stockade status` tells of roles and of the supervisor, also when the keeper says nothing."""
import json
import os
import signal
import socket

import pytest

from harness.site import wait_gone
from harness.waiting import wait_for


def status(site):
    """The object that is printed; None: none."""
    text = site.cli("status", "--json", check=False).stdout
    return json.loads(text) if text else None


def role_of(told, name):
    return next(role for role in told["roles"] if role["role"] == name)


def is_well(site):
    return wait_for(lambda: site.cli("status", check=False).returncode == 0, what="all to be well")


def kill(site, role, count):
    """kill -9 of a role, until status has told of so many deaths and all are well again, or at least there."""
    old = site.role_pids()[role]
    os.kill(old, signal.SIGKILL)

    def told_and_back():
        told = status(site)
        state = told and role_of(told, role)
        return state and state["deaths"]["count"] == count and state["state"] == "ready" and state["connected"] and told
    return wait_for(told_and_back, what=f"death {count} of {role} to be told")


def test_a_run_without_trouble(running_site):
    site = running_site
    is_well(site)
    told = status(site)
    assert told["supervisor"]["pid"] == site.supervisor.pid and told["supervisor"]["well"]
    assert {role["role"]: role["pid"] for role in told["roles"]} == site.role_pids()
    assert {role["state"] for role in told["roles"]} == {"ready"}
    assert {role["deaths"]["count"] for role in told["roles"]} == {0}
    shown = site.cli("status").stdout
    assert f"process {site.supervisor.pid}, since " in shown and "died" not in shown


def test_who_died_is_told_and_who_dies_often_is_not_well(running_site):
    site = running_site
    is_well(site)
    told = kill(site, "web", 1)
    assert told["well"] is True
    deaths = role_of(told, "web")["deaths"]
    assert (deaths["signal"], deaths["exit"], deaths["hung"], deaths["within-hour"]) == ("KILL", None, False, 1)
    assert deaths["last"] is not None
    shown = site.cli("status").stdout
    assert "web: ok" in shown and "; died 1 time, last 20" in shown and "(signal KILL)" in shown
    kill(site, "web", 2)
    assert kill(site, "web", 3)["well"] is False
    result = site.cli("status", check=False)
    assert result.returncode == 69 and "died 3 times" in result.stdout


def test_a_role_that_hangs_is_told_and_so_is_its_end(running_site):
    site = running_site
    is_well(site)
    os.kill(site.role_pids()["web"], signal.SIGSTOP)
    silent = wait_for(lambda: role_of(status(site), "web")["silent"], 60, "silence to be told")
    assert silent >= 20
    result = site.cli("status", check=False)
    if "killed because it hung" not in result.stdout:  # it was in time
        assert result.returncode == 69 and "web: hangs: no sign of life for " in result.stdout
    wait_for(lambda: role_of(status(site), "web")["deaths"]["hung"], 60, "its end to be told")
    is_well(site)
    assert "(killed because it hung)" in site.cli("status").stdout


def test_a_keeper_that_hangs_keeps_nobody_from_knowing(running_site):
    site = running_site
    is_well(site)
    pid = site.role_pids()["keeper"]
    os.kill(pid, signal.SIGSTOP)
    try:
        result = site.cli("status", check=False)
        assert result.returncode == 69 and "timed out" in result.stderr
        assert f"process {site.supervisor.pid}, since " in result.stdout and "gate: ready" in result.stdout
        told = status(site)
        assert told["well"] is False and role_of(told, "keeper")["pid"] == pid
    finally:
        os.kill(pid, signal.SIGCONT)
    is_well(site)


def test_a_role_that_does_not_come_up_is_told(running_site, sink):
    """The gate waits for a mail server that says nothing, and is stopped there: it never says that it is ready."""
    site = running_site
    is_well(site)
    sink.stop()
    with socket.create_server(("127.0.0.1", sink.port)):
        os.kill(site.role_pids()["gate"], signal.SIGKILL)
        starting = wait_for(lambda: (role := role_of(status(site), "gate"))["state"] == "starting" and role["pid"],
                            what="the start to be told")
        os.kill(starting, signal.SIGSTOP)
        result = site.cli("status", check=False)
        assert result.returncode == 69 and "gate: not ready yet, started 20" in result.stdout
    others = {name: pid for name, pid in site.role_pids().items() if name != "gate"}
    sink.start()
    os.kill(starting, signal.SIGKILL)
    is_well(site)
    assert {name: site.role_pids()[name] for name in others} == others


def test_a_supervisor_that_was_stopped_goes_on_and_blames_nobody(running_site):
    site = running_site
    is_well(site)
    pids = site.role_pids()
    site.supervisor.signal(signal.SIGSTOP)
    try:
        result = wait_for(lambda: "DOES NOT GO ON" in (told := site.cli("status", check=False)).stdout and told, 60,
                          "the stop to be told")
        assert result.returncode == 69
        assert status(site)["supervisor"] == {**status(site)["supervisor"], "pid": site.supervisor.pid, "well": False}
    finally:
        site.supervisor.signal(signal.SIGCONT)
    is_well(site)
    assert site.role_pids() == pids and site.supervisor.events("role.died") == site.supervisor.events("role.hung") == []


def test_what_a_killed_supervisor_left_is_not_believed(running_site):
    site = running_site
    is_well(site)
    pids = site.role_pids()
    site.supervisor.kill()
    for pid in pids.values():
        wait_gone(pid)
    wait_for(lambda: "is GONE" in (result := site.cli("status", check=False)).stdout and result.returncode == 69, 40,
             "its end to be told")
    # A keeper that is started by itself has the folder now: what lies there is nobody's.
    site.conf["run"]["roles"] = ["keeper"]
    keeper = site.start("keeper")
    assert status(site)["supervisor"] is None
    assert "each role was started by itself" in site.cli("status").stdout
    keeper.stop()
    # And a new supervisor writes its own.
    again = site.run()
    is_well(site)
    assert status(site)["supervisor"]["pid"] == again.pid


@pytest.mark.parametrize("text", ["stockade-run 2\nrun pid=PID\n", "nonsense\n", ""])
def test_a_file_of_another_version_is_not_guessed_at(site, text):
    """A newer program beside an older supervisor, or the other way round: what the keeper knows is told as ever."""
    site.conf["run"]["roles"] = ["keeper"]
    keeper = site.start("keeper")
    with open(site.path("run", "state"), "w", encoding="ascii") as file:
        file.write(text.replace("PID", str(keeper.pid)))
    result = site.cli("status")
    assert "of another version than this program" in result.stdout
    assert status(site)["supervisor"] is None


def test_nothing_is_left_of_a_run_that_ended(running_site):
    site = running_site
    assert os.stat(site.path("run", "state")).st_mode & 0o777 == 0o600
    assert site.supervisor.stop() == 0
    assert not os.path.exists(site.path("run", "state"))
    result = site.cli("status", check=False)
    assert result.returncode == 69 and result.stdout == ""
    assert "no keeper listens" in result.stderr and "no supervisor (stockade run) tells anything" in result.stderr


def test_a_second_run_does_not_touch_what_the_first_tells(running_site):
    site = running_site
    second = site.run(wait=False)
    assert second.wait(20) == 75
    is_well(site)
    assert status(site)["supervisor"]["pid"] == site.supervisor.pid


def test_another_run_folder_after_a_reload(running_site):
    site = running_site
    is_well(site)
    site.conf["run"]["folder"] = site.path("run2")
    site.write()
    site.supervisor.reload()
    is_well(site)
    assert status(site)["supervisor"]["pid"] == site.supervisor.pid
    assert not os.path.exists(site.path("run", "state"))
