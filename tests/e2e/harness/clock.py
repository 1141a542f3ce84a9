# SPDX-License-Identifier: ISC
"""The clock of roles that were started for a test (STOCKADE_TEST_CLOCK): eight bytes of offset in milliseconds for all time,
eight for the wall clock alone."""
import struct


class Clock:
    def __init__(self, path):
        self.path = str(path)
        self.offset_ms = 0
        self.wall_ms = 0
        with open(self.path, "wb") as file:
            file.write(struct.pack("=qq", 0, 0))

    def _write(self):
        with open(self.path, "r+b") as file:  # the roles have it mapped: written in place, never replaced
            file.write(struct.pack("=qq", self.offset_ms, self.wall_ms))

    def advance(self, seconds):
        """Moves the time of all roles of the site forward, at once."""
        self.offset_ms += int(seconds * 1000)
        self._write()

    def jump(self, seconds):
        """Sets the wall clock alone, as somebody does by mistake; forward or back."""
        self.wall_ms += int(seconds * 1000)
        self._write()
