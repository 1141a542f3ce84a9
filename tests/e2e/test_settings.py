# SPDX-License-Identifier: ISC
"""Every word that stockade.yaml(5) names for a setting, with all other settings at their defaults: it is read, shown, and the
program starts with it; what the page excludes is refused where it stands."""
import copy
import functools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

import pytest

from harness.certificate import Certificate
from harness.waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST = {"hostname": "mx1.example.test", "contact": "postmaster@example.test", "portal-url": "https://mail.example.test/why"}


# ---- the manual ----

class Setting:
    """What the page says about one setting."""

    def __init__(self, path, kind, text):
        self.path, self.kind = path, kind
        self.words = re.findall(r"^\.Li (\S+)", text.partition("One of\n")[2].partition("\nDefault:")[0], re.M)
        found = re.search(r"^From\n\.Li (\S+)\nto\n\.Li (\S+)", text, re.M)
        self.range = found.groups() if found else None
        found = re.search(r"^Default:\n\.Li (.+) \.$", text, re.M)
        self.default = found[1] if found else None


def settings_of_the_manual():
    page = (ROOT / "man" / "stockade.yaml.5").read_text(encoding="utf-8").replace("\\&", "").replace("\\-", "-")
    page = page.partition("settings: begin")[2].partition("settings: end")[0]
    found = re.findall(r"^\.It Ic (\S+) Pq (.+)\n((?:(?!\.It Ic ).*\n)*)", page, re.M)
    return {path: Setting(path, kind, text) for path, kind, text in found}


SETTINGS = settings_of_the_manual()


# ---- what stands around ----

POLICIES = {"by-hand": {"criterion": {"version": 1, "text": "Entered by hand."}, "lasts": "until-review"}}
LISTS = {"main": {"zone": "bl.example.test", "sublists": {"hand": {"code": "127.0.0.2", "policy": "by-hand"}}}}
LISTED = {"policies": POLICIES, "lists": LISTS}
KEY = "{folder}/tsig.key"
FEED = {
    "run": {"roles": ["keeper", "courier"]},
    "policies": {"partner": {"criterion": {"version": 1, "text": "Listed by a partner."}, "takes": ["feed"], "lasts": "until-review"}},
    "lists": {"main": {"zone": "bl.example.test", "sublists": {"theirs": {"code": "127.0.0.2", "policy": "partner"}}}},
    "dns": {"keys": {"partner": {"file": KEY}}},
    "feeds": [{"name": "partner", "from": "axfr://192.0.2.1/bl.example.net", "into": "main"}],
}

# The least that has to stand around a setting of which others are required, by the beginning of its path.
AROUND = {
    "gate.tls.": {"gate": {"tls": {"certificate": "{folder}/tls.pem", "key": "{folder}/tls.key"}}},
    "gate.listen": {"own": {"domains": ["example.test"]},
                    "gate": {"backend": {"address": "127.0.0.1:10025", "pass-client": "xclient"}}},
    "dnsbl[].key": {"dnsbl": [{"zone": "KEY.bl.example.net", "name": "Net", "codes": "127.0.0.2"}]},
    "dnsbl[]": {"dnsbl": [{"zone": "bl.example.net", "name": "Net", "codes": "127.0.0.2"}]},
    "policies.": LISTED, "lists.": LISTED,
    "zones.": {**LISTED, "zones": {"all.example.test": {"lists": ["main"]}}},
    "dns.addresses.": {**LISTED, "dns": {"addresses": {"ns1.bl.example.test": {"addresses": ["192.0.2.1"]}}}},
    "checks.NAME.wait": {"checks": {"early": {}}},
    "dns.keys.": {"dns": {"keys": {"partner": {"file": KEY}}}},
    "dns.transfer-to[]": {"dns": {"keys": {"partner": {"file": KEY}}, "transfer-to": [{"address": "192.0.2.1:53"}]}},
    "feeds[].codes.": {**FEED, "feeds": [{**FEED["feeds"][0], "codes": {"127.0.0.2": {"sublist": "theirs"}}}]},
    "feeds[]": FEED,
}

# ---- words ----

