# SPDX-License-Identifier: ISC
"""Who may ask the dns role how much, and who watches: access, keys, quotas, rates, cookies, the query log, dnstap, counts.
With real clients: dnspython, dig, fstrm_capture."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

import dnstap
from harness.waiting import wait_for
from test_dns import HOST, NAMES, ZONE, Dns

KEY = "k7q2m9x4c1v8b3n6w5e0r2t7"
TEST = f"2.0.0.127.{ZONE}"


@pytest.fixture
def site(make_site):
    """All processes are one user, also for root: files with secrets have to belong to the one who reads them."""
    return make_site(unprivileged=True)


def start(site, **dns):
    """A keeper, and the dns role with these settings."""
    site.conf["dns"].update(dns)
    site.start("keeper")
    site.role = site.start("dns")
    site.dns = Dns(site.ports["dns"])
    return site.dns


def words(response):
    """The code and text of the extended error."""
    for option in response.options:
        if option.otype == dns.edns.OptionType.EDE:
            return int(option.code), option.text
    return None


def write_keys(site, text, mode=0o640):
    """In one piece, as an editor does."""
    path = site.path("etc", "keys")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    if site.identity:
        os.chown(path + ".new", site.identity["user"], site.identity["group"])
    os.rename(path + ".new", path)
    return path


# Access.

def test_a_list_is_open_to_those_it_names(site):
    site.conf["lists"]["main"]["allow-from"] = ["192.0.2.0/24"]
    client = start(site)
    refused = client.ask(TEST)
    assert refused.rcode() == dns.rcode.REFUSED
    assert not refused.answer
    assert words(refused) == (18, "this list is not open to your address; ask postmaster@example.test")
    assert client.ask(TEST, tcp=True).rcode() == dns.rcode.REFUSED
    assert client.answers(f"test.{NAMES}") == ["127.0.1.2"]
    site.conf["lists"]["main"]["allow-from"] = ["127.0.0.0/8"]
    site.write()
    site.role.reload()
    wait_for(lambda: client.answers(TEST) == ["127.0.0.8"], what="the new access list")


def test_keys_in_names(site):
    site.conf["lists"]["main"]["keys"] = write_keys(site, f"# who\n{KEY}  example-mail  5\n")
    site.conf["dns"]["exempt"] = []
    client = start(site, **{"query-log": {"sample": "all"}})
    assert client.answers(f"2.0.0.127.{KEY}.{ZONE}") == ["127.0.0.8"]
    assert client.answers(f"2.0.0.127.manual.{KEY.upper()}.{ZONE}") == ["127.0.0.8"]
    assert client.ask(f"1.0.0.127.{KEY}.{ZONE}").rcode() == dns.rcode.NXDOMAIN
    assert client.ask(ZONE, "SOA").rcode() == dns.rcode.NOERROR
    wrong = KEY[:-1] + "0"
    for name in (TEST, f"2.0.0.127.{wrong}.{ZONE}"):
        refused = client.ask(name)
        assert refused.rcode() == dns.rcode.REFUSED and not refused.answer
        assert words(refused) == (18, "this list is asked with a key before its name; ask postmaster@example.test for one")
    assert client.answers(f"2.0.0.127.{KEY}.{ZONE}") and client.answers(f"2.0.0.127.{KEY}.{ZONE}")
    refused = client.ask(f"2.0.0.127.{KEY}.{ZONE}")
    assert (refused.rcode(), words(refused)[0]) == (dns.rcode.REFUSED, 18)
    assert "quota of your key" in words(refused)[1]

    # The log names the owner, and neither a key nor an attempt at one.
    seen = site.role.wait_for_event("dns.query", count=9)
    assert any(event.get("key") == "example-mail" for event in seen)
    assert KEY not in site.role.log.lower() and wrong not in site.role.log.lower()

    # A reload reads the file again, in the jail; a bad one changes nothing.
    other = "0" * 26
    write_keys(site, f"{other} other -\nshort x 1\n")
    site.role.reload()
    why = site.role.events("config.bad")[-1]["why"]
    assert why.endswith("keys:2:1: error: a key has 16 to 63 characters")
    assert not site.role.events("config.loaded")
    assert client.ask(f"2.0.0.127.{other}.{ZONE}").rcode() == dns.rcode.REFUSED
    write_keys(site, f"{other} other -\n")
    site.role.reload()
    wait_for(lambda: client.answers(f"2.0.0.127.{other}.{ZONE}"), what="the new keys")
    assert client.ask(f"2.0.0.127.{KEY}.{ZONE}").rcode() == dns.rcode.REFUSED
    assert other not in site.role.log


def test_keys_that_everybody_can_read_are_refused(site):
    site.conf["lists"]["main"]["keys"] = path = write_keys(site, f"{KEY} a 5\n", mode=0o644)
    site.start("keeper")
    role = site.start("dns", wait=False)
    assert role.wait() == 78
    assert f"'{path}' holds secrets" in role.log


def test_quota_of_a_client(site):
    client = start(site, exempt=[], quota={"queries": 3})
    for _ in range(3):
        assert client.answers(TEST) == ["127.0.0.8"]
    refused = client.ask(TEST)
    assert refused.rcode() == dns.rcode.REFUSED and not refused.answer
    assert words(refused) == (18, "your quota of 3 queries is used up; ask postmaster@example.test for more")
    assert client.ask(TEST, edns=False).rcode() == dns.rcode.REFUSED
    assert client.answers(TEST, tcp=True) == ["127.0.0.8"]  # who can prove the address has a count of their own
    status = wait_for(lambda: next((role["counters"] for role in site.json("status", check=False)["roles"]
                                    if role["role"] == "dns" and role["counters"].get("over-quota", 0) >= 2), None),
                      what="the counts")
    assert status["answered"] >= 4 and status["queries-tcp"] >= 1


# Cookies and NSID, by dig, which knows both.

def dig(site, *arguments):
    result = subprocess.run(["dig", f"@{HOST}", "-p", str(site.ports["dns"]), "+tries=1", "+time=5", *arguments],
                            capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.skipif(shutil.which("dig") is None, reason="no dig")
def test_dig_gets_cookie_and_nsid(site):
    start(site, nsid="ns1.fra", cookies={"use": "require"}, exempt=[])
    text = dig(site, "+cookie", "+nsid", TEST)
    assert '("ns1.fra")' in text
    assert "(good)" in text  # dig was told BADCOOKIE and came again by itself
    assert "127.0.0.8" in text
    assert "status: BADCOOKIE" in dig(site, "+cookie", "+nobadcookie", TEST)
    assert "127.0.0.8" in dig(site, "+cookie", "+nobadcookie", "+tcp", TEST)
    assert "127.0.0.8" in dig(site, "+nocookie", TEST)
    assert "COOKIE" not in dig(site, "+noedns", "+nocookie", TEST)
    assert "FORMERR" in dig(site, "+ednsopt=10:0102030405", "+nocookie", TEST)


def test_two_servers_share_a_secret(make_site):
    """What RFC 9018 is for: one gives the cookie, the other one takes it. Then the secret is rolled over."""
    old, new = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
    servers = []
    for secrets in (f"{old}\n", f"# first the new one\n{new}\n{old}\n"):
        site = make_site(unprivileged=True)
        path = site.path("etc", "secrets")
        with open(path, "w", encoding="ascii") as file:
            file.write(secrets)
        os.chmod(path, 0o600)
        if site.identity:
            os.chown(path, site.identity["user"], site.identity["group"])
        start(site, cookies={"use": "require", "secrets": path}, exempt=[])
        servers.append(site.dns)

    def ask(server, cookie):
        response = server.ask(TEST, options=[dns.edns.GenericOption(10, cookie)])
        return response.rcode(), next(option.data for option in response.options if option.otype == 10)

    rcode, cookie = ask(servers[0], b"clientck")
    assert rcode == dns.rcode.BADCOOKIE and len(cookie) == 24
    assert ask(servers[0], cookie) == (dns.rcode.NOERROR, cookie)
    rcode, newer = ask(servers[1], cookie)
    assert rcode == dns.rcode.NOERROR and newer != cookie  # known, and made anew with the new secret
    assert ask(servers[1], newer) == (dns.rcode.NOERROR, newer)
    assert ask(servers[0], newer)[0] == dns.rcode.BADCOOKIE  # which has not heard of it yet


# Rates.

@pytest.mark.alone
def test_a_flood_gets_little_and_half_of_it_is_short(site):
    start(site, exempt=[], threads=1, **{"rate-limit": {"listed": 20, "burst": "1s"}})
    query = dns.message.make_query(TEST, "TXT").to_wire()
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((HOST, site.ports["dns"]))
        client.settimeout(0.3)
        begin = time.monotonic()
        for _ in range(400):
            client.send(query)
        while True:
            try:
                answers.append(dns.message.from_wire(client.recv(4096)))
            except TimeoutError:
                break
        seconds = time.monotonic() - begin
    short = [a for a in answers if a.flags & dns.flags.TC]
    full = [a for a in answers if not a.flags & dns.flags.TC]
    assert 20 <= len(full) <= 20 + 20 * seconds + 1
    assert all(not a.answer for a in short)
    assert 0.3 * 400 < len(short) <= 200
    assert site.dns.answers(TEST, "TXT", tcp=True)


# Who watches.

@pytest.mark.alone
def test_query_log_is_a_sample_and_bounded(site):
    start(site, **{"query-log": {"sample": "all", "per-second": 5}})
    names = [f"{i}.100.51.198.{ZONE}" for i in range(40)]
    for name in names:
        site.dns.ask(name)
    first = site.role.wait_for_event("dns.query")[0]  # of one of the threads
    assert first["name"] in names
    assert (first["type"], first["rcode"], first["transport"]) == ("A", "NXDOMAIN", "udp")
    assert first["client"].startswith("127.0.0.1:")

    def told():
        site.dns.ask(TEST)
        return site.role.events("dns.query-skipped")
    skipped = wait_for(told, what="the lines that were left out")
    assert int(skipped[0]["count"]) > 0


@pytest.fixture
def capture(site):
    """A dnstap receiver: start() and stop(), which returns the messages."""
    class Capture:
        socket = site.path("tap.sock")
        file = site.path("tap.fstrm")
        process = None

        def start(self):
            self.process = subprocess.Popen(
                ["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", self.socket, "-w", self.file],
                stderr=subprocess.DEVNULL, **site.identity)
            wait_for(lambda: os.path.exists(self.socket), what="fstrm_capture")

        def stop(self):
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None
            with open(self.file, "rb") as file:
                return dnstap.messages(file.read())

    receiver = Capture()
    yield receiver
    if receiver.process is not None:
        receiver.process.kill()
        receiver.process.wait()


@pytest.mark.skipif(shutil.which("fstrm_capture") is None, reason="no fstrm_capture")
def test_dnstap(site, capture):
    capture.start()
    site.conf["lists"]["main"]["keys"] = write_keys(site, f"{KEY} a -\n")
    client = start(site, nsid="ns1.fra", dnstap={"socket": capture.socket})
    # Until the receiver has agreed, messages are dropped.
    def taken():
        client.ask(f"2.0.0.127.{KEY}.{ZONE}", tcp=True)
        role = next(role for role in site.json("status", check=False)["roles"] if role["role"] == "dns")
        return role["counters"].get("queries-tcp", 0) * 2 > role["counters"].get("untapped", 0) > -1 and os.path.getsize(
            capture.file) > 0
    wait_for(lambda: os.path.exists(capture.file) and taken(), what="messages in the capture")
    client.ask(f"2.0.0.127.{KEY}.{ZONE}")
    client.ask(f"nowhere.{NAMES}")
    client.raw(b"\0\7\1\0\0\1\0\0\0\0\0\0" + b"\x3f" + KEY.encode())  # malformed, and something of a key in it
    site.role.stop()
    found = capture.stop()
    assert {message["identity"] for message in found} == {"ns1.fra"}
    assert all(message["version"].startswith("stockade ") for message in found)
    assert all(message["address"] == bytes([127, 0, 0, 1]) and message["family"] == 1 for message in found)
    assert abs(found[-1]["time"] - time.time()) < 60
    responses = [dns.message.from_wire(message["response"]) for message in found
                 if message["type"] == dnstap.AUTH_RESPONSE and len(message["response"]) > 12]
    queries = [dns.message.from_wire(message["query"]) for message in found
               if message["type"] == dnstap.AUTH_QUERY and len(message["query"]) > 12]
    names = [query.question[0].name.to_text() for query in queries]
    assert f"nowhere.{NAMES}." in names
    assert f"2.0.0.127.{'x' * len(KEY)}.{ZONE}." in names
    assert any(response.rcode() == dns.rcode.NXDOMAIN for response in responses)
    assert any(response.answer for response in responses)
    assert {message["protocol"] for message in found} == {1, 2}
    with open(capture.file, "rb") as file:
        assert KEY.encode() not in file.read()


def test_dns_goes_on_without_the_dnstap_receiver(site, capture):
    client = start(site, dnstap={"socket": capture.socket})
    site.role.wait_for_event("dns.dnstap-away")
    assert client.answers(TEST) == ["127.0.0.8"]
    capture.start()
    site.role.wait_for_event("dns.dnstap-back")
    capture.process.kill()
    capture.process.wait()
    os.unlink(capture.socket)

    def away_again():
        assert client.answers(TEST) == ["127.0.0.8"]
        return len(site.role.events("dns.dnstap-away")) == 2
    wait_for(away_again, what="the receiver's end to be noticed")


def test_status_shows_what_dns_did(site):
    client = start(site)
    for _ in range(3):
        client.ask(TEST)
    client.ask("example.com")
    client.raw(b"\0\7\x81\0\0\1\0\0\0\0\0\0")

    def counters():
        found = next(role for role in json.loads(site.cli("status", "--json", check=False).stdout)["roles"]
                     if role["role"] == "dns")["counters"]
        return found if found.get("dropped") else None
    found = wait_for(counters, what="the counts")
    assert (found["answered"], found["refused"], found["dropped"]) == (3, 1, 1)
    assert found["queries-udp"] == 5
    assert found["bytes-in"] > 100 and found["bytes-out"] > 100
    assert "answered: 3" in site.cli("status", check=False).stdout
