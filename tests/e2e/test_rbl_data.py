# SPDX-License-Identifier: ISC
"""Data sets of rbldnsd: ours (rbl_ask) and the real program over the same files, name by name. What is meant to differ is in
stockade-rbldnsd(8); everything else is a defect of ours."""
import gzip
import ipaddress
import random
import subprocess

import pytest

from harness.rbldnsd import Rbldnsd, is_found, records

FOUND, BELOW = 1, 2


@pytest.fixture(scope="session")
def rbl_ask(helper_program):
    return helper_program("tests", "e2e", "rbl_ask")


def ask_ours(rbl_ask, kind, files, names, options=()):
    """What our data set says: its notes, and for each name (flags, records)."""
    result = subprocess.run(
        [rbl_ask, *options, kind, *files], input="".join(f"{name or '.'}\n" for name in names), text=True, timeout=60,
        capture_output=True, check=False, encoding="utf-8")
    assert "Sanitizer" not in result.stderr and "runtime error" not in result.stderr, result.stderr
    said = []
    for line in result.stdout.splitlines():
        flags, *rest = line.split("\t")
        found = [item.split(" ") for item in rest]
        least = {}
        for rrtype, ttl, _ in found:
            least[rrtype] = min(least.get(rrtype, int(ttl)), int(ttl))
        said.append((int(flags), {(rrtype, least[rrtype], rdata) for rrtype, _, rdata in found}))
    return result.stderr, said


def compare(rbl_ask, kind, files, names, options=()):
    """Every name answered alike, or the first that is not with what both said."""
    with Rbldnsd(files, f"z.test:{kind}:{','.join(files)}", options=options) as real:
        notes, ours = ask_ours(rbl_ask, kind, [real.files[name] for name in files], names, options)
        assert len(ours) == len(names), notes
        for name, (flags, said) in zip(names, ours):
            answer = real.ask(f"{name}.z.test" if name else "z.test")
            if name:  # of the apex rbldnsd wants a SOA before it answers
                assert bool(flags & FOUND) == is_found(answer), f"{name}: {answer}\n{notes}"
                assert said == records(answer), f"{name}: {answer}\n{notes}"
    return notes


def v4(address):
    return ".".join(reversed(str(address).split(".")))


def v6(address):
    return ".".join(reversed(ipaddress.IPv6Address(str(address)).exploded.replace(":", "")))


def a_value(rng):
    return rng.choice(["", "", f" :{rng.randrange(3, 9)}", f" :{rng.randrange(3, 9)}:text {rng.randrange(4)} for $",
                       f" text {rng.randrange(4)} $1", " :4:", " # comment", ":7:close", "\t; comment", " =as it is $"])


def some_lines(rng, count, entry):
    lines = ["$1 variable"]
    if rng.random() < 0.3:
        lines.append("$= base $= of $ and $1, $2, $$")
    for i in range(count):
        lines.append(entry(rng) + a_value(rng))
        if rng.random() < 0.05:
            lines.append(f":{rng.randrange(2, 9)}:default {i} $")
    return "\n".join(lines) + "\n"


def near_v4(rng):
    return f"10.{rng.randrange(3)}.{rng.randrange(6)}.{rng.randrange(256)}"


def ip4_entry(rng):
    sign = "!" if rng.random() < 0.2 else ""
    address = near_v4(rng)
    octets = address.split(".")
    return sign + rng.choice([
        address, address, address, ".".join(octets[:3]), ".".join(octets[:2]), "10/8",
        str(ipaddress.ip_network(f"{address}/{rng.randrange(12, 32)}", strict=False)), f"{address}/{rng.randrange(12, 33)}",
        f"{address}-{near_v4(rng)}", f"{address}-{rng.randrange(256)}", f"{'.'.join(octets[:3])}-{octets[0]}.2.4",
        f"{address}/{rng.randrange(33)}", "1", f"{address}.", "10.1.2.256", f"{address}x", "0/0", "300.1.1.1"])


@pytest.mark.parametrize("kind", ["ip4set", "ip4trie", "ip4tset"])
@pytest.mark.parametrize("seed", range(6))
def test_ipv4(rbl_ask, kind, seed):
    rng = random.Random(f"{kind} {seed}")
    files = {"first": some_lines(rng, 70, ip4_entry), "second": some_lines(rng, 20, ip4_entry)}
    compare(rbl_ask, kind, files, [v4(near_v4(rng)) for _ in range(300)], options=["-e"] if seed == 0 else [])


def near_v6(rng):
    return ipaddress.IPv6Address(0x20010db8 << 96 | rng.randrange(3) << 64 | rng.choice([0, 1, 0xffff]) << 48 |
                                 rng.choice([0, 1 << 32, 1 << 63]) | rng.randrange(40))


