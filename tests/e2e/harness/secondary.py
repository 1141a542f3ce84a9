# SPDX-License-Identifier: ISC
"""Real secondary name servers on loopback: Knot DNS, NSD, BIND. Each is told where the primary is, with or without a key,
and answers for the zones it transfers."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.zone

from .waiting import free_port, wait_for

HOST = "127.0.0.1"


class Key:
    """A shared secret."""

    def __init__(self, name, secret, algorithm="hmac-sha256"):
        self.name = name
        self.secret = secret  # base64
        self.algorithm = algorithm

    def keyring(self):
        return dns.tsigkeyring.from_text({self.name: (self.algorithm, self.secret)})


def axfr(port, zone, key=None, timeout=60):
    """All records of a zone, as sorted text lines in canonical form. TTLs and the serial are part of them."""
    options = {"keyring": key.keyring(), "keyname": key.name, "keyalgorithm": key.algorithm} if key else {}
    lines = set()
    for message in dns.query.xfr(HOST, zone, port=port, relativize=False, timeout=timeout, lifetime=timeout, **options):
        for rrset in message.answer:
            for item in rrset:
                lines.add(f"{rrset.name.canonicalize()} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {item}")
    return sorted(lines)


def serial_of(port, zone):
    """The serial that a server gives, or None when it does not serve the zone (yet)."""
    try:
        answer = dns.query.udp(dns.message.make_query(zone, "SOA"), HOST, port=port, timeout=2)
    except (dns.exception.Timeout, OSError):
        return None
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.SOA:
            return rrset[0].serial
    return None


class Secondary:
    """One server process; subclasses write its configuration. kinds(zone): how often it took the zone by "axfr", "ixfr"."""
    program = None
    patterns = {}

    def __init__(self, primary, zones, key=None, extra=""):
        self.primary = primary
        self.zones = zones
        self.key = key
        self.extra = extra
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="stk-sec-", dir="/tmp")
        self.log_path = os.path.join(self.folder, "log")
        self.popen = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def command(self):
        raise NotImplementedError

    def start(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          cwd=self.folder, preexec_fn=os.setpgrp)
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def count(self, kind, zone):
        """How often the log says that a transfer of this kind has ended well."""
        return len(re.findall(self.patterns[kind].format(zone=re.escape(zone)), self.log()))

    def wait_for_serial(self, zone, serial, timeout=60):
        def there():
            assert self.popen.poll() is None, f"{self.program} ended:\n{self.log()}"
            return serial_of(self.port, zone) == serial
        wait_for(there, timeout, lambda: f"serial {serial} of {zone} at {self.program}, which has "
                                         f"{serial_of(self.port, zone)}; its log:\n{self.log()[-4000:]}")

    def close(self):
        if self.popen is not None and self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Knot(Secondary):
    """knotd. policy: text of policies; zone_options: lines of each zone, so that it signs, for instance."""
    program = "knotd"
    patterns = {"axfr": r"\[{zone}\.\] AXFR, incoming.* finished",
                "ixfr": r"\[{zone}\.\] IXFR, incoming.* finished"}
    zone_options = ""
    notify_port = None

    def command(self):
        key = (f"key:\n  - id: {self.key.name}\n    algorithm: {self.key.algorithm}\n    secret: {self.key.secret}\n"
               if self.key else "")
        of_key = f"    key: {self.key.name}\n" if self.key else ""
        downstream = (f"  - id: downstream\n    address: {HOST}@{self.notify_port}\n" if self.notify_port else "")
        zones = "".join(
            f"  - domain: {zone}\n    master: primary\n    acl: [from-primary, anybody]\n    storage: {self.folder}\n"
            + ("    notify: downstream\n" if self.notify_port else "") + self.zone_options for zone in self.zones)
        conf = self.write("knot.conf", f"""
server:
    rundir: {self.folder}
    listen: {HOST}@{self.port}
    tcp-workers: 2
    tcp-io-timeout: 20000
    udp-workers: 1
    background-workers: 2
database:
    storage: {self.folder}
log:
  - target: stderr
    any: info
{key}remote:
  - id: primary
    address: {HOST}@{self.primary}
{of_key}{downstream}acl:
  - id: from-primary
    address: {HOST}
{of_key}    action: notify
  - id: anybody
    address: {HOST}
    action: transfer
{self.extra}zone:
{zones}""")
        return ["knotd", "-c", conf]


class Nsd(Secondary):
    program = "nsd"
    patterns = {"axfr": r"xfrd: zone {zone} .*(?:AXFR|axfr)", "ixfr": r"xfrd: zone {zone} .*(?:IXFR|ixfr)"}

    def command(self):
        key = (f"key:\n  name: {self.key.name}\n  algorithm: {self.key.algorithm}\n  secret: \"{self.key.secret}\"\n"
               if self.key else "")
        name = self.key.name if self.key else "NOKEY"
        zones = "".join(f"""
zone:
  name: {zone}
  zonefile: {zone}.zone
  request-xfr: {HOST}@{self.primary} {name}
  allow-notify: {HOST} {name}
  provide-xfr: {HOST} NOKEY
""" for zone in self.zones)
        conf = self.write("nsd.conf", f"""
server:
  ip-address: {HOST}@{self.port}
  username: ""
  zonesdir: "{self.folder}"
  database: ""
  xfrdfile: "{self.path('xfrd.state')}"
  xfrdir: "{self.folder}"
  zonelistfile: "{self.path('zone.list')}"
  pidfile: "{self.path('nsd.pid')}"
  logfile: "{self.log_path}"
  log-only-syslog: no
  verbosity: 3
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{key}{zones}""")
        return ["nsd", "-d", "-c", conf]


class Bind(Secondary):
    program = "named"
    patterns = {"axfr": r"transfer of '{zone}/IN' from .*: AXFR\b.*", "ixfr": r"transfer of '{zone}/IN' from .*IXFR\b.*"}

    def command(self):
        key = (f'key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};\n'
               if self.key else "")
        of_key = f' key "{self.key.name}"' if self.key else ""
        zones = "".join(f"""
zone "{zone}" {{
  type secondary;
  primaries {{ {HOST} port {self.primary}{of_key}; }};
  file "{zone}.zone";
  masterfile-format text;
}};
""" for zone in self.zones)
        conf = self.write("named.conf", f"""
options {{
  directory "{self.folder}";
  pid-file "{self.path('named.pid')}";
  session-keyfile none;
  listen-on port {self.port} {{ {HOST}; }};
  listen-on-v6 {{ none; }};
  allow-transfer {{ {HOST}; }};
  recursion no;
  notify no;
  dnssec-validation no;
  minimal-responses yes;
}};
controls {{ }};
{key}{zones}""")
        return ["named", "-g", "-4", "-c", conf, "-d", "2"]