# Of settings whose words the page cannot list, some that it describes. Each such setting has a row.
EXAMPLES = {
    "hostname": ["mx9.example.test", "MX9.Example.TEST"],
    "contact": ["joe+spam@example.test"],
    "portal-url": ["http://mail.example.test", "https://mail.example.test:8443/a/b/", "https://[2001:db8::1]/"],
    "store": ["sqlite:/var/lib/stockade/store/other.db"],
    "run.resolver": ["192.0.2.1:53", "[::1]:5353"],
    "run.folder": ["/run/other"],
    "run.lists": ["/var/lib/other/lists"],
    "run.state": ["/var/lib/other/state"],
    "own.domains": [[], "example.test", ["example.test", ".example.test"]],
    "own.networks": [[], "192.0.2.0/24", ["127.0.0.0/8", "2001:db8::/32"], ["0.0.0.0/0", "::/0"]],
    "gate.listen": [[], "127.0.0.1:25", ["0.0.0.0:25", "[::]:25"], "[::1]:2525"],
    "gate.tls.certificate": ["{folder}/tls.pem"],
    "gate.tls.key": ["{folder}/tls.key"],
    "gate.backend.address": ["127.0.0.1:10025", "[::1]:10025"],
    "gate.proxy-from": [[], "192.0.2.0/24", ["127.0.0.0/8", "::1"], "0.0.0.0/0"],
    "gate.probe-client": [[], "192.0.2.1", ["192.0.2.1", "2001:db8::1"]],
    "dnsbl": [[]],
    "dnsbl[].preset": ["spamcop", "dnswl", "hostkarma-black"],
    "dnsbl[].key": ["abcdefghijklmnop123"],
    "dnsbl[].zone": ["BL.Example.NET", "key.bl.example.net"],
    "dnsbl[].name": ["no", "Their list, \"the\" one: #1"],
    "dnsbl[].url": ["https://example.net/why?ip=$ip"],
    "dnsbl[].codes": ["127.0.0.2-11", "127.0.*.1-3", ["127.0.0.2", "127.0.1.2"], "127.*.0.2",
                      ["127.0.0.2*3", "127.0.0.[4;7..9]*-2", "&0x06*5"]],
    "policies.NAME.criterion.text": ["off", "Two sentences. With \"quotes\" and \\: # in them."],
    "policies.NAME.lasts": ["until-review"],
    "lists.NAME.zone": ["BL2.Example.TEST", "bl.example.net"],
    "lists.NAME.sublists.NAME.code": ["127.0.0.3", "127.1.2.3"],
    "lists.NAME.sublists.NAME.policy": ["by-hand"],
    "lists.NAME.sublists.NAME.text": ["Entered by hand"],
    "lists.NAME.sublists.NAME.template": ["$", "${reason} ${url} ${list} ${sublist} ${code} $$"],
    "lists.NAME.nameservers": [[], "ns1.example.test", ["ns1.example.test", "ns2.example.net"]],
    "lists.NAME.allow-from": [[], "192.0.2.0/24", ["127.0.0.1", "::/0"]],
    "lists.NAME.keys": ["{folder}/asking.keys"],
    "lists.NAME.contact": ["list@example.test"],
    "lists.NAME.scope": ["Whoever we say: by hand."],
    "lists.NAME.policy-url": ["https://example.test/criteria"],
    "zones.NAME.lists": ["main"],
    "zones.NAME.nameservers": [[], "ns1.example.test", ["ns1.example.test", "ns2.example.net"]],
    "zones.NAME.allow-from": [[], "192.0.2.0/24", ["127.0.0.1", "::/0"]],
    "zones.NAME.keys": ["{folder}/asking.keys"],
    "zones.NAME.contact": ["list@example.test"],
    "zones.NAME.scope": ["Whoever we say: by hand."],
    "zones.NAME.policy-url": ["https://example.test/criteria"],
    "dns.listen": [[], "127.0.0.1:53", ["0.0.0.0:53", "[::]:53"]],
    "dns.nameservers": [[], "ns1.example.test", ["ns1.example.test", "ns2.example.net"]],
    "dns.addresses.NAME.addresses": ["192.0.2.1", ["192.0.2.1", "2001:db8::1"]],
    "dns.template": ["$", "${reason} ${url} ${list} ${sublist} ${code} $$"],
    "dns.nsid": ["ns1"],
    "dns.allow-from": [[], "192.0.2.0/24", ["127.0.0.1", "0.0.0.0/0"]],
    "dns.exempt": [[], "192.0.2.0/24"],
    "dns.cookies.secrets": ["{folder}/cookie.secrets"],
    "dns.query-log.sample": ["off", "all", "1/1000"],
    "dns.dnstap.socket": ["/run/dnstap.sock"],
    "dns.dnstap.sample": ["off", "all", "1/1000"],
    "dns.keys.NAME.file": [KEY],
    "dns.transfer-to": [[]],
    "dns.transfer-to[].address": ["192.0.2.1:53", "[2001:db8::1]:5353"],
    "dns.transfer-to[].key": ["partner"],
    "feeds": [[]],
    "feeds[].name": ["f"],
    "feeds[].from": ["axfr://192.0.2.1/bl.example.net", "axfr://192.0.2.1:5300/bl.example.net", "axfr://[2001:db8::1]/bl.example.net"],
    "feeds[].key": ["partner"],
    "feeds[].into": ["main"],
    "feeds[].codes.NAME.sublist": ["theirs"],
    "portal.listen": ["off", "0.0.0.0:8460", "[::]:80"],
}