def ip6_entry(rng):
    sign = "!" if rng.random() < 0.2 else ""
    address = near_v6(rng)
    groups = address.exploded.split(":")
    return sign + rng.choice([
        str(address), address.exploded, str(ipaddress.ip_network(f"{address}/{rng.randrange(20, 129)}", strict=False)),
        str(ipaddress.ip_network(f"{address}/{rng.randrange(20, 129)}", strict=False)), ":".join(groups[:4]),
        ":".join(groups[:rng.randrange(1, 8)]), f"{address}/{rng.randrange(129)}",
        rng.choice(["2001:db8:", "1::2::3", "::1", "::", "1:2:3:4:5:6:7:8:9", "g::1", "::ffff:1.2.3.4", "::ffff:102:304",
                    "2001:00000db8::", "2001:db8::12345", "::/0"])])


ODD_V6 = ["::1", "::", "1::2", "::ffff:1.2.3.4", "2002:102:304::1", "1:0:0:2:0:0:0:3", "::1.2.3.4", "1:2:3:4:5:6:7:0"]


@pytest.mark.parametrize("kind", ["ip6trie", "ip6tset"])
@pytest.mark.parametrize("seed", range(4))
def test_ipv6(rbl_ask, kind, seed):
    rng = random.Random(f"{kind} {seed}")
    files = {"first": some_lines(rng, 60, ip6_entry), "second": some_lines(rng, 20, ip6_entry)}
    compare(rbl_ask, kind, files, [v6(near_v6(rng)) for _ in range(250)] + [v6(address) for address in ODD_V6])


def test_ipv6_that_stands_for_ipv4(rbl_ask):
    compare(rbl_ask, "ip4set", {"data": "1.2.3.4 :3:of $\n"}, [v6(address) for address in ODD_V6])


LABELS = ["a", "b", "cc", "WWW", "example", "com", "x-y", "_srv"]


def a_name(rng, most=4):
    return ".".join(rng.choice(LABELS) for _ in range(rng.randrange(1, most + 1)))


def dnset_entry(rng):
    if rng.random() < 0.08:
        return rng.choice(["*", "a..b", "a.b.", "..a", "a\\.b", "a\\065", "a\\300", "*.", ".", "x" * 64, "a.com:2:x", "a#b"])
    return ("!" if rng.random() < 0.2 else "") + rng.choice(["", "", ".", "*."]) + a_name(rng)


@pytest.mark.parametrize("seed", range(6))
def test_names(rbl_ask, seed):
    rng = random.Random(f"names {seed}")
    files = {"first": some_lines(rng, 40, dnset_entry), "second": some_lines(rng, 15, dnset_entry)}
    compare(rbl_ask, "dnset", files, [a_name(rng) for _ in range(250)] + ["*", "a\\.b", "aa", "A", "a.b"])


def generic_lines(rng, count):
    data = ["A 1.2.3.4", "A 1.2.3.5", "a 7", 'TXT "a b"', "txt hello", "MX 10 mx.Y.z", "mx 5 a.", "TXT", "NS x", "A", "A x",
            'TXT "', 'TXT ""', "AAAA ::1", "A 1.2.3.4 more", "MX 70000 a"]
    lines = [f"$TTL {rng.randrange(1, 1000)}"]
    for _ in range(count):
        lines.append(rng.choice([a_name(rng, 1), a_name(rng, 2), "@"]) +
                     rng.choice([" ", " 30 ", " 5m ", " 0 ", " IN ", " 7 in "]) + rng.choice(data))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(3))
def test_generic(rbl_ask, seed):
    rng = random.Random(f"generic {seed}")
    compare(rbl_ask, "generic", {"data": generic_lines(rng, 40)}, [a_name(rng, 2) for _ in range(100)])


COMBINED = """\
$1 of the file
$TTL 77
$DATASET ip4set:one s1 @
:3:three $ $1 $2
10.0.0.0/24
10.1.1.1 :9
$2 of the part
$TTL 99
$DATASET dnset s2 x.s1 # comment @
foo
*.bar :5:name $
$DATASET ip6trie s1 v6
2001:db8::/32 :6:six
$DATASET generic s1 s2 @
www A 192.0.2.1
@ TXT apex
$DATASET ip4trie s1 deep.er.sub
10/8 :8:eight $
!10.2/16
"""


def test_combined(rbl_ask):
    address = v6("2001:db8::5")
    names = ["s1", "s2", "x.s1", "foo.s2", "foo.x.s1", "a.bar.s2", "www.s1", "www", "www.s2", "1.0.0.10.s1", "1.0.0.10",
             "1.1.1.10.s1", "5.5.5.10.s1", "5.5.2.10.s1", f"{address}.s1", f"{address}.v6", address,
             "5.5.5.10.deep.er.sub", "sub", "er.sub", "deep.er.sub", "foo", "bar.s2", "v6", "s1.s1"]
    compare(rbl_ask, "combined", {"data": COMBINED}, names)
    # After a special line, what follows in a second file belongs to the last part of the first.
    compare(rbl_ask, "combined", {"data": "$DATASET ip4set a\n1.2.3.4\n", "more": "$1 x\n1.2.3.5\n"},
            ["4.3.2.1.a", "5.3.2.1.a"])


