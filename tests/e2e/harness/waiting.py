# SPDX-License-Identifier: ISC
"""Waiting for a condition, and for ports."""
import random
import socket
import time


def wait_for(condition, timeout=40.0, what="the condition"):
    """Polls until condition() is true and returns what it returned; fails after timeout seconds of real time. what may be
    a function that tells it, then."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what() if callable(what) else what}")
        time.sleep(0.005)


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


_reserved = {}  # port -> what keeps it ours


def _reserve(port):
    """Whether nobody else tests with this port. A name in the kernel, which goes with this process, keeps others off it:
    between here and the server's own bind(), nobody would."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(f"\0stockade-test-port-{port}")
    except OSError:
        holder.close()
        return False
    _reserved[port] = holder
    return True


def free_port():
    """A port that is free for TCP and UDP, outside the range from which the kernel takes ports for clients, and that no
    other process of these tests is given."""
    while True:
        port = random.randint(12000, 31999)
        if port not in _reserved and _is_free(port) and _reserve(port):
            return port


def accepts_connections(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
