# SPDX-License-Identifier: ISC
"""A file system of few bytes, to be filled. For tests that run as root."""
import contextlib
import os
import subprocess


@contextlib.contextmanager
def small_disk(path, size):
    os.makedirs(path, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)