@pytest.mark.parametrize("files, words", [
    ({"data": "$DATASET ip4set a\n1.2.3.4\n", "more": "1.2.3.5\n"}, "more:1:1: expected a $DATASET line"),
    ({"data": "$DATASET nix a\n1.2.3.4\n"}, "data:1:1: this type is unknown"),
    ({"data": "$TIMESTAMP 2037:01:01\n"}, "data:1:1: the data is from"),
])
def test_what_neither_loads(rbl_ask, files, words):
    kind = "combined" if "DATASET" in files["data"] else "ip4set"
    with pytest.raises(AssertionError, match="rbldnsd does not run"):
        Rbldnsd(files, f"z.test:{kind}:{','.join(files)}")
    with Rbldnsd({**files, "good": "1.2.3.4\n"}, "good.test:ip4set:good") as real:
        notes, ours = ask_ours(rbl_ask, kind, [real.files[name] for name in files], ["x"])
    assert ours == [] and words in notes


def test_texts_and_special_lines(rbl_ask):
    lines = ["$0 " + "y" * 300, "1.2.3.4 $0", "1.2.3.5 " + "y" * 300, "1.2.3.6 " + "z" * 254 + "$",
             "1.2.3.7 " + "w" * 250 + "$ $0", "1.2.3.8 a$$b$", "1.2.3.9 $=", "1.2.3.10 =$=", "$MAXRANGE4 /24", "1.3.2.0/23",
             "1.3.5.0/24", "$MAXRANGE4 512", "$MAXRANGE4 16", "1.4.0.0/28", "1.4.1.0-1.4.1.16", "#$1 hash", ";$2 semicolon",
             ":$3 colon", "1.2.4.1 $1 $2 $3", "$4", "$nonsense x", "$TTL 1h", "1.2.4.2 %s %n", ":1.2:one two", "1.2.4.3",
             ":1.2.3:one two three", "1.2.4.4", ":0:", "1.2.4.5"]
    names = ["4.3.2.1", "5.3.2.1", "6.3.2.1", "7.3.2.1", "8.3.2.1", "9.3.2.1", "10.3.2.1", "1.4.3.1", "1.5.3.1", "1.0.4.1",
             "1.1.4.1", "1.4.2.1", "2.4.2.1", "3.4.2.1", "4.4.2.1", "5.4.2.1"]
    notes = compare(rbl_ask, "ip4set", {"data": "\n".join(lines) + "\n"}, names)
    for place in (":3:264: the text is cut", ":10:1: a range of 512 addresses", ":12:12: $MAXRANGE4 can only become smaller",
                  ":15:1: a range of 17", ":20:2: unknown special entry", ":28:1: invalid A value"):
        assert f"data{place}" in notes
    compare(rbl_ask, "ip4set", {"data": b"1.2.3.4 a\0b\n1.2.3.5 b\rc\n1.2.3.6 no newline"}, ["4.3.2.1", "5.3.2.1", "6.3.2.1"])
    compare(rbl_ask, "ip4set", {"data": "1.2.3.4 " + "x" * 70000 + "\n1.2.3.5\n"}, ["4.3.2.1", "5.3.2.1"])


def test_compressed_files(rbl_ask):
    compare(rbl_ask, "ip4set", {"data": gzip.compress(b"1.2.3.4 a\n1.2.3.5 b\n")}, ["4.3.2.1", "5.3.2.1", "6.3.2.1"])


def test_every_member_of_a_compressed_file_counts(rbl_ask, tmp_path):
    """rbldnsd reads the first one only, without a word."""
    path = tmp_path / "data.gz"
    path.write_bytes(gzip.compress(b"1.2.3.4 a\n") + gzip.compress(b"1.2.3.5 b\n"))
    _, ours = ask_ours(rbl_ask, "ip4set", [path], ["4.3.2.1", "5.3.2.1"])
    assert [flags for flags, _ in ours] == [FOUND, FOUND]


@pytest.mark.parametrize("kind, text, there, nothing", [
    ("ip4set", "10.1.2.0/24\n!10.1.3.0/24\n", ["10", "1.10", "2.1.10"], ["11", "2.10", "3.1.10"]),
    ("ip4set", "10.1.2.3\n", ["10", "1.10", "2.1.10"], ["3.1.10", "x.10"]),
    ("ip6trie", "2001:db8:8000::/33\n", ["2", "1.0.0.2", "8.b.d.0.1.0.0.2", "8.8.b.d.0.1.0.0.2"], ["3", "0.8.b.d.0.1.0.0.2"]),
    ("dnset", "a.b.example\n*.c.example\n", ["example", "b.example", "c.example"], ["d.example", "x"]),
    ("generic", "a.b.example A 192.0.2.1\n", ["example", "b.example"], ["c.example"]),
    ("combined", "$DATASET ip4set s.deep\n10.1.2.3\n", ["deep", "10.s.deep"], ["other", "11.s.deep"]),
])
def test_empty_non_terminals_exist(rbl_ask, tmp_path, kind, text, there, nothing):
    """RFC 8020; rbldnsd says NXDOMAIN."""
    path = tmp_path / "data"
    path.write_text(text, encoding="ascii")
    _, ours = ask_ours(rbl_ask, kind, [path], there + nothing)
    assert ours == [(BELOW, set())] * len(there) + [(0, set())] * len(nothing)
