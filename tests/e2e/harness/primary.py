# SPDX-License-Identifier: ISC
"""Another operator's name server, which allows us to transfer its list: a real one (Knot, BIND), or one of our own that does
what no real one does on purpose."""
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import dns.flags
import dns.message
import dns.name
import dns.exception
import dns.query
import dns.renderer
import dns.rrset

from .waiting import free_port, wait_for

ZONE = "bl.partner.test"
KEY_NAME = "partner-key"
SECRET = "c3RvY2thZGUgdGVzdHMgc2hhcmUgdGhpcyBzZWNyZXQ="
OTHER_SECRET = "YW5vdGhlciBzZWNyZXQsIHdoaWNoIG5vYm9keSBlbHNlIGtub3dz"


def soa_text(serial, refresh=60, retry=60, expire=604800):
    return f"ns.{ZONE}. hostmaster.{ZONE}. {serial} {refresh} {retry} {expire} 60"


class Primary:
    """kind: "knot" or "bind". entries: {"9.2.0.192": "127.0.0.2"} or {...: ("127.0.0.2", "text")}, lists for several."""

    def __init__(self, kind, entries, secret=SECRET):
        self.kind = kind
        self.port = free_port()
        self.serial = 1
        self.expire = 604800
        self.entries = dict(entries)
        self.secret = secret
        self.folder = tempfile.mkdtemp(prefix="stk-primary-", dir="/tmp")
        self.popen = None
        self._write_zone()
        self._write_conf()
        self.start()

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write_zone(self):
        lines = [f"$ORIGIN {ZONE}.", "$TTL 60", f"@ SOA {soa_text(self.serial, expire=self.expire)}",
                 f"@ NS ns.{ZONE}.", f"ns.{ZONE}. A 127.0.0.1", "@ TXT \"words about the list\"",
                 "2.0.0.127 A 127.0.0.2", "2.0.0.127 TXT \"test entry\""]
        for owner, values in self.entries.items():
            for value in values if isinstance(values, list) else [values]:
                code, text = value if isinstance(value, tuple) else (value, None)
                lines.append(f"{owner} A {code}")
                if text is not None:
                    lines.append(f"{owner} TXT \"{text}\"")
        with open(self._path("zone.new"), "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        os.rename(self._path("zone.new"), self._path("zone"))

    def _write_conf(self):
        text = self._knot_conf() if self.kind == "knot" else self._bind_conf()
        with open(self._path("conf"), "w", encoding="ascii") as file:
            file.write(text)

    def _knot_conf(self):
        return f"""
server:
    rundir: {self.folder}
    listen: 127.0.0.1@{self.port}
    background-workers: 1
    tcp-workers: 1
    tcp-io-timeout: 20000
    udp-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {self.folder}
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {self.secret}
acl:
  - id: partner
    address: 127.0.0.1
    key: {KEY_NAME}
    action: transfer
zone:
  - domain: {ZONE}
    storage: {self.folder}
    file: zone
    acl: partner
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    semantic-checks: soft
"""

    def _bind_conf(self):
        return f"""
options {{
    directory "{self.folder}";
    pid-file "{self.folder}/pid";
    session-keyfile none;
    listen-on port {self.port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    notify no;
    ixfr-from-differences yes;
}};
controls {{ }};
key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{self.secret}"; }};
zone "{ZONE}" {{ type master; file "zone"; allow-transfer {{ key "{KEY_NAME}"; }}; }};
"""

    def start(self):
        command = (["knotd", "-c", self._path("conf")] if self.kind == "knot"
                   else ["named", "-g", "-n", "1", "-c", self._path("conf")])
        path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        with open(self._path("log"), "ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, "PATH": path})
        wait_for(lambda: self._ask_serial() == self.serial, 30, lambda: f"{self.kind} to serve:\n{self.log()}")

    def stop(self):
        if self.popen is not None and self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        with open(self._path("log"), "rb") as file:
            return file.read().decode("utf-8", "replace")

    def set_secret(self, secret):
        self.secret = secret
        self._write_conf()
        self.stop()
        self.start()

    def ask(self, name, kind="A"):
        return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=self.port, timeout=5)

    def addresses(self, name):
        return {record.address for rrset in self.ask(name).answer for record in rrset}

    def _ask_serial(self):
        try:
            answer = self.ask(ZONE, "SOA").answer
        except (OSError, dns.exception.DNSException):
            assert self.popen.poll() is None, self.log()
            return None
        return answer[0][0].serial if answer else None

    def change(self, entries):
        """The zone has these entries from now on, under the next serial."""
        self.entries = dict(entries)
        self.serial += 1
        self._write_zone()
        self.popen.send_signal(1)  # SIGHUP: both read their zones again
        wait_for(lambda: self._ask_serial() == self.serial, 30, lambda: f"{self.kind} to reload:\n{self.log()}")


class FakePrimary:
    """A server of our own, without keys. records: texts "owner A 127.0.0.2" below the zone. What it does wrong:
    cut: closes the connection after so many messages of a transfer; ixfr: rcode for IXFR, or None: answered with AXFR."""

    def __init__(self, records=()):
        self.port = free_port()
        self.serial = 1
        self.records = list(records)
        self.expire = 604800
        self.cut = None
        self.refuse_ixfr = None
        self.silent = False
        self.per_message = 50
        self.transfers = []
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(10)

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    self._talk(connection)
                except (OSError, EOFError):
                    pass

    def _talk(self, connection):
        while not self.silent:
            query = dns.message.from_wire(self._read(connection), question_only=True)
            kind = query.question[0].rdtype
            if kind == 6:
                self._send(connection, query, [self._soa()])
                continue
            name = {251: "ixfr", 252: "axfr"}[kind]
            self.transfers.append(name)
            if name == "ixfr" and self.refuse_ixfr is not None:
                self._send(connection, query, [], self.refuse_ixfr)
                continue
            rrsets = [self._soa(), *map(self._rrset, self.records), self._soa()]
            parts = [rrsets[at:at + self.per_message] for at in range(0, len(rrsets), self.per_message)]
            for number, part in enumerate(parts):
                if number == self.cut:
                    return
                self._send(connection, query, part)

    def _soa(self):
        return dns.rrset.from_text(ZONE + ".", 60, "IN", "SOA", soa_text(self.serial, expire=self.expire))

    @staticmethod
    def _rrset(text):
        owner, kind, value = text.split(" ", 2)
        return dns.rrset.from_text(f"{owner}.{ZONE}.", 60, "IN", kind, value)

    @staticmethod
    def _read(connection):
        def exactly(count):
            octets = b""
            while len(octets) < count:
                more = connection.recv(count - len(octets))
                if not more:
                    raise EOFError
                octets += more
            return octets
        return exactly(struct.unpack("!H", exactly(2))[0])

    @staticmethod
    def _send(connection, query, rrsets, rcode=0):
        renderer = dns.renderer.Renderer(query.id, dns.flags.QR | dns.flags.AA | rcode, 65535)
        question = query.question[0]
        renderer.add_question(question.name, question.rdtype)
        for rrset in rrsets:
            renderer.add_rrset(dns.renderer.ANSWER, rrset)
        renderer.write_header()
        wire = renderer.get_wire()
        connection.sendall(struct.pack("!H", len(wire)) + wire)

