# SPDX-License-Identifier: ISC
"""`stockade run`: starts all roles, again what dies, reloads what is right, and leaves nothing behind."""
import os
import signal
import socket
import subprocess

import pytest

from harness.nameserver import answers
from harness.site import wait_gone
from harness.smtp import deliver
from harness.waiting import accepts_connections, free_port, wait_for

LISTED = "9.100.51.198.bl.example.test"


def add(site, source, *more):
    site.cli("list", "add", source, "--list", "main", "--reason", "test", *more)


def files_of(pid):
    """What a process has open, as far as we may see it."""
    try:
        return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except (PermissionError, FileNotFoundError):
        return []


def memory_of(pid):
    found = b""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            begin, end = (int(word, 16) for word in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and end - begin < 1 << 26 and "[v" not in line:
                try:
                    memory.seek(begin)
                    found += memory.read(end - begin)
                except OSError:
                    pass  # not there yet
    return found


def is_listed(site, name=LISTED):
    return wait_for(lambda: answers(site.ports["dns"], name) == ["127.0.0.8"], what=f"{name} to be listed")


@pytest.mark.parametrize("role", ["keeper", "dns", "web", "gate"])
def test_killed_role_is_back_in_a_moment(running_site, role):
    site = running_site
    add(site, "198.51.100.9")
    old = site.role_pids()
    os.kill(old[role], signal.SIGKILL)
    died = site.supervisor.wait_for_event("role.died")
    assert died[0]["role"] == role and died[0]["signal"] == "KILL"
    wait_for(lambda: site.role_pids()[role] != old[role], what=f"{role} to be started again")
    assert {name: pid for name, pid in site.role_pids().items() if name != role} == \
        {name: pid for name, pid in old.items() if name != role}
    is_listed(site)
    add(site, "198.51.100.10")
    is_listed(site, "10.100.51.198.bl.example.test")


def test_sockets_stay_open_while_a_role_is_dead(running_site):
    """A crash of DNS costs a question a moment, never an ICMP error: the supervisor holds the sockets."""
    site = running_site
    add(site, "198.51.100.9")
    is_listed(site)
    os.kill(site.role_pids()["dns"], signal.SIGKILL)
    assert answers(site.ports["dns"], LISTED, tcp=True) == ["127.0.0.8"]


def test_term_ends_everything_and_leaves_no_process(running_site):
    site = running_site
    pids = site.role_pids()
    assert site.supervisor.stop() == 0
    for pid in pids.values():
        wait_gone(pid)
    assert {event["role"] for event in site.supervisor.events("role.stopped")} == {*pids, "run"}
    assert site.supervisor.events("role.stopped")[-2]["role"] == "keeper"  # it hears the others out
    assert site.supervisor.events("role.died") == []
    assert not os.path.exists(site.path("run", "control.sock"))


def test_no_role_outlives_a_killed_supervisor(running_site):
    site = running_site
    pids = site.role_pids()
    site.supervisor.kill()
    for pid in pids.values():
        wait_gone(pid)
    again = site.run()  # and nothing of the old run is in the way
    add(site, "198.51.100.9")
    is_listed(site)
    assert again.stop() == 0


def test_wrong_configuration_changes_nothing(running_site):
    site = running_site
    pids = site.role_pids()
    site.write("hostname: [oops\n")
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.wait_for_event("config.bad")
    assert "stockade.yaml:" in site.supervisor.log and "error" in site.supervisor.log
    site.write()
    add(site, "198.51.100.9")
    is_listed(site)
    assert site.role_pids() == pids
    assert site.supervisor.events("role.died") == []


def test_roles_need_no_file_of_the_configuration(running_site):
    """The supervisor hands it over: what root alone may read reaches every role, and so does a role that is started anew
    while the file is not there at all."""
    site = running_site
    os.mkdir(site.path("etc", "conf.d"), 0o700)
    with open(site.path("etc", "conf.d", "10-mode.yaml"), "w", encoding="utf-8") as file:
        file.write("log: {level: debug}\n")
    os.chmod(file.name, 0o600)
    os.chmod(site.conf_path, 0o600)
    old = site.role_pids()
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.wait_for_event("config.loaded", count=1 + len(old))
    os.rename(site.conf_path, site.conf_path + ".away")
    for role, pid in old.items():
        assert not [name for name in files_of(pid) if name.startswith(site.path("etc"))]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: site.role_pids()[role] != pid, what=f"{role} to be started again")
    assert site.supervisor.is_running()
    os.rename(site.conf_path + ".away", site.conf_path)
    add(site, "198.51.100.9")
    is_listed(site)


