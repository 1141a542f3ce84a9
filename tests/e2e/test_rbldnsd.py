# SPDX-License-Identifier: ISC
"""`stockade rbldnsd` as an operator of rbldnsd meets it: command line, signals, files that change, logs, rights. What it
answers is compared with rbldnsd itself by tests/compare-rbldnsd."""
import ctypes
import errno
import gzip
import os
import pathlib
import platform
import pwd
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

from harness.clock import Clock
from harness.waiting import free_port, wait_for

HOST = "127.0.0.1"
HEAD = "$SOA 1d ns1.bl.test admin.bl.test 0 2h 2h 1w 1h\n$NS 1d ns1.bl.test\n"
FIRST = HEAD + ":2:listed $\n192.0.2.1\n"
SECOND = HEAD + ":3:listed $\n192.0.2.1\n"


class Rbldnsd:
    """A folder of data, and the server over it."""

    def __init__(self, program, folder):
        self.program = str(program)
        self.folder = folder
        self.port = free_port()
        self.process = None
        folder.chmod(0o777)

    def write(self, name, text, at=None):
        """In one piece, as one should."""
        path = self.folder / name
        octets = text if isinstance(text, bytes) else text.encode()
        (self.folder / (name + ".new")).write_bytes(octets)
        os.rename(self.folder / (name + ".new"), path)
        if at is not None:
            os.utime(path, (at, at))
        return path

    def command(self, *arguments, name=None):
        user = ["-u", "nobody"] if os.geteuid() == 0 and "-u" not in arguments else []
        program = [self.program, "rbldnsd"] if name is None else [str(name)]
        return [*program, *user, "-w", str(self.folder), "-b", f"{HOST}/{self.port}", *arguments]

    def answers_at_all(self):
        try:
            return self.ask("nobody.asks.this.invalid", timeout=0.2) is not None
        except (dns.exception.Timeout, OSError):
            return False

    def start(self, *arguments, wait=True, environment=None, name=None, before=None):
        self.log = self.folder / "words"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command("-n", *arguments, name=name), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env={**os.environ, **(environment or {})}, preexec_fn=before)
        if wait:
            wait_for(lambda: " started (" in self.words() or self.process.poll() is not None,
                     what=lambda: f"start:\n{self.words()}")
            assert self.process.poll() is None, self.words()
        return self

    def words(self):
        return self.log.read_text("utf-8", "replace")

    def read(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def ask(self, name, kind="A", tcp=False, edns=False, payload=1232, host=HOST, timeout=40):
        query = dns.message.make_query(name, kind)
        query.use_edns(edns=edns, payload=payload)
        return (dns.query.tcp if tcp else dns.query.udp)(query, host, port=self.port, timeout=timeout)

    def answers(self, name, kind="A", **options):
        return sorted(item.to_text() for rrset in self.ask(name, kind, **options).answer for item in rrset)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; the exit code. Whatever a sanitizer had to say fails the test."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.process.wait(30)
        found = re.search(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|jail.refused).*", self.words())
        assert found is None, self.words()
        self.process = None
        return code


@pytest.fixture
def server(program):
    with tempfile.TemporaryDirectory(prefix="stk-rbl-", dir="/tmp") as folder:  # tmp_path is closed to other users
        one = Rbldnsd(program, pathlib.Path(folder))
        yield one
        one.stop()


def test_serves_by_udp_and_tcp_and_ends_well(server):
    server.write("list", FIRST, at=1_700_000_000)
    server.start("bl.test:ip4set:list")
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    assert server.answers("1.2.0.192.bl.test", "TXT", tcp=True) == ['"listed 192.0.2.1"']
    assert server.ask("2.2.0.192.bl.test").rcode() == dns.rcode.NXDOMAIN
    assert server.ask("2.0.192.bl.test").rcode() == dns.rcode.NOERROR
    assert server.ask("bl.test", "SOA").answer[0][0].serial == 1_700_000_000
    assert server.ask("bl.test", edns=1).rcode() == dns.rcode.BADVERS
    refused = server.ask("foreign.example", edns=0)
    assert refused.rcode() == dns.rcode.REFUSED and [option.code for option in refused.options] == [20]
    assert server.stop() == 0


def test_long_answers_are_truncated_and_whole_over_tcp(server):
    server.write("list", "".join(f"192.0.2.1 :2:{number:0200}\n" for number in range(20)))
    server.start("bl.test:ip4set:list")
    for edns in (False, 0):
        answer = server.ask("1.2.0.192.bl.test", "TXT", edns=edns)
        assert answer.flags & dns.flags.TC and answer.answer == []
    assert len(server.answers("1.2.0.192.bl.test", "TXT", tcp=True)) == 20


def test_a_million_questions_of_small_kind_agree_with_rbldnsd(program, root):
    """Here a few thousand; script/compare-rbldnsd asks all of them."""
    result = subprocess.run([sys.executable, root / "tests" / "compare-rbldnsd", "--program", program, "--names", "4000"],
                            capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 not" in result.stdout


def test_changed_files_are_read_after_sighup(server):
    server.write("list", FIRST)
    server.start("-c", "0", "bl.test:ip4set:list")
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    for code, text in (("127.0.0.3", SECOND), ("127.0.0.2", FIRST), ("127.0.0.3", gzip.compress(SECOND.encode()))):
        server.write("list", text)
        server.signal(signal.SIGHUP)
        wait_for(lambda: server.answers("1.2.0.192.bl.test") == [code], what=f"{code}")


def test_changed_files_are_found_by_looking(server):
    server.write("list", FIRST)
    server.start("-c", "1s", "bl.test:ip4set:list")
    server.write("list", SECOND)
    wait_for(lambda: server.answers("1.2.0.192.bl.test") == ["127.0.0.3"], what="the new data")


def test_data_that_cannot_be_read_leave_the_old_in_service(server):
    server.write("list", FIRST)
    server.write("other", FIRST)
    server.start("-c", "0", "bl.test:ip4set:list", "o.test:ip4set:other")
    (server.folder / "list").unlink()
    server.write("other", SECOND)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.o.test") == ["127.0.0.3"], what="the other zone")
    assert "its last good data stay in service" in server.words()
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    server.write("list", gzip.compress(SECOND.encode())[:-9])  # cut short
    server.write("other", FIRST)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.o.test") == ["127.0.0.2"], what="the other zone again")
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    server.write("list", SECOND)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.bl.test") == ["127.0.0.3"], what="good data again")


def test_expired_data_are_not_served(server):
    stamp = time.strftime("%Y-%m-%d:%H:%M:%S", time.gmtime(time.time() - 60))
    server.write("list", f"$TIMESTAMP {stamp} +1h\n" + FIRST)
    clock = Clock(server.folder / "clock")
    os.chmod(clock.path, 0o666)
    server.start("-c", "60", "bl.test:ip4set:list", environment={"STOCKADE_TEST_CLOCK": clock.path})
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    clock.advance(3600)
    wait_for(lambda: server.ask("1.2.0.192.bl.test").rcode() == dns.rcode.SERVFAIL, what="the end of the data")
    wait_for(lambda: "zone data expired" in server.words(), what="words about it")


def test_bad_lines_are_named_and_the_rest_loads(server):
    server.write("list", "192.0.2.1\nnonsense\n192.0.2.0/33\n192.0.2.2\n")
    server.start("bl.test:ip4set:list")
    assert re.search(r"^rbldnsd: list:2: ", server.words(), re.M) and re.search(r"^rbldnsd: list:3: ", server.words(), re.M)
    assert server.answers("2.2.0.192.bl.test") == ["127.0.0.2"]


def test_a_file_of_nonsense_does_not_fill_the_log(server):
    server.write("list", "nonsense\n" * 1000 + "192.0.2.1\n")
    server.start("bl.test:ip4set:list")
    assert server.words().count("rbldnsd: list:") == 100
    assert "900 more warnings suppressed" in server.words()
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]


@pytest.mark.parametrize("arguments, words", [
    (["bl.test:ip4set:absent"], "zone loading errors, aborting"),
    (["bl.test:nosuch:list"], "unknown dataset type 'nosuch'"),
    (["-u", "no-such-user", "bl.test:ip4set:list"], "unknown user 'no-such-user'"),
    (["-r", "/no/such/root", "bl.test:ip4set:list"], "unable to chroot to /no/such/root"),
    (["-p", "/no/such/folder/pid", "bl.test:ip4set:list"], "unable to write pidfile"),
    (["-x", "ext.so", "bl.test:ip4set:list"], "extensions"),
    (["-b", "no such host", "bl.test:ip4set:list"], "no such host"),
])
def test_what_cannot_be_done_ends_with_words_and_exit_code_1(server, arguments, words):
    server.write("list", FIRST)
    for stays in (["-n"], []):
        result = subprocess.run(server.command(*stays, *arguments), capture_output=True, text=True, timeout=30, check=False)
        assert result.returncode == 1 and words in result.stderr


def test_a_port_in_use_is_an_error(server):
    server.write("list", FIRST)
    server.start("bl.test:ip4set:list")
    result = subprocess.run(server.command("-n", "bl.test:ip4set:list"), capture_output=True, text=True, timeout=30,
                            check=False)
    assert result.returncode == 1 and "cannot listen" in result.stderr


def test_a_tcp_port_in_use_is_a_warning(server):
    server.write("list", FIRST)
    with socket.create_server((HOST, server.port)):
        server.start("bl.test:ip4set:list")
        assert "no answers by TCP" in server.words()
        assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]


