# SPDX-License-Identifier: ISC
"""The real rbldnsd, of Debian's package, with files of its own on a port of its own."""
import os
import shutil
import subprocess
import tempfile

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from .waiting import free_port, wait_for

PROGRAM = "/usr/sbin/rbldnsd"


class Rbldnsd:
    """Rbldnsd({"file": text or bytes}, "zone:ip4set:file", ...); a context. `log` is what it wrote until it ended."""

    def __init__(self, files, *zones, options=()):
        self.folder = tempfile.mkdtemp(prefix="rbl-", dir="/tmp")
        os.chmod(self.folder, 0o755)  # it refuses to be root
        self.files = {}
        for name, text in files.items():
            self.files[name] = os.path.join(self.folder, name)
            with open(self.files[name], "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode("utf-8"))
        self.port = free_port()
        self.log = ""
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.popen = subprocess.Popen(
            [PROGRAM, "-n", *user, "-w", self.folder, "-b", f"127.0.0.1/{self.port}", "-c", "0", *options, *zones],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            wait_for(self._answers, 20, "rbldnsd to answer")
        except AssertionError:
            self.close()
            raise AssertionError(f"rbldnsd does not run:\n{self.log}") from None

    def _answers(self):
        if self.popen.poll() is not None:
            raise AssertionError("it ended")
        try:
            self.ask("nobody.asks.this.invalid", timeout=0.2)
            return True
        except (dns.exception.Timeout, OSError):
            return False

    def ask(self, name, kind="ANY", timeout=5):
        return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port, timeout=timeout)

    def close(self):
        if self.popen.poll() is None:
            self.popen.terminate()
        output, _ = self.popen.communicate(timeout=20)
        self.log += output.decode("utf-8", "replace")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def records(answer, kinds=("A", "MX", "TXT")):
    """Of a dnspython message: {(type, ttl, rdata in hexadecimal)}."""
    return {(dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, item.to_wire().hex())
            for rrset in answer.answer for item in rrset if dns.rdatatype.to_text(rrset.rdtype) in kinds}


def is_found(answer):
    return answer.rcode() == dns.rcode.NOERROR