def test_a_role_gets_no_secrets_but_its_own(running_site):
    """Who reads strangers' mail has the keys of zone transfers neither in a file that it may open nor in its memory."""
    site = running_site
    secret = "c2VjcmV0LW9mLXNlY29uZGFyaWVz"
    with open(site.path("etc", "sec.key"), "w", encoding="ascii") as file:
        file.write(secret + "\n")
    os.chmod(file.name, 0o600)
    site.conf["dns"]["keys"] = {"sec": {"file": file.name}}
    site.conf["dns"]["transfer-to"] = [{"address": "127.0.0.1:9", "key": "sec"}]
    site.write()
    pids = site.role_pids()
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.wait_for_event("config.loaded", count=1 + len(pids))
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.wait_for_event("config.loaded", count=2 * (1 + len(pids)))
    assert site.role_pids() == pids
    if os.geteuid() != 0:
        pytest.skip("only root may look into another process")
    assert {role for role, pid in pids.items() if secret.encode() in memory_of(pid)} == {"dns"}


def test_reload_reaches_every_role_without_a_restart(running_site):
    site = running_site
    pids = site.role_pids()
    site.conf["dns"]["ttl"] = "7m"
    site.write()
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.wait_for_event("config.loaded", count=1 + len(pids))
    assert site.role_pids() == pids


def test_new_address_is_listened_on_after_reload(running_site):
    """Sockets are the supervisor's: the one role whose addresses changed is started anew, the others are told."""
    site = running_site
    add(site, "198.51.100.9")
    is_listed(site)
    old = site.role_pids()
    port = free_port()
    site.conf["dns"]["listen"] = [f"127.0.0.1:{port}"]
    site.write()
    site.supervisor.signal(signal.SIGHUP)
    wait_for(lambda: site.role_pids()["dns"] != old["dns"], what="a new dns role")
    assert answers(port, LISTED) == ["127.0.0.8"]
    wait_for(lambda: not accepts_connections(site.ports["dns"]), what="the old address to be closed")
    assert site.role_pids()["gate"] == old["gate"]
    assert site.supervisor.events("role.died") == []


def test_taken_address_refuses_the_whole_reload(running_site, sink):
    site = running_site
    add(site, "198.51.100.9")
    pids = site.role_pids()
    site.conf["dns"]["listen"] = [f"127.0.0.1:{free_port()}"]
    site.conf["portal"]["listen"] = f"127.0.0.1:{sink.port}"
    site.write()
    site.supervisor.signal(signal.SIGHUP)
    bad = site.supervisor.wait_for_event("config.bad")
    assert str(sink.port) in bad[-1]["why"]
    is_listed(site)  # at the old address
    assert accepts_connections(site.ports["web"])
    assert site.role_pids() == pids


def test_role_that_is_taken_out_ends(running_site):
    site = running_site
    web = site.role_pids()["web"]
    site.conf["run"]["roles"] = ["keeper", "dns", "gate"]
    site.write()
    site.supervisor.signal(signal.SIGHUP)
    wait_gone(web)
    assert not accepts_connections(site.ports["web"])
    assert site.supervisor.events("role.died") == []


def test_taken_port_at_start_says_so(site, sink):
    site.conf["portal"]["listen"] = f"127.0.0.1:{sink.port}"
    run = site.run(wait=False)
    assert run.wait() == 65
    assert f"127.0.0.1:{sink.port}" in run.log and "in use" in run.log


def test_wrong_configuration_at_start_is_78(site):
    site.conf["checks"]["no-ptr"] = "rejct"
    run = site.run(wait=False)
    assert run.wait() == 78
    assert "did you mean 'reject'" in run.log


def test_gate_before_an_open_relay_ends_the_run(site, sink):
    """The one thing that must not be tried again quietly: the exit code is that of the configuration."""
    sink.relays = True
    run = site.run(wait=False)
    assert run.wait(60) == 78
    assert run.events("gate.backend-relays")
    assert not accepts_connections(site.ports["gate"])