# Beside these, each range has its ends; and durations and sizes are written in each of the page's units somewhere.
UNITS = {
    "keep.audit": ["90000000ms", "90001s", "1501m", "26h", "3d", "2w", "1y"],
    "gate.message-size-limit": ["65537", "65K", "1M", "1G"],
    "feeds[].largest-change": ["50%"],
}
# What the page excludes, although the word is one of the setting's own.
EXCLUDED = {
    ("checks.score.tag-at", "1000"): "'tag-at' is above 'reject-at'",
    ("checks.score.reject-at", "1"): "'tag-at' is above 'reject-at'",
    ("policies.NAME.takes", "[operator, feed]"): "a policy that takes feed takes nothing else",
    ("dnsbl[].skip-tests", "[listed, not-listed, nobody]"): "more than 2 of them",
}
GROUPS = ("section", "sections by name", "list of sections")


def value_of(written):
    """A default as the page writes it."""
    if not written.startswith("["):
        return written
    return [word for word in written.strip("[]").split(", ") if word]


def words_of(setting):
    """What the page says may stand there, each as a value of JSON, once."""
    words = [*EXAMPLES.get(setting.path, []), *setting.words, *(setting.range or ()), *UNITS.get(setting.path, [])]
    if setting.kind == "list of words":
        words.append(setting.words)
    if setting.default is not None:
        words.append(value_of(setting.default))
    written = {json.dumps(word): word for word in words}
    return [word for word in written.values() if (setting.path, shown_list(word)) not in EXCLUDED]


def shown_list(word):
    return f"[{', '.join(word)}]" if isinstance(word, list) else word


def beyond(setting):
    """Words that are none of the setting's."""
    if setting.words:
        return [word + "x" for word in setting.words]
    if setting.range is None:
        return []
    low, high = setting.range
    below = {"number": str(int(low) - 1) if setting.kind == "number" else "", "percentage": "0%", "size": "1"}.get(setting.kind, "0")
    above = str(int(high) + 1) if setting.kind == "number" else "1" + high
    return [above] if below == low else [below, above]


def configuration(path, word):
    """The least that has this word at its place."""
    around = next((AROUND[start] for start in AROUND if path.startswith(start)), {})
    conf = place = copy.deepcopy({**LEAST, **around})
    *above, key = path.replace("[]", ".[]").split(".")
    for name in above:
        if name == "[]":
            place = place[0]
        else:
            place = place.setdefault(next(iter(place), "no-ptr") if name == "NAME" else name, {})
    place[key] = word
    return conf


# ---- read, shown and refused ----

@functools.cache
def certificate_files():
    with tempfile.TemporaryDirectory() as folder:
        made = Certificate(folder)
        return {os.path.basename(path): pathlib.Path(path).read_text(encoding="ascii") for path in (made.certificate, made.key)}


class Place:
    """A folder with one configuration, and with the files that configurations name."""
    FILES = {"tsig.key": "c2VjcmV0IG9mIHRoaXMgdGVzdCBhbmQgb2Ygbm9ib2R5IGVsc2U=\n",
             "cookie.secrets": "00112233445566778899aabbccddeeff\n", "asking.keys": "0123456789abcdef0 partner -\n"}

    def __init__(self, program, folder):
        self.program, self.folder, self.path = program, folder, folder / "stockade.yaml"
        for name, text in {**self.FILES, **certificate_files()}.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)

    def write(self, conf):
        """A configuration as a dictionary (JSON is YAML; a line for each word) or as text."""
        text = conf if isinstance(conf, str) else json.dumps(conf, indent=1)
        self.path.write_text(text.replace("{folder}", str(self.folder)), encoding="utf-8")

    def config(self, conf, *words):
        self.write(conf)
        return subprocess.run([self.program, "config", *words, "--config", self.path], capture_output=True, text=True, timeout=60)

    def show(self, conf, *words):
        done = self.config(conf, "show", *words)
        assert done.returncode == 0, f"{conf}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def place(program, tmp_path):
    return Place(program, tmp_path)


def test_every_setting_is_tried(root):
    """The page has all settings (cli/test_manual.c), and each of them has words here."""
    rows = re.findall(r'^SETTING\("([^"]+)"', (root / "src" / "conf" / "settings.def").read_text(encoding="utf-8"), re.M)
    assert rows == list(SETTINGS)
    assert [path for path in rows if not words_of(SETTINGS[path]) and SETTINGS[path].kind not in GROUPS] == []
    assert [path for path in EXAMPLES if path not in SETTINGS] == []


def meaning(word):
    """A list of one element may be that element, and names are the same in capitals."""
    return json.dumps(word if isinstance(word, list) else [word]).lower()


