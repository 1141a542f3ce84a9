# SPDX-License-Identifier: ISC
"""A site: a configuration, its folders, and the processes that run it, alone or below `stockade run`."""
import copy
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from .waiting import free_port, wait_for

ROLES = ("keeper", "dns", "gate", "web")
NOBODY = 65534

_BAD = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|assertion failed|LeakSanitizer).*")


class Process:
    """One process of ours; its log is in `log_path`."""

    def __init__(self, site, name, arguments, environment=None):
        self.site = site
        self.name = name
        self.log_path = site.path("log", f"{name}.log")
        self._log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [site.program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**site.environment, **(environment or {})}, **site.identity)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def log(self):
        """What it wrote since it was started."""
        with open(self.log_path, "rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def events(self, name):
        """Its log lines of one event, as dictionaries."""
        return [parse_event(line) for line in self.log.splitlines() if f"event={name} " in line + " "]

    def is_running(self):
        return self.popen.poll() is None

    def wait_for_event(self, name, count=1, timeout=40):
        def there():
            if len(self.events(name)) >= count:
                return self.events(name)
            if not self.is_running():
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.log}")
            return None
        return wait_for(there, timeout, lambda: f"event {name} of {self.name}; its log:\n{self.log}")

    def wait(self, timeout=20):
        return self.popen.wait(timeout)

    def signal(self, number):
        self.popen.send_signal(number)

    def reload(self):
        """SIGHUP; returns when the new configuration is in force or refused."""
        before = len(self.events("config.loaded")) + len(self.events("config.bad"))
        self.signal(signal.SIGHUP)
        wait_for(lambda: len(self.events("config.loaded")) + len(self.events("config.bad")) > before,
                 what=f"{self.name} to answer SIGHUP")

    def kill(self):
        """kill -9, as a fault."""
        self.popen.kill()
        self.popen.wait()

    def stop(self, timeout=20):
        """SIGTERM; the exit code. Whatever a sanitizer had to say fails the test."""
        if self.is_running():
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end within {timeout} s:\n{self.log}") from None
        self.check_log()
        return self.popen.returncode

    def check_log(self):
        found = _BAD.search(self.log)
        assert found is None, f"{self.name}: {found.group(0)}\n{self.log}"