def test_gate_and_dns_start_with_the_last_list_when_the_keeper_cannot(running_site, nameserver):
    """A store that is gone must not empty the lists: what was published last is served on, across restarts too."""
    site = running_site
    nameserver.host("bulk.spam.test", "198.51.100.9")
    add(site, "198.51.100.9")
    is_listed(site)
    written = len(site.supervisor.events("snapshot.written"))
    site.conf["lists"]["main"]["sublists"]["more"] = {"code": "127.0.0.9", "policy": "by-hand"}
    site.write()
    site.supervisor.signal(signal.SIGHUP)
    site.supervisor.wait_for_event("snapshot.written", written + 1)  # holds the listing
    site.supervisor.stop()
    site.conf["run"]["roles"] = ["dns", "gate"]
    site.run()
    is_listed(site)
    assert deliver(site.ports["gate"], "198.51.100.9").code == 554


def test_strangers_find_nothing_to_speak_for_roles_at(running_site):
    """Signs of life travel by sockets without a name: whoever is on this machine can neither fill them nor write there."""
    site = running_site
    pids = [site.supervisor.pid, *site.role_pids().values()]
    held = {name.strip("socket:[]") for pid in pids for name in files_of(pid) if name.startswith("socket:")}
    with open("/proc/net/unix", encoding="utf-8") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    named = {row[7] for row in rows if row[6] in held and len(row) > 7}
    assert named == {site.path("run", name) for name in (
        "control.sock", "bus/gate.sock", "bus/dns.sock", "bus/web.sock", "bus/courier.sock")}


def test_init_system_is_told(site, tmp_path):
    """sd_notify: ready when all are, a sign of life, stopping."""
    path = site.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(30)
        run = site.run(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
        said = [listener.recv(100)]
        while b"READY=1" not in said:
            said.append(listener.recv(100))
        assert run.events("run.ready")
        while said[-1] != b"WATCHDOG=1":
            said.append(listener.recv(100))
        run.signal(signal.SIGTERM)
        while said[-1] != b"STOPPING=1":
            said.append(listener.recv(100))
        assert run.wait() == 0


def test_role_alone_takes_sockets_of_an_init_system(site):
    """A split unit: port 53 is opened by somebody else, who may; the role finds it by its name."""
    site.conf["dns"]["threads"] = 1
    site.write()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    port = udp.getsockname()[1]

    def as_init_does():
        os.dup2(udp.fileno(), 3)
        os.environb.clear()
        os.execve(site.program, ["stockade", "role", "dns", "--config", site.conf_path],
                  {**site.environment, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "dns-udp-0-0"})

    site.start("keeper")
    add(site, "198.51.100.9")
    log = open(site.path("log", "split.log"), "wb")
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(log.fileno(), 2)
            as_init_does()
        finally:
            os._exit(99)
    udp.close()
    try:
        wait_for(lambda: answers(port, LISTED) == ["127.0.0.8"], what="an answer at the inherited socket")
    finally:
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def limit_processes(site, most):
    """Those of the user of the supervisor, which is asked by that user: the hard limit stays."""
    subprocess.run(["prlimit", "--pid", str(site.supervisor.pid), f"--nproc={most}:"], check=True, **site.identity)


def test_without_memory_for_a_process_a_role_is_started_later(make_site):
    """fork(2) fails; the others go on, the log and `status` tell, and it is back when there is room."""
    site = make_site(unprivileged=True)
    site.supervisor = run = site.run()
    old = site.role_pids()
    limit_processes(site, "1")
    os.kill(old["web"], signal.SIGKILL)
    failed = run.wait_for_event("role.failed")
    assert failed[0]["role"] == "web" and failed[0]["why"].startswith("cannot fork: ")
    told = wait_for(lambda: site.cli("status", check=False).stdout, what="status")
    assert "web" in told
    add(site, "198.51.100.9")
    wait_for(lambda: deliver(site.ports["gate"], "198.51.100.9").code == 554, what="the others to go on")
    limit_processes(site, "4000")
    wait_for(lambda: accepts_connections(site.ports["web"]) and site.role_pids()["web"] != old["web"], what="web to be back")
    assert {role for role, pid in site.role_pids().items() if pid != old[role]} == {"web"}


def test_no_process_leaves_a_core_file(running_site):
    for pid in [running_site.supervisor.pid, *running_site.role_pids().values()]:
        with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
            assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]
