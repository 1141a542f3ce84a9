# SPDX-License-Identifier: ISC
"""`stockade demo`: what a newcomer sees first. The visitors and their ends are checked by the demo itself."""
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness.nameserver import answers
from harness.site import NOBODY
from harness.waiting import accepts_connections, wait_for

pytestmark = pytest.mark.xdist_group("demo")  # each looks for the first free ports: two at a time would find the same


class Demo:
    def __init__(self, program, path, identity, **environment):
        self.path = path
        with open(path, "wb") as out:
            self.popen = subprocess.Popen([program, "demo"], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": "/tmp", **environment},
                                          **identity)

    @property
    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def wait_for_text(self, text):
        def there():
            assert self.popen.poll() is None, self.text
            return text in self.text
        wait_for(there, 90, f"'{text}'")

    def find(self, pattern):
        return re.search(pattern, self.text).group(1)


@pytest.fixture(params=["as_is", pytest.param("as_nobody", marks=pytest.mark.needs_root)])
def demo(request, program, tmp_path):
    identity = {}
    if request.param == "as_nobody":
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        copy = f"/tmp/stk-demo-{os.getpid()}"
        shutil.copy(program, copy)
        program = copy
        request.addfinalizer(lambda: os.unlink(copy))
    demo = Demo(program, tmp_path / "out", identity)
    yield demo
    if demo.popen.poll() is None:
        demo.popen.send_signal(signal.SIGINT)
        try:
            demo.popen.wait(60)
        finally:
            demo.popen.kill()


def children(pid):
    """All processes below pid."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        below = [int(word) for word in file.read().split()]
    return below + [grandchild for child in below for grandchild in children(child)]


def test_demo_stays_up_invites_and_leaves_nothing_behind(demo):
    demo.wait_for_text("Your turn")
    assert "^ expected" not in demo.text
    assert len(re.findall(r"^ +\d+  [0-9a-f.:]+ +", demo.text, re.M)) >= 12
    gate = int(demo.find(r"mail gate +127\.0\.0\.1:(\d+)"))
    dns = int(demo.find(r"blocklist +127\.0\.0\.1:(\d+)"))
    folder = demo.find(r"data +(/tmp/stockade-demo-\w+)")
    assert answers(dns, "9.100.51.198.bl.demo.test") == ["127.0.0.8"]
    assert accepts_connections(gate)
    processes = children(demo.popen.pid)
    assert len(processes) == 7  # supervisor, four roles, and the dialers of gate and web
    demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(60) == 0
    assert not os.path.exists(folder)
    assert not accepts_connections(gate)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in processes), what="all processes to be gone")


def test_interrupted_in_the_middle_it_ends_as_cleanly(demo):
    demo.wait_for_text("data ")
    folder = demo.find(r"data +(/tmp/stockade-demo-\w+)")
    demo.popen.send_signal(signal.SIGTERM)
    assert demo.popen.wait(60) == 0
    assert not os.path.exists(folder)


def test_mail_without_a_proxy_header_has_a_port_of_its_own(demo):
    demo.wait_for_text("Your turn")
    command = demo.find(r"as yourself +(swaks .*)")
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0 and "PROXY" not in command, result
    demo.wait_for_text("from <you@demo.test>")


def test_what_is_not_installed_is_not_shown(program, tmp_path):
    demo = Demo(program, tmp_path / "out", {}, PATH="/none")
    demo.wait_for_text("its state")
    demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(60) == 0
    assert "swaks --" not in demo.text and "dig -p" not in demo.text and "not installed here" in demo.text


def test_commands_that_are_printed_work(demo, root):
    demo.wait_for_text("Your turn")
    conf = demo.find(r"conf=(\S+)")
    swaks = re.search(r"swaks (--server.*?--to \S+)", demo.text, re.S).group(1).replace("\\\n", "")
    result = subprocess.run(f"swaks {swaks}", shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    demo.wait_for_text("the demo mailbox got")
    commands = [line.split("   ")[-1].strip() for line in demo.text.splitlines() if "--config $conf" in line]
    assert len(commands) >= 6
    for command in commands:
        command = command[command.index(" ") + 1:].replace("$conf", conf)
        result = subprocess.run(f"{demo.popen.args[0]} {command}", shell=True, cwd=root, capture_output=True,
                                text=True, check=False)
        assert result.returncode in ((0, 1) if command.startswith("lookup") else (0,)), (command, result)


def test_questions_that_are_printed_have_answers(demo):
    demo.wait_for_text("Your turn")
    questions = re.findall(r"  (dig -p .*)", demo.text)
    assert len(questions) == 6
    for question in questions:
        result = subprocess.run(question, shell=True, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0 and result.stdout.strip(), (question, result)
        assert "failed" not in result.stdout, (question, result)  # a transfer that is refused
    assert "\nbl.demo.test." in result.stdout and "SOA" in result.stdout  # the transfer, printed last
    with open(demo.find(r"less (\S+)"), encoding="utf-8") as log:
        assert "event=notify." not in log.read()


def test_second_demo_takes_other_ports(demo, program, tmp_path):
    demo.wait_for_text("Your turn")
    second = subprocess.run([program, "demo", "--selftest"], capture_output=True, text=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=120)
    assert second.returncode == 0, second.stdout + second.stderr
    assert demo.find(r"mail gate +127\.0\.0\.1:(\d+)") not in second.stdout.splitlines()[1]
