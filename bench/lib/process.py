# SPDX-License-Identifier: ISC
"""A server under measurement: started on given cores, watched through /proc with all its children, stopped by its id."""
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import time

START_S = 180


def family(pid):
    """The process and everything below it: some servers answer in children."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass  # gone meanwhile
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_seconds(pid):
    """In nanoseconds what /proc/PID/stat has in ticks of 10 ms; of threads that are there."""
    total = 0
    for member in family(pid):
        for task in glob.glob(f"/proc/{member}/task/*/schedstat"):
            try:
                with open(task, encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass  # gone meanwhile
    return total / 1e9


def memory_kb(pid):
    """Memory of its own and mapped files that are in memory."""
    total = 0
    for member in family(pid):
        with open(f"/proc/{member}/status", encoding="ascii", errors="replace") as file:
            text = file.read()
        total += sum(int(found.group(1)) for name in ("RssAnon", "RssFile")
                     if (found := re.search(rf"^{name}:\s+(\d+)", text, re.M)))
    return total


def query(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


class Server:
    """listed: a name that has an answer; start_s and start_cpu_s are from the start of the program to that answer."""

    def __init__(self, name, arguments, port, cores, listed):
        self.name, self.port = name, port
        self.answers = name != "echo"
        began = time.monotonic()
        self.process = subprocess.Popen(["taskset", "-c", cores, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        try:
            self._wait(query(listed), began + START_S)
        except BaseException:
            self.stop()
            raise
        self.start_s = time.monotonic() - began
        self.start_cpu_s = self.cpu()

    def _wait(self, question, deadline):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.port))
            client.settimeout(0.02)
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    sys.exit(f"bench: {self.name} ended with {self.process.returncode}")
                try:
                    client.send(question)
                    reply = client.recv(4096)
                except OSError:
                    time.sleep(0.002)
                    continue
                if not self.answers or reply[7] != 0:
                    return
                time.sleep(0.01)  # it runs, and has not loaded its zone yet
        sys.exit(f"bench: {self.name} does not answer")

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def memory_kb(self):
        return memory_kb(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()
