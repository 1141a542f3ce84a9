# SPDX-License-Identifier: ISC
"""What the kernel says about running roles. What a jail refuses from inside is tests/unit/process/test_jail.c."""
import os
import re
import resource
import stat

import pytest

from harness.nameserver import answers
from harness.site import ROLES


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def users_of(site):
    return {role: status_of(pid)["Uid"].split() for role, pid in site.role_pids().items()}


def test_every_role_is_jailed(running_site):
    for role, pid in running_site.role_pids().items():
        status = status_of(pid)
        assert status["NoNewPrivs"] == "1", role
        assert status["Seccomp"] == "2", role  # a filter
        assert int(status["CapEff"], 16) == 0, role
        assert int(status["CapPrm"], 16) == 0, role


def test_every_thread_of_dns_is_jailed(running_site):
    pid = running_site.role_pids()["dns"]
    threads = os.listdir(f"/proc/{pid}/task")
    assert len(threads) >= 3
    for thread in threads:
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            assert "Seccomp:\t2\n" in file.read()


@pytest.mark.needs_root
def test_started_as_root_each_role_is_somebody_else(make_site):
    site = make_site(unprivileged=False)
    site.run()
    users = users_of(site)
    assert set(users) == set(ROLES)
    for role, uids in users.items():
        assert len(set(uids)) == 1 and uids[0] != "0", role  # real, effective, saved, file system: no way back
    assert len({uids[0] for uids in users.values()}) == len(ROLES)
    for role, pid in site.role_pids().items():
        assert status_of(pid)["Groups"].split() == [status_of(pid)["Gid"].split()[0]], role


@pytest.mark.needs_root
def test_store_belongs_to_the_keeper_alone(make_site):
    site = make_site(unprivileged=False)
    site.run()
    users = users_of(site)
    for name in ("store", "store/stockade.db"):
        status = os.stat(site.path(name))
        assert str(status.st_uid) == users["keeper"][0], name
    assert stat.S_IMODE(os.stat(site.path("store")).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(site.path("lists")).st_mode) == 0o750
    for role in ("dns", "gate", "web"):
        bus = os.stat(site.path("run", "bus", f"{role}.sock"))
        assert (str(bus.st_uid), stat.S_IMODE(bus.st_mode)) == (users[role][0], 0o600)
    control = os.stat(site.path("run", "control.sock"))
    assert (control.st_uid, stat.S_IMODE(control.st_mode)) == (0, 0o600)


@pytest.mark.needs_root
def test_other_users_cannot_command_the_keeper(make_site):
    """The user of the gate, taken over, may knock at its own bus socket and at no other, nor at the operators'."""
    site = make_site(unprivileged=False)
    site.run()
    gate = int(users_of(site)["gate"][0])
    code = "import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"

    def connects(*name):
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(gate, gate, gate)
                os.setresuid(gate, gate, gate)
                os.execv("/usr/bin/python3", ["python3", "-c", code, site.path("run", *name)])
            finally:
                os._exit(99)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    os.dup2(os.open(site.path("log", "connects"), os.O_WRONLY | os.O_CREAT), 2)
    assert connects("bus", "gate.sock")
    assert not connects("bus", "web.sock")
    assert not connects("control.sock")


@pytest.mark.needs_root
def test_folder_of_somebody_else_is_not_taken_over(make_site):
    site = make_site(unprivileged=False)
    os.mkdir(site.path("store"), 0o755)  # root's, with whatever it holds
    run = site.run(wait=False)
    assert run.wait() == 65
    assert "chown" in run.log and site.path("store") in run.log
    assert os.stat(site.path("store")).st_uid == 0


def test_unprivileged_run_is_jailed_as_well(make_site):
    site = make_site(unprivileged=True)
    site.run()
    for role, pid in site.role_pids().items():
        status = status_of(pid)
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", role
        assert status["Uid"].split()[0] != "0", role
    site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "test")


def test_a_role_of_the_same_user_cannot_command_the_keeper(make_site):
    """Without users of their own, roles and operators are one user; what the kernel knows of a role still tells them apart."""
    site = make_site(unprivileged=True)
    run = site.run()
    for role, pid in site.role_pids().items():
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            assert re.search(r"^Max msgqueue size +0 +0 ", file.read(), re.M), role
    add = ["list", "add", "198.51.100.9", "--list", "main", "--reason", "test"]
    limit = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    site.identity["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0))
    assert site.cli(*add, check=False).returncode != 0
    assert "only operators" in run.wait_for_event("bus.bad-message")[0]["why"]
    del site.identity["preexec_fn"]
    assert resource.getrlimit(resource.RLIMIT_MSGQUEUE) == limit != (0, 0)
    assert answers(site.ports["dns"], "9.100.51.198.bl.example.test") == []
    site.cli(*add)
    assert answers(site.ports["dns"], "9.100.51.198.bl.example.test") == ["127.0.0.8"]