def parse_event(line):
    """'... event=x a=1 b="two words"' as a dictionary."""
    fields = re.findall(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {key: value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value
            for key, value in fields}


class Site:
    """Folders and configuration of one site on loopback.

    site.conf is the configuration as a dictionary, to be changed before write() (start and run call it). Ports are in
    site.ports. unprivileged: the processes run as nobody when the tests run as root.
    """

    def __init__(self, program, nameserver=None, sink=None, unprivileged=False):
        self.program = str(program)
        self.folder = tempfile.mkdtemp(prefix="stk-", dir="/tmp")  # short: unix sockets live below
        os.chmod(self.folder, 0o755)
        os.mkdir(self.path("log"))
        self.identity = {}
        self.unprivileged = unprivileged or os.geteuid() != 0
        if unprivileged and os.geteuid() == 0:
            self.identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.folder, NOBODY, NOBODY)
            self.program = self.path("stockade")  # the tree may lie where nobody may go
            shutil.copy(program, self.program)
        self.ports = {"gate": free_port(), "dns": free_port(), "web": free_port(),
                      "backend": sink.port if sink else free_port(),
                      "resolver": nameserver.port if nameserver else free_port()}
        self.environment = {**os.environ, "ASAN_OPTIONS": "abort_on_error=0:allocator_may_return_null=1",
                            "UBSAN_OPTIONS": "print_stacktrace=1", "NO_COLOR": "1", "TZ": "UTC"}
        self.environment.pop("NOTIFY_SOCKET", None)
        os.mkdir(self.path("etc"))
        self.conf_path = self.path("etc", "stockade.yaml")  # alone: roles may read its folder
        self.conf = self._first_conf()
        self.processes = []
        self.clock = None
        self.sink = sink
        self.nameserver = nameserver

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def _first_conf(self):
        return {
            "hostname": "mx1.example.test",
            "contact": "postmaster@example.test",
            "portal-url": "https://mail.example.test/why",
            "mode": "enforce",
            "store": "sqlite:" + self.path("store", "stockade.db"),
            "run": {
                "roles": list(ROLES), "resolver": f"127.0.0.1:{self.ports['resolver']}",
                "folder": self.path("run"), "lists": self.path("lists"), "state": self.path("state")},
            "own": {"domains": ["example.test"], "networks": ["10.99.0.0/16"]},
            "gate": {
                "listen": [f"127.0.0.1:{self.ports['gate']}"],
                "backend": {"address": f"127.0.0.1:{self.ports['backend']}", "pass-client": "xclient"},
                "proxy-from": ["127.0.0.0/8"]},
            # most senders of the tests are in no DNS
            "checks": {"early": {"action": "reject", "wait": "0s"}, "sender-domain": "off"},
            "policies": {"by-hand": {
                "criterion": {"version": 1, "text": "Entered by a named operator with a written reason."},
                "takes": ["operator"], "lasts": "until-review", "review-every": "90d"}},
            "lists": {
                "main": {"zone": "bl.example.test", "holds": "addresses", "action": "reject",
                         "sublists": {"manual": {"code": "127.0.0.8", "policy": "by-hand"}}},
                "names": {"zone": "dbl.example.test", "holds": "domains", "action": "reject",
                          "sublists": {"manual": {"code": "127.0.1.2", "policy": "by-hand"}}}},
            "dns": {"listen": [f"127.0.0.1:{self.ports['dns']}"], "nameservers": ["ns1.example.test"],
                    "ttl": "5m", "threads": 2},
            "portal": {"listen": f"127.0.0.1:{self.ports['web']}"},
        }

    def write(self, text=None):
        """Writes site.conf (JSON is YAML), or text as it is, in one piece as an editor would."""
        with open(self.conf_path + ".new", "w", encoding="utf-8") as file:
            file.write(text if text is not None else json.dumps(self.conf, indent=2) + "\n")
        os.rename(self.conf_path + ".new", self.conf_path)

    def copy_conf(self):
        return copy.deepcopy(self.conf)

    def use_clock(self, clock):
        self.clock = clock
        self.environment["STOCKADE_TEST_CLOCK"] = clock.path

    def _launch(self, name, arguments, environment):
        process = Process(self, name, arguments, environment)
        self.processes.append(process)
        return process

    def start(self, role, wait=True, environment=None):
        """`stockade role ROLE` in the foreground; returns when it says it is ready."""
        self.write()
        process = self._launch(role, ["role", role, "--config", self.conf_path], environment)
        if wait:
            process.wait_for_event("role.started")
        return process

    def run(self, wait=True, environment=None):
        """`stockade run`; returns when all roles are ready."""
        self.write()
        process = self._launch("run", ["run", "--config", self.conf_path], environment)
        if wait:
            def there():
                started = {event["role"] for event in process.events("role.started")}
                if not process.is_running():
                    raise AssertionError(f"run ended with {process.popen.returncode}:\n{process.log}")
                return started >= set(self.conf["run"]["roles"])
            wait_for(there, 30, "all roles")
        return process

    def run_again(self):
        """`stockade run` after it was killed, as an init system starts it: until the roles of the one before, which end by
        themselves, have let go of the sockets."""
        def taken_over():
            process = self.run(wait=False)
            wait_for(lambda: process.events("run.ready") or not process.is_running(), 40, "the run to be ready or to end")
            return process if process.is_running() else None
        return wait_for(taken_over, 40, "a run that stays")

    def role_pids(self):
        """{role: pid} of the newest processes, from the log of `stockade run`."""
        pids = {}
        for process in self.processes:
            for event in process.events("role.started"):
                pids[event["role"]] = int(event["pid"])
        return pids

    def cli(self, *arguments, check=True, input=None, timeout=60):
        """A verb with this site's configuration; the CompletedProcess (text). check: it has to exit 0."""
        result = subprocess.run(
            [self.program, *arguments, "--config", self.conf_path], env=self.environment, timeout=timeout,
            capture_output=True, text=True, **self.identity,
            **({"stdin": subprocess.DEVNULL} if input is None else {"input": input}))
        found = _BAD.search(result.stderr)
        assert found is None, f"{arguments}: {result.stderr}"
        if check:
            assert result.returncode == 0, f"{arguments}: exit {result.returncode}\n{result.stdout}{result.stderr}"
        return result

    def json(self, *arguments, check=True):
        return json.loads(self.cli(*arguments, "--json", check=check).stdout)

    def close(self):
        """Stops what runs, newest first, and removes the folder; complains about what complained."""
        problems = []
        for process in reversed(self.processes):
            try:
                process.stop()
            except AssertionError as problem:
                problems.append(str(problem))
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not problems, "\n".join(problems)


def wait_gone(pid, timeout=10):
    """Waits until no process of this number lives (a zombie is no life)."""
    def gone():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True
    wait_for(gone, timeout, f"process {pid} to end")