@pytest.mark.parametrize("path", SETTINGS)
def test_each_word_is_read_and_shown(place, path):
    """What is shown is a configuration again, and the same; words that mean something else are shown as something else."""
    shown = {}
    for word in words_of(SETTINGS[path]):
        conf = configuration(path, word)
        full = place.show(conf, "--defaults")
        for form in ((), ("--defaults",)):
            again = place.show(conf, *form)
            assert place.show(again, *form) == again
            assert place.show(again, "--defaults") == full
        shown.setdefault(meaning(word), set()).add(full)
    assert all(len(forms) == 1 for forms in shown.values())
    assert len(set.union(set(), *shown.values())) == len(shown)


@pytest.mark.parametrize("path", ["checks.NAME.action", "dns.addresses.NAME.addresses", "feeds[].codes.NAME.sublist"])
def test_a_section_of_one_word_may_be_that_word(place, path):
    """`no-ptr: off` is `no-ptr: {action: off}`."""
    *_, word = words_of(SETTINGS[path])
    long, key = json.dumps(configuration(path, word)), path.rsplit(".", 1)[1]
    section = json.dumps({key: word})
    assert section in long
    assert place.show(long.replace(section, json.dumps(word)), "--defaults") == place.show(long, "--defaults")


def checks_of(shown):
    """{check: its lines} of what `config show --defaults` shows."""
    return dict(re.findall(r"^  ([\w-]+):\n((?:    .*\n)+)", re.search(r"^checks:\n((?:  .*\n)+)", shown, re.M)[1], re.M))


def test_each_check_does_each_action(place):
    names = checks_of(place.show(LEAST, "--defaults")).keys() - {"score", "grey"}  # which have settings of their own
    assert {"own-list", "no-ptr", "early"} <= names
    for action in SETTINGS["checks.NAME.action"].words:
        shown = checks_of(place.show({**LEAST, "checks": dict.fromkeys(names, action)}, "--defaults"))
        assert all(f"    action: {action}\n" in shown[name] for name in names)


def refused(place, conf, line, words):
    """A configuration is refused, with one error that stands in this line of it."""
    done = place.config(conf, "check")
    lines = place.path.read_text(encoding="utf-8").splitlines()
    assert done.returncode == 78, (conf, done)
    found = re.match(re.escape(f"{place.path}:") + r"(\d+):\d+: error: (.*)\n", done.stderr)
    assert found and words in found[2] and lines[int(found[1]) - 1].strip().startswith(line), (conf, done.stderr)
    assert done.stderr.endswith(": 1 error; nothing changed\n")


@pytest.mark.parametrize("path", [path for path in SETTINGS if beyond(SETTINGS[path])])
def test_a_word_that_is_none_is_refused_where_it_stands(place, path):
    for word in beyond(SETTINGS[path]):
        refused(place, configuration(path, word), json.dumps(path.rsplit(".", 1)[-1]), f"'{word}' is ")


@pytest.mark.parametrize(("path", "word"), EXCLUDED)
def test_a_word_that_the_page_excludes_is_refused(place, path, word):
    section = {"checks.score": "score", "policies.NAME": "by-hand", "dnsbl[]": "skip-tests"}[path.rsplit(".", 1)[0]]
    refused(place, configuration(path, value_of(word)), json.dumps(section), EXCLUDED[path, word])


# ---- started ----

# A machine of its own: nobody has our ports, and our folders are empty. Then it becomes the program.
OWN_MACHINE = """
import fcntl, os, socket, struct, subprocess, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS: IFF_UP, IFF_LOOPBACK, IFF_RUNNING
for folder in ("/run", "/var/lib"):
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def is_told_ready(told):
    try:
        return b"READY=1" in told.recv(4096)
    except BlockingIOError:
        return False


def start(place, conf):
    """`stockade run` until it is ready; then it is told to end. Its log."""
    place.write(conf)
    with tempfile.TemporaryDirectory(prefix="stk-", dir="/tmp") as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(f"{short}/notify")
        told.setblocking(False)
        running = subprocess.Popen(
            ["unshare", "--net", "--mount", sys.executable, "-c", OWN_MACHINE, place.program, "run", "--config", place.path],
            env={**os.environ, "NOTIFY_SOCKET": f"{short}/notify"}, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: running.poll() is not None or is_told_ready(told), 60, "the program to be ready, or to end")
        finally:
            running.terminate()
            log = running.communicate(timeout=60)[1]
    assert running.returncode == 0, f"{conf}\n{log}"
    return log


@pytest.mark.needs_root
@pytest.mark.parametrize("path", SETTINGS)
def test_the_program_starts_with_each_word(place, path):
    for word in words_of(SETTINGS[path]):
        log = start(place, configuration(path, word))
        bad = re.search(r"event=(role\.(failed|died|hung)|config\.bad|jail\.\S+) .*", log)
        assert bad is None, f"{path}: {word}\n{log}"