def test_quick_start_answers_servfail_until_data_are_there(server):
    server.start("-q", "-c", "0", "bl.test:ip4set:list")
    assert server.ask("1.2.0.192.bl.test").rcode() == dns.rcode.SERVFAIL
    assert server.ask("foreign.example").rcode() == dns.rcode.REFUSED
    server.write("list", FIRST)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.bl.test") == ["127.0.0.2"], what="data")


def test_files_of_foreign_systems_are_read(server):
    """CR LF, the mark of an editor, octets behind the end of gzip's; and zones as generated command lines have them."""
    foreign = b"\xef\xbb\xbf" + FIRST.replace("\n", "\r\n").encode()
    server.write("list", foreign)
    server.write("zeros", gzip.compress(foreign) + bytes(70000))
    server.write("tail", gzip.compress(foreign) + gzip.compress(foreign)[11:])
    server.start(".bl.test:ip4set:list", "zeros..test:ip4set:zeros", "tail.test..:ip4trie:tail")
    for zone in ("bl.test", "zeros.test", "tail.test"):
        assert server.answers(f"1.2.0.192.{zone}", "TXT") == ['"listed 192.0.2.1"']
        assert server.ask(zone, "SOA").answer[0][0].mname == dns.name.from_text("ns1.bl.test")
    assert " list:" not in server.words(), server.words()


