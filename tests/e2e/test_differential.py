# SPDX-License-Identifier: ISC
"""The whole system beside a slow and obvious model (harness/model.py): random lists, thousands of random names.

A failure prints the seed; STOCKADE_SEED=N asks the same again, STOCKADE_NAMES=N asks more.
"""
import ipaddress
import os
import random

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from harness.model import Entry, Model, Sublist, Zone, address_of, number_of
from harness.waiting import wait_for

HOST = "127.0.0.1"
PORTAL = "https://mail.example.test/why"
KINDS = ["A", "A", "A", "TXT", "TXT", "AAAA", "SOA", "NS", "ANY", "MX"]

SUBLISTS = [
    Sublist("main", "traps", "127.0.0.2"),
    Sublist("main", "reports", "127.0.0.4", "${sublist}: ${reason} ($)"),
    Sublist("main", "manual", "127.0.0.8", "${reason}, no matter who"),
    Sublist("bots", "hosts", "127.0.0.16", "${list} $ $$ ${code}"),
    Sublist("bots", "nets", "127.0.0.32"),
    Sublist("names", "phish", "127.0.1.2"),
    Sublist("names", "spam", "127.0.1.4", "$ ${reason}"),
    Sublist("shops", "fake", "127.0.1.8"),
]


def of(*lists):
    return [sublist for name in lists for sublist in SUBLISTS if sublist.list == name]


ZONES = [
    Zone("bl.example.test", ["main"], of("main"), "addresses"),
    Zone("bots.example.test", ["bots"], of("bots"), "addresses", bitmask=True, ttl=120, negative_ttl=30),
    Zone("dbl.example.test", ["names"], of("names"), "domains"),
    Zone("shops.example.test", ["shops"], of("shops"), "domains"),
    Zone("all.example.test", ["main", "bots"], of("main", "bots"), "addresses", combined=True, negative_ttl=45),
    Zone("sum.example.test", ["bots", "main"], of("bots", "main"), "addresses", combined=True, bitmask=True, ttl=20,
         negative_ttl=20),
    Zone("names.example.test", ["names", "shops"], of("names", "shops"), "domains", combined=True),
]


def configure(site):
    site.conf["lists"] = {}
    site.conf["zones"] = {}
    for zone in ZONES:
        serving = {"answers": "bitmask" if zone.bitmask else "codes"}
        if zone.ttl != 300:
            serving["ttl"] = f"{zone.ttl}s"
        if zone.negative_ttl not in (60, zone.ttl):
            serving["negative-ttl"] = f"{zone.negative_ttl}s"
        if zone.combined:
            site.conf["zones"][zone.name] = {"lists": zone.lists, **serving}
        else:
            site.conf["lists"][zone.lists[0]] = {
                "zone": zone.name, "holds": zone.holds, "never": ["own"], **serving,
                "sublists": {sublist.name: {"code": sublist.code, "policy": "by-hand", "template": sublist.template}
                             for sublist in zone.sublists}}


# ---- random lists

def random_net(rng, seen):
    """Nested in, beside and around what is there already, as often as not."""
    if seen and rng.random() < 0.6:
        near = ipaddress.ip_network(rng.choice(seen))
        longest = near.max_prefixlen
        if rng.random() < 0.25:
            bits = rng.randint(max(near.prefixlen - 6, 8 if near.version == 4 else 16), near.prefixlen)
        else:
            bits = rng.randint(near.prefixlen, longest)
        address = int(near.network_address) + rng.randrange(near.num_addresses)
        if rng.random() < 0.3:
            address = int(rng.choice([near.network_address, near.broadcast_address]))
        if rng.random() < 0.2:
            address = min(max(address + rng.choice([-1, 1]), 0), 2 ** longest - 1)
        kind = ipaddress.IPv4Network if near.version == 4 else ipaddress.IPv6Network
        return str(kind((address, bits), strict=False))
    if rng.random() < 0.55:
        base = rng.choice([0x64400000, 0xC6336400, 0x7F000000, 0x02000000])
        return str(ipaddress.IPv4Network((base + rng.randrange(1 << 10), rng.randint(8, 32)), strict=False))
    base = rng.choice([0x20010DB8 << 96, 0x20010DB8 << 96, 0x2003 << 112, 0])
    return str(ipaddress.IPv6Network((base + (rng.randrange(1 << 20) << 76), rng.choice([16, 20, 29, 32, 33, 36, 40, 46, 48, 56, 63,
                                                                                         64, 65, 96, 97, 127, 128])), strict=False))


def random_domain(rng, seen):
    if seen and rng.random() < 0.6:
        name = rng.choice(seen).lstrip(".")
        if name.count(".") > 1 and rng.random() < 0.3:
            name = name.split(".", 1)[1]
        elif len(name) < 100:
            name = f"{rng.choice(['a', 'b', 'www', 'x-1'])}.{name}"
    else:
        name = f"{rng.choice(['bad', 'evil', 'shop'])}{rng.randrange(4)}.{rng.choice(['example', 'test', 'co.example'])}"
    return ("." if rng.random() < 0.4 else "") + name


def random_entries(rng):
    entries = {}
    for sublist in SUBLISTS:
        domains = sublist.list in ("names", "shops")
        seen = sorted({entry.source for entry in entries.values() if (entry.list in ("names", "shops")) == domains})
        for _ in range(rng.randint(4, 14)):
            source = (random_domain if domains else random_net)(rng, seen)
            seen.append(source)
            entries[sublist.list, sublist.name, source] = Entry(
                sublist.list, sublist.name, source, rng.choice(["spam", "more spam", "%s $ ${url}"]), rng.random() < 0.25)
    return list(entries.values())


