# SPDX-License-Identifier: ISC
"""The processes that connect for gate, courier and web. What their jails refuse is tests/unit/process/test_jail.c, what they do
with nonsense tests/unit/process/test_dialer.c."""
import os
import signal
import socket

import pytest

from harness.sink import Sink
from harness.site import wait_gone
from harness.smtp import SmtpClient, deliver
from harness.waiting import free_port, wait_for

GOOD = "192.0.2.10"  # mail.good.test, confirmed


def read(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        return file.read()


def status_of(pid):
    return dict(line.split(":\t", 1) for line in read(pid, "status").splitlines() if ":\t" in line)


def dialer_of(pid, role="gate"):
    """The dialer among the children of a role, or of its reader; None: there is none."""
    for child in map(int, read(pid, f"task/{pid}/children").split()):
        found = child if read(child, "comm") == f"{role}-dialer\n" else dialer_of(child, role)
        if found:
            return found
    return None


def gate_and_dialer(site):
    gate = site.role_pids()["gate"]
    return gate, dialer_of(gate)


def wait_for_another(site, old):
    wait_for(lambda: site.role_pids()["gate"] != old, what="the gate to be back")
    wait_for(lambda: deliver(site.ports["gate"], GOOD).code == 250, what="mail to flow again")


@pytest.mark.parametrize("role", ["gate", "web"])
def test_a_dialer_is_jailed_like_its_role_and_holds_nothing_of_it(running_site, role):
    pid = running_site.role_pids()[role]
    dialer = dialer_of(pid, role)
    status, own = status_of(dialer), status_of(pid)
    assert (status["NoNewPrivs"], status["Seccomp"], int(status["CapPrm"], 16)) == ("1", "2", 0)
    assert (status["Uid"], status["Gid"], status["Groups"]) == (own["Uid"], own["Gid"], own["Groups"])
    assert "Max msgqueue size 0 0" in " ".join(read(dialer, "limits").split())  # the mark of a role
    wait_for(lambda: sorted(os.listdir(f"/proc/{dialer}/fd"), key=int) == ["0", "1", "2", "3"])


def test_a_dialer_that_dies_costs_a_restart_of_its_role(running_site, sink):
    site = running_site
    gate, dialer = gate_and_dialer(site)
    with SmtpClient(site.ports["gate"], GOOD) as busy, SmtpClient(site.ports["gate"], GOOD) as idle:
        assert busy.ehlo("mail.good.test").code == idle.ehlo("mail.good.test").code == 250
        assert busy.envelope("a@good.test", "joe@example.test").code == 250
        os.kill(dialer, signal.SIGKILL)
        lost = site.supervisor.wait_for_event("dialer.lost")[0]
        assert (lost["role"], lost["error"]) == ("gate", "closed by the other side")
        assert busy.data(b"Subject: x\r\n\r\nbody\r\n").code == 250  # it has its backend
        assert idle.read_reply().code == 421
    assert len(sink.messages) == 1
    wait_for_another(site, gate)


def test_a_dialer_that_hangs_makes_mail_wait_until_there_is_another(running_site, sink):
    site = running_site
    gate, dialer = gate_and_dialer(site)
    with SmtpClient(site.ports["gate"], GOOD) as client:
        assert client.ehlo("mail.good.test").code == 250
        os.kill(dialer, signal.SIGSTOP)
        assert client.envelope("a@good.test", "joe@example.test").code == 451
    assert site.supervisor.wait_for_event("dialer.lost")[0]["error"] == "timed out"
    wait_for_another(site, gate)
    wait_gone(dialer, 20)  # with its gate, stopped as it is


def test_a_dialer_ends_with_its_role(running_site):
    site = running_site
    gate, dialer = gate_and_dialer(site)
    os.kill(gate, signal.SIGKILL)
    wait_gone(dialer, 20)
    wait_for_another(site, gate)


def test_a_dialer_outlives_what_is_told_to_its_group(running_site, sink):
    """A service manager tells all processes of a unit to end: mail that is under way still needs the dialer."""
    site = running_site
    gate, dialer = gate_and_dialer(site)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(dialer, number)
    assert deliver(site.ports["gate"], GOOD).code == 250
    assert gate_and_dialer(site) == (gate, dialer)


def test_a_gate_by_itself_reaches_the_backend_of_its_newest_configuration(site, nameserver, sink):
    """Its reader, which is not in the jail, starts a dialer for each reload."""
    site.start("keeper")
    gate = site.start("gate")
    assert deliver(site.ports["gate"], GOOD).code == 250
    first = dialer_of(gate.pid)
    with Sink(free_port()) as other:
        site.conf["gate"]["backend"]["address"] = f"127.0.0.1:{other.port}"
        site.write()
        gate.reload()
        wait_gone(first, 20)
        assert dialer_of(gate.pid) not in (None, first)
        wait_for(lambda: deliver(site.ports["gate"], GOOD).code == 250)
        assert other.messages and len(sink.messages) == 1
    assert gate.events("dialer.lost") == []


def test_a_mail_server_is_reached_by_ipv6(site, nameserver):
    """Nobody but the dialer makes the socket."""
    with socket.socket(socket.AF_INET6) as listener:
        try:
            listener.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        listener.listen()
        site.conf["gate"]["backend"]["address"] = "[::1]:%d" % listener.getsockname()[1]
        listener.settimeout(60)
        site.start("gate", wait=False)
        connection, peer = listener.accept()
        connection.close()
        assert peer[0] == "::1"