def test_a_pipe_is_no_file_and_holds_up_no_other(server):
    """Nobody can read it again, or knows when somebody will write."""
    server.write("other", FIRST)
    os.mkfifo(server.folder / "pipe")
    refused = subprocess.run(server.command("-n", "bl.test:ip4set:pipe"), capture_output=True, text=True, timeout=30, check=False)
    assert refused.returncode == 1 and "pipe: this is a pipe, which cannot be read again" in refused.stderr
    server.start("-q", "-c", "0", "bl.test:ip4set:pipe", "o.test:ip4set:other")
    wait_for(lambda: server.answers("1.2.0.192.o.test") == ["127.0.0.2"], what="the other zone")


def test_query_log_and_its_rotation(server):
    server.write("list", FIRST)
    server.start("-l", "+queries", "bl.test:ip4set:list")
    server.ask("1.2.0.192.Bl.test")
    server.ask("nosuch.bl.test", "TXT", tcp=True)
    wait_for(lambda: len(server.read("queries").splitlines()) == 2, what="two lines")
    assert re.search(r"^\d+ 127\.0\.0\.1 1\.2\.0\.192\.Bl\.test A IN: NOERROR/1/\d+$", server.read("queries"), re.M)
    assert re.search(r"^\d+ 127\.0\.0\.1 nosuch\.bl\.test TXT IN: NXDOMAIN/0/\d+$", server.read("queries"), re.M)
    os.rename(server.folder / "queries", server.folder / "queries.1")
    server.signal(signal.SIGHUP)
    wait_for(lambda: (server.folder / "queries").exists(), what="a new log")
    server.ask("3.2.0.192.bl.test")
    wait_for(lambda: "3.2.0.192.bl.test A IN: NXDOMAIN" in server.read("queries"), what="a line in the new log")
    assert "3.2.0.192" not in server.read("queries.1")


