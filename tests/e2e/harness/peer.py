# SPDX-License-Identifier: ISC
"""Mail servers that Debian does not install beside Postfix, from build/peers (script/bootstrap peers), each over the machine's
own files in namespaces of its own: nothing is installed, nothing of it outlives the test, loopback is shared.

    with Exim(relay_port=site.ports["gate"]) as exim:
        exim.submit("a@exim.test", "joe@example.test", MESSAGE)   # hands it over as a user of that machine would
        exim.log()

They need root, as mail servers do.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

from .waiting import wait_for

NAME = "peer.test"  # the name of each of these machines, and the domain of its users
PEERS = pathlib.Path(__file__).resolve().parents[3] / "build" / "peers"

# The users that installing them would have made
USERS = {"Debian-exim": 7101, "smmta": 7102, "smmsp": 7103, "opensmtpd": 7104, "opensmtpq": 7105, "courier": 7106}


class Peer:
    """package: its folder in build/peers. files: path -> content, written over the machine's own."""

    package = ""
    logs = ()

    def __init__(self, files=None, resolver="127.0.0.1"):
        self.files = {"/etc/hosts": f"127.0.0.1 localhost {NAME}\n", "/etc/mailname": f"{NAME}\n",
                      "/etc/resolv.conf": f"nameserver {resolver}\n", **(files or {})}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stk-peer-", dir="/tmp"))
        self.holder = None
        self.daemons = []

    # Life

    def __enter__(self):
        try:
            self._mount()
            self.prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def _mount(self):
        packaged = PEERS / self.package / "root"
        assert packaged.is_dir(), f"{packaged} is missing: script/bootstrap peers"
        for name in ("work", "machine"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        # As the upper layer: no two layers below may hold each other, and the machine's own files hold build/peers.
        subprocess.run(["cp", "-a", packaged, self.folder / "own"], check=True)
        self._write_files()
        machine = self.folder / "machine"
        script = (f"mount -t overlay overlay -o lowerdir=/,upperdir={self.folder}/own,workdir={self.folder}/work {machine}"
                  f" && mount -t proc proc {machine}/proc && mount --rbind /dev {machine}/dev && mount -t tmpfs tmp {machine}/tmp"
                  f" && mount -t tmpfs run {machine}/run && chmod 1777 {machine}/tmp && hostname {NAME} && echo ready && exec sleep infinity")
        self.holder = subprocess.Popen(["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", script],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.holder.stdout.readline() == "ready\n", f"no namespaces for {self.package}"
        children = f"/proc/{self.holder.pid}/task/{self.holder.pid}/children"
        self.init = pathlib.Path(children).read_text(encoding="ascii").split()[0]

    def _write_files(self):
        own = self.folder / "own"
        for name in ("etc/passwd", "etc/group"):
            lines = pathlib.Path("/", name).read_text(encoding="utf-8")
            (own / name).parent.mkdir(exist_ok=True)
            (own / name).write_text(lines + "".join(self._account(name, user, uid) for user, uid in USERS.items()),
                                    encoding="utf-8")
        for name, content in self.files.items():
            path = own / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    @staticmethod
    def _account(file, user, uid):
        return f"{user}:x:{uid}:{uid}::/var/empty:/bin/false\n" if file == "etc/passwd" else f"{user}:x:{uid}:\n"

    def close(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        if self.holder is not None:
            self.holder.kill()  # and with it all that runs in there
            self.holder.wait()
            self.holder.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # For tests

    def prepare(self):
        """What installing the package, or starting the machine, would have done."""

    def inside(self, command):
        return ["nsenter", "--target", self.init, "--mount", "--pid", "--ipc", "--uts", "chroot",
                str(self.folder / "machine"), *command]

    def run(self, *command, text="", check=True, timeout=60):
        done = subprocess.run(self.inside(command), input=text.encode() if isinstance(text, str) else text, timeout=timeout,
                              capture_output=True, check=False)
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{output}\n{self.log()}"
        return output

    def start(self, *command):
        log = open(self.folder / f"daemon{len(self.daemons)}.log", "wb")
        with log:
            self.daemons.append(subprocess.Popen(self.inside(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self.daemons[-1]

    def has(self, name):
        return subprocess.run(self.inside(["test", "-e", name]), check=False).returncode == 0

    def path(self, name):
        """Where a file of that machine is found from outside: only what it wrote itself."""
        return self.folder / "own" / name.lstrip("/")

    def log(self):
        files = [self.path(name) for name in self.logs] + sorted(self.folder.glob("daemon*.log"))
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def wait_for_log(self, words, timeout=60):
        wait_for(lambda: words in self.log(), timeout, lambda: f"{words!r} in the log of {self.package}:\n{self.log()}")
