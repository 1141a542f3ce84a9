# SPDX-License-Identifier: ISC
"""How each DNS server is started over the same data, with as little else to do as it can be told: no limit of rates, no
log, answers without an authority section. Each function writes what files the server wants and returns its command line."""
import os
import shutil
import subprocess

ZONE = "bl.example.org"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
RBLDNSD_TYPES = {"addresses": "ip4trie", "nets64": "ip6trie", "domains": "dnset"}

NSD = """\
server:
  ip-address: 127.0.0.1@{port}
  do-ip6: no
  server-count: {threads}
  reuseport: yes
  username: ""
  chroot: ""
  database: ""
  zonesdir: {folder}
  pidfile: {folder}/nsd.pid
  xfrdfile: {folder}/nsd.xfrd
  xfrdir: {folder}
  zonelistfile: {folder}/nsd.zones
  logfile: {folder}/nsd.log
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: zone
"""

KNOT = """\
server:
  rundir: {folder}
  listen: 127.0.0.1@{port}
  udp-workers: {threads}
  tcp-workers: 1
  background-workers: 1
database:
  storage: {folder}/knot
log:
  - target: stderr
    any: error
zone:
  - domain: {zone}
    storage: {folder}
    file: zone
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
"""


def program(name):
    return shutil.which(name, path=PATH)


def stockade(options, folder, port, build=None):
    server = [(build or options.build) / "bench" / "dns_server", folder / "list.snap", f"127.0.0.1:{port}", options.threads]
    return [*server, "domains" if options.kind == "domains" else "addresses"]


def before(options, folder, port):
    """The same threads of another build (--against)."""
    return stockade(options, folder, port, options.against)


def stockade_guarded(options, folder, port):
    """With rate limits (that the load does not reach), cookies and counts."""
    return [*stockade(options, folder, port), "guarded"]


def rbldnsd_words(options, folder, port):
    return ["-w", folder, "-b", f"127.0.0.1/{port}", "-c", "1h",
            f"{ZONE}:{options.type or RBLDNSD_TYPES[options.kind]}:rbldnsd"]


def rbldnsd(options, folder, port):
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [program("rbldnsd"), "-n", "-f", "-a", *user, *rbldnsd_words(options, folder, port)]


def stockade_rbldnsd(options, folder, port):
    """The same files and options, read by us."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [options.build / "src" / "stockade", "rbldnsd", "-n", "-a", *user, *rbldnsd_words(options, folder, port)]


def nsd(options, folder, port):
    conf = folder / "nsd.conf"
    conf.write_text(NSD.format(folder=folder, port=port, threads=options.threads, zone=ZONE), encoding="ascii")
    return [program("nsd"), "-d", "-c", conf]


def knot(options, folder, port):
    conf = folder / "knot.conf"
    conf.write_text(KNOT.format(folder=folder, port=port, threads=options.threads, zone=ZONE), encoding="ascii")
    return [program("knotd"), "-c", conf]


def echo(options, folder, port):
    return [options.build / "bench" / "dns_flood", "--echo", f"127.0.0.1:{port}"]


STARTED_BY = {"stockade": stockade, "before": before, "before-again": before, "stockade-guarded": stockade_guarded, "stockade-rbldnsd": stockade_rbldnsd, "rbldnsd": rbldnsd, "nsd": nsd, "knot": knot,
              "echo": echo}
PROGRAMS = {"rbldnsd": "rbldnsd", "nsd": "nsd", "knot": "knotd"}
NEEDS_ZONE_FILE = {"nsd", "knot"}


def is_missing(name, build):
    if name == "stockade-rbldnsd":
        verbs = subprocess.run([build / "src" / "stockade", "help"], check=True, capture_output=True, text=True).stdout
        return "rbldnsd" not in verbs
    return name in PROGRAMS and program(PROGRAMS[name]) is None