def test_a_buffered_query_log_is_written_soon_and_at_the_end(server):
    server.write("list", FIRST)
    server.start("-l", "queries", "bl.test:ip4set:list")
    server.ask("1.2.0.192.bl.test")
    wait_for(lambda: "1.2.0.192.bl.test" in server.read("queries"), what="the line, without more queries")
    for number in range(50):
        server.ask(f"{number}.2.0.192.bl.test")
    server.stop()
    assert len(server.read("queries").splitlines()) == 51


def test_logs_that_cannot_be_written_stop_no_answers(server):
    server.write("list", FIRST)
    server.start("-l", "absent/queries", "-s", "absent/stats", "-c", "0", "bl.test:ip4set:list")
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    wait_for(lambda: "error (re)opening logfile" in server.words() and "cannot write statistics" in server.words(),
             what="words about both")


def test_statistics(server):
    server.write("list", FIRST)
    server.start("-s", "stats", "-c", "1", "bl.test:ip4set:list", "o.test:ip4set:list")
    server.ask("1.2.0.192.bl.test")
    server.ask("2.2.0.192.bl.test")
    server.ask("foreign.example")
    wait_for(lambda: re.search(r"^\d+ bl\.test:2:1:1:\d+:\d+ o\.test:0:0:0:0:0 \*:3:1:1:\d+:\d+$", server.read("stats"), re.M),
             what=lambda: f"a line of counts:\n{server.read('stats')}")
    assert re.match(r"\d+$", server.read("stats").splitlines()[0])
    server.signal(signal.SIGUSR1)
    wait_for(lambda: re.search(r"stats for \d+secs zone bl\.test: tot=2 ok=1 nxd=1 err=0 in=\d+ out=\d+", server.words()),
             what="counts in the log")
    server.signal(signal.SIGUSR2)
    wait_for(lambda: re.search(r"bl\.test:0:0:0:0:0 o\.test", server.read("stats")), what="counts from zero")
    server.stop()
    assert re.match(r"\d+$", server.read("stats").splitlines()[-1])


def test_relative_statistics_count_from_line_to_line(server):
    server.write("list", FIRST)
    server.start("-s", "+stats", "-c", "0", "bl.test:ip4set:list")
    for asked in (3, 1):
        for _ in range(asked):
            server.ask("1.2.0.192.bl.test")
        server.signal(signal.SIGUSR1)
        wait_for(lambda: f" bl.test:{asked}:{asked}:0:" in server.read("stats"), what=f"{asked}")


def test_becomes_a_daemon_with_a_pid_file(server):
    server.write("list", FIRST)
    pid_file = server.folder / "pid"
    result = subprocess.run(server.command("-p", str(pid_file), "bl.test:ip4set:list"), stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=30, check=True)
    pid = int(pid_file.read_text())
    try:
        assert "started" in result.stdout
        assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]  # it returned when it was ready
        assert os.getsid(pid) == pid
        for number in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null" if os.geteuid() == 0 else True
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="its end")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


