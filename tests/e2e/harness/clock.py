# SPDX-License-Identifier: ISC
"""The clock of roles that were started for a test (STOCKADE_TEST_CLOCK): eight bytes of offset in milliseconds."""
import struct


class Clock:
    def __init__(self, path):
        self.path = str(path)
        self.offset_ms = 0
        with open(self.path, "wb") as file:
            file.write(struct.pack("=q", 0))

    def advance(self, seconds):
        """Moves the time of all roles of the site forward, at once."""
        self.offset_ms += int(seconds * 1000)
        with open(self.path, "r+b") as file:  # the roles have it mapped: written in place, never replaced
            file.write(struct.pack("=q", self.offset_ms))