def add(site, entries):
    """In the fewest commands; the whole of it is answered when this returns."""
    groups = {}
    for entry in entries:
        groups.setdefault((entry.list, entry.sublist, entry.reason, entry.excluded), []).append(entry.source)
    for (name, sublist, reason, excluded), sources in groups.items():
        site.cli("list", "add", *sources, "--list", name, "--sublist", sublist, "--reason", reason, "--yes",
                 *(["--except"] if excluded else []))


# ---- random names


def labels_of_v6(number):
    return list(reversed(f"{number:032x}"))


def random_address_labels(rng, entries):
    net = ipaddress.ip_network(rng.choice(entries).source)
    number = number_of(net.network_address) + rng.choice(
        [0, -1, 1, net.num_addresses - 1, net.num_addresses, rng.randrange(net.num_addresses)])
    if rng.random() < 0.08:
        number = number_of(f"127.0.{rng.choice([0, 1])}.{rng.choice([0, 1, 2, 3, 4, 8, 16, 32, 64])}")
    number %= 1 << 128
    if address_of(number).version == 4 and rng.random() < 0.8:
        labels = [str(number >> shift & 0xFF) for shift in (0, 8, 16, 24)]
    else:
        labels = labels_of_v6(number)
    if rng.random() < 0.35:
        labels = labels[rng.randrange(len(labels)):]
    if rng.random() < 0.06:
        labels[rng.randrange(len(labels))] = rng.choice(["099", "00", "256", "g", "1x", "a", "-1"])
    if rng.random() < 0.03:
        labels = [rng.choice(["0", "x", "10"])] + labels
    return labels


def random_domain_labels(rng, entries):
    labels = rng.choice(entries).source.lstrip(".").split(".")
    turn = rng.random()
    if turn < 0.35:
        labels = [rng.choice(["a", "b", "www", "x-1", "zz", "*"]) for _ in range(rng.randint(1, 2))] + labels
    elif turn < 0.55:
        labels = labels[rng.randrange(len(labels)):]
    elif turn < 0.6:
        labels = [rng.choice(["test", "invalid", "TEST", "x.invalid"])]
        labels = labels[0].split(".")
    return labels


def random_question(rng, model):
    zone = rng.choice(ZONES)
    entries = [entry for entry in model.entries if entry.list in zone.lists]
    labels = (random_domain_labels if zone.holds == "domains" else random_address_labels)(rng, entries)
    turn = rng.random()
    if turn < 0.4:
        sublist = rng.choice(zone.sublists)
        part = [[sublist.name, sublist.list], [sublist.list]][rng.randrange(2)] if zone.combined else [sublist.name]
        labels = (labels if rng.random() < 0.95 else []) + part
    elif turn < 0.43:
        labels = labels + [rng.choice(["nobody", "main", "traps", "all"])]
    if rng.random() < 0.2:
        labels = [label.upper() for label in labels]
    return zone, labels, rng.choice(KINDS)


# ---- asking

def ask(port, zone, labels, kind):
    name = dns.name.Name([label.encode() for label in labels] + list(dns.name.from_text(zone.name).labels))
    query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
    answer = dns.query.udp(query, HOST, port=port, timeout=5)
    if answer.flags & dns.flags.TC:
        answer = dns.query.tcp(query, HOST, port=port, timeout=5)
    assert answer.flags & dns.flags.AA and answer.question[0].name.labels == name.labels
    return answer


def shown(answer):
    """(rcode, {(type, text)}, {ttl})"""
    records, ttls = set(), set()
    for rrset in answer.answer:
        assert rrset.name == answer.question[0].name
        ttls.add(rrset.ttl)
        for item in rrset:
            words = b"".join(item.strings).decode() if rrset.rdtype == dns.rdatatype.TXT else item.to_text()
            assert (rrset.rdtype, words) not in records
            records.add((dns.rdatatype.to_text(rrset.rdtype), words))
    if not records:
        soa, = answer.authority
        assert soa.rdtype == dns.rdatatype.SOA
        ttls.add(soa.ttl)
    return dns.rcode.to_text(answer.rcode()), frozenset(records), ttls


def compare(site, model, rng, count):
    for _ in range(count):
        zone, labels, kind = random_question(rng, model)
        if sum(len(label) + 1 for label in labels) > 200 or not labels:
            continue
        expected = model.answer(zone, labels, kind)
        found = shown(ask(site.ports["dns"], zone, labels, kind))
        assert found == (expected.rcode, expected.records, {expected.ttl}), \
            f"{'.'.join(labels)}.{zone.name} {kind}"


@pytest.mark.parametrize("turn", range(2))
def test_every_answer_is_that_of_the_model(site, turn):
    seed = int(os.environ.get("STOCKADE_SEED", 0)) or random.SystemRandom().randrange(1 << 32)
    count = int(os.environ.get("STOCKADE_NAMES", 2500))
    print(f"STOCKADE_SEED={seed}")
    rng = random.Random(seed)
    entries = random_entries(rng)
    model = Model(entries, PORTAL)
    configure(site)
    keeper = site.start("keeper")
    server = site.start("dns")
    add(site, entries)
    serial = site.json("status", check=False)["serial"]
    wait_for(lambda: ask(site.ports["dns"], ZONES[0], [], "SOA").answer[0][0].serial == serial, what="the last serial")
    compare(site, model, rng, count)

    # What was laid over the snapshot is in a snapshot of its own now.
    assert server.stop() == 0 and keeper.stop() == 0
    site.start("keeper")
    site.start("dns")
    compare(site, model, rng, count // 2)
    for zone in ZONES:
        soa = ask(site.ports["dns"], zone, [], "SOA").answer[0]
        assert soa.ttl == zone.ttl and soa[0].minimum == zone.negative_ttl