@pytest.mark.needs_root
def test_rights_are_given_up(server):
    server.write("list", FIRST)
    server.start("-u", "nobody", "bl.test:ip4set:list")
    status = status_of(server.process.pid)
    assert status["Seccomp"] == "2"
    nobody = pwd.getpwnam("nobody")
    assert status["Uid"].split() == [str(nobody.pw_uid)] * 4 and status["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert status["Groups"].split() == [str(nobody.pw_gid)]
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"


@pytest.mark.needs_root
def test_below_a_root_of_its_own(server):
    (server.folder / "srv").mkdir()
    os.chmod(server.folder / "srv", 0o777)
    server.write("srv/list", FIRST)
    root = ["-r", str(server.folder), "-w", "/srv"]
    command = [word for word in server.command("-n", *root, "-l", "+queries", "bl.test:ip4set:list")]
    del command[command.index("-w"):command.index("-w") + 2]
    server.log = server.folder / "words"
    with open(server.log, "wb") as log:
        server.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_for(lambda: " started (" in server.words(), what="start")
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    server.write("srv/list", SECOND)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.bl.test") == ["127.0.0.3"], what="the new data")
    assert "1.2.0.192.bl.test" in server.read("srv/queries")
    assert os.readlink(f"/proc/{server.process.pid}/root") == str(server.folder)


@pytest.mark.needs_root
def test_nothing_runs_as_root(server):
    server.write("list", FIRST)
    result = subprocess.run(server.command("-n", "-u", "root", "bl.test:ip4set:list"), capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == 1 and "should not run as root" in result.stderr


def test_a_link_in_the_path_may_lead_elsewhere(server):
    for number, text in ((1, FIRST), (2, SECOND)):
        (server.folder / f"release-{number}").mkdir(mode=0o755)
        server.write(f"release-{number}/list", text)
    (server.folder / "current").symlink_to("release-1")
    server.start("-c", "0", "bl.test:ip4set:current/list")
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    (server.folder / "next").symlink_to("release-2")
    os.rename(server.folder / "next", server.folder / "current")
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.bl.test") == ["127.0.0.3"], what="the other release")


def test_called_by_the_name_of_rbldnsd(server):
    server.write("list", FIRST)
    link = server.folder / "rbldnsd"
    link.symlink_to(server.program)
    server.start("bl.test:ip4set:list", name=link)
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    usage = subprocess.run([link, "-h"], capture_output=True, text=True, timeout=30, check=True)
    assert "ZONE:TYPE:FILE" in usage.stdout


def test_below_systemd_it_stays_and_says_when_it_is_ready(server):
    server.write("list", FIRST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(server.folder / "notify"))
        os.chmod(server.folder / "notify", 0o777)
        told.settimeout(30)
        command = server.command("bl.test:ip4set:list")  # without -n
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "NOTIFY_SOCKET": str(server.folder / "notify")})
        try:
            assert told.recv(100) == b"READY=1"
            assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
        finally:
            process.terminate()
        assert told.recv(100) == b"STOPPING=1"
        assert process.wait(30) == 0


def refuse_calls_as_systemd():
    """What `SystemCallFilter=@system-service` and `SystemCallErrorNumber=EPERM` of Debian's rbldnsd.service mean for us: of
    all calls that a start makes, seccomp and those of Landlock are in none of systemd 252's groups but @known."""
    architecture, seccomp = {"x86_64": (0xc000003e, 317), "aarch64": (0xc00000b7, 277)}[platform.machine()]
    refused = [seccomp, 444, 445, 446]
    code = [(0x20, 0, 0, 4), (0x15, 0, len(refused) + 1, architecture), (0x20, 0, 0, 0)]
    code += [(0x15, len(refused) - i, 0, number) for i, number in enumerate(refused)]
    code += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050000 | errno.EPERM)]
    octets = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    program = struct.pack("@HP", len(code), ctypes.addressof(octets))
    assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP


def test_the_filter_of_debians_unit_lets_it_start_and_leaves_it_its_own(server):
    server.write("list", FIRST)
    server.start("-c", "0", "bl.test:ip4set:list", before=refuse_calls_as_systemd)
    assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    status = status_of(server.process.pid)
    assert status["Seccomp"] == "2" and status["Seccomp_filters"] == "2"
    server.write("list", SECOND)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.answers("1.2.0.192.bl.test") == ["127.0.0.3"], what="the new data")
    assert server.stop() == 0


def test_who_was_answered_may_end_it(server):
    """In the middle of its start: whoever waits for the first answer has seen it start."""
    server.write("list", FIRST)
    for _ in range(20):
        server.start("bl.test:ip4set:list", wait=False)
        wait_for(server.answers_at_all, what="an answer")
        assert server.stop() == 0


def test_sockets_of_systemd_are_taken(server):
    server.write("list", FIRST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inherited:
        inherited.bind((HOST, 0))
        port = inherited.getsockname()[1]
        command = [word for word in server.command("-n", "bl.test:ip4set:list")]
        del command[command.index("-b"):command.index("-b") + 2]
        script = 'exec 3<&"$0"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        server.log = server.folder / "words"
        with open(server.log, "wb") as log:
            process = subprocess.Popen(["bash", "-c", script, str(inherited.fileno()), *command], pass_fds=[inherited.fileno()],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: " started (" in server.words(), what=server.words)
        server.port = port
        assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_access_lists_see_the_client(server):
    server.write("list", FIRST)
    server.write("acl", "127.0.0.9 :refuse\n127.0.0.8 :ignore\n")
    server.start("bl.test:ip4set:list", ":acl:acl")
    query = dns.message.make_query("1.2.0.192.bl.test", "A")
    assert dns.query.udp(query, HOST, port=server.port, timeout=10, source="127.0.0.9").rcode() == dns.rcode.REFUSED
    assert dns.query.udp(query, HOST, port=server.port, timeout=10, source="127.0.0.7").rcode() == dns.rcode.NOERROR
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(query, HOST, port=server.port, timeout=0.5, source="127.0.0.8")


def cpu_time(pid):
    """Clock ticks of a process and its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_answers_go_on_for_as_long_as_reading_takes(server):
    """A reading that hardly ends: a file of a terabyte that has no blocks."""
    server.write("list", FIRST)
    server.start("-c", "0", "bl.test:ip4set:list")
    with open(server.folder / "endless", "wb") as file:
        file.truncate(1 << 40)
    os.rename(server.folder / "endless", server.folder / "list")
    before = cpu_time(server.process.pid)
    server.signal(signal.SIGHUP)
    wait_for(lambda: cpu_time(server.process.pid) - before >= 10, what="the reading")
    for _ in range(500):
        assert server.answers("1.2.0.192.bl.test") == ["127.0.0.2"]
    assert server.stop() == 0


class Asker(threading.Thread):
    """Sends queries at a rate and counts answers, by what they say. No more are under way than any socket holds, so that a
    machine with other things to do loses none by itself."""

    UNDER_WAY = 150

    def __init__(self, port, name, rate):
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.connect((HOST, port))
        self.query = dns.message.make_query(name, "A", id=0).to_wire()[2:]
        self.rate = rate
        self.sent = self.count = 0
        self.seen = {}
        self.stopping = threading.Event()
        self.is_sending = True

    def run(self):
        receiver = threading.Thread(target=self.receive)
        receiver.start()
        began = time.monotonic()
        while not self.stopping.is_set():
            due = int((time.monotonic() - began) * self.rate)
            while self.sent < due and self.sent - self.count < self.UNDER_WAY:
                self.socket.send((self.sent & 0xffff).to_bytes(2, "big") + self.query)
                self.sent += 1
            time.sleep(0.001)
        self.is_sending = False
        receiver.join()

    def receive(self):
        """Until all came, or none for a while. The sender may be in the middle of a burst when it is told to stop."""
        self.socket.settimeout(0.1)
        came = time.monotonic()
        while self.is_sending or (self.count < self.sent and time.monotonic() - came < 10):
            try:
                answer = self.socket.recv(512)
            except TimeoutError:
                continue
            came = time.monotonic()
            self.count += 1
            self.seen[answer[-4:]] = self.seen.get(answer[-4:], 0) + 1


def test_no_query_is_lost_while_data_are_read(server):
    """10,000 queries a second, several readings of a file that takes its time."""
    body = "".join(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in range(3 << 16))
    server.write("list", FIRST + body)
    server.start("-c", "0", "bl.test:ip4set:list")
    asker = Asker(server.port, "1.2.0.192.bl.test", 10_000)
    asker.start()
    try:
        for code, text in (("127.0.0.3", SECOND), ("127.0.0.2", FIRST), ("127.0.0.3", SECOND)):
            server.write("list", text + body)
            server.signal(signal.SIGHUP)
            wait_for(lambda: server.answers("1.2.0.192.bl.test") == [code], 60, what=code)
    finally:
        asker.stopping.set()
        asker.join()
    assert sum(asker.seen.values()) == asker.sent
    assert set(asker.seen) == {bytes([127, 0, 0, 2]), bytes([127, 0, 0, 3])}


def looked_up(zone, name):
    """What a name server says that has the zone from a master file: addresses, or None for NXDOMAIN (RFC 4592)."""
    relative = name.relativize(zone.origin)
    if relative in zone.nodes:
        node = zone.nodes[relative]
    elif any(other.is_subdomain(relative) for other in zone.nodes):
        return []
    else:
        encloser = relative.parent()
        while encloser != dns.name.empty and not any(other.is_subdomain(encloser) for other in zone.nodes):
            encloser = encloser.parent()
        node = zone.nodes.get(dns.name.Name((b"*",) + encloser.labels))
        if node is None:
            return None
    found = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.A)
    return sorted(item.to_text() for item in found or [])


def test_zones_are_printed_as_master_files(server):
    server.write("list", FIRST + "10.0.0.0/15 :3:\n!10.0.7.9\n!10.1.2.0/24\n10.1.2.128/25\n10.0.7.8 :4:text \"$\"\n192.0.2.3-192.0.2.200\n")
    server.write("six", HEAD + ":5:\n2001:db8::/31\n!2001:db8:1::/48\n2001:db8:1:2::3\n")
    server.write("names", HEAD + ":6:\n.evil.example\n!good.evil.example\na.b.evil.example :7:\n*.c\n!x.y.c\n")
    specs = ["bl.test:ip4set:list", "six.test:ip6trie:six", "names.test:dnset:names"]
    printed = subprocess.run([server.program, "rbldnsd", "-d", "-w", str(server.folder), *specs], capture_output=True, text=True,
                             timeout=60, check=True).stdout
    server.start(*specs)
    asked = {"bl.test": ["1.2.0.192", "3.2.0.192", "200.2.0.192", "201.2.0.192", "9.7.0.10", "8.7.0.10", "1.0.0.10", "7.0.10",
                         "127.2.1.10", "128.2.1.10", "1.3.1.10", "1.0.2.10", "255.255.1.10", "10"],
             "six.test": [".".join(reversed(f"{number:032x}")) for number in
                          (0x20010db8 << 96, 0x20010db9 << 96 | 5, 0x20010db80001 << 80, 0x20010db800010002 << 64 | 3,
                           0x20010dba << 96, 0x20010db80002 << 80)],
             "names.test": ["evil.example", "example", "x.evil.example", "good.evil.example", "x.good.evil.example",
                            "a.b.evil.example", "b.evil.example", "z.b.evil.example", "z.a.b.evil.example", "c", "y.c", "x.y.c",
                            "z.y.c", "z.x.y.c", "none"]}
    parts = re.split(r"(?=^\$ORIGIN\t(?:bl|six|names)\.test\.\n@\t\d+\tSOA)", printed, flags=re.M)[1:]
    for text in parts:
        origin = text.split()[1]
        zone = dns.zone.from_text(text, origin=origin, relativize=True)
        for name in asked[origin.rstrip(".")]:
            answer = server.ask(f"{name}.{origin}")
            said = None if answer.rcode() == dns.rcode.NXDOMAIN else server.answers(f"{name}.{origin}")
            assert looked_up(zone, dns.name.from_text(f"{name}.{origin}")) == said, (origin, name)
    assert len(parts) == 3
