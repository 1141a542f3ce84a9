# SPDX-License-Identifier: ISC
"""What a zone of ours has to answer, written down slowly and obviously: no tables, no searches, every entry looked at.

Addresses are numbers of 128 bits, IPv4 in its mapped place. What is listed changes only at the borders of entries, so a
question about a whole network is put to those borders.
"""
import dataclasses
import functools
import ipaddress
import re

MAPPED = 0xFFFF << 32
V4_FIRST, V4_LAST = MAPPED, MAPPED | 0xFFFFFFFF
TEST_LISTED, TEST_NEVER = MAPPED | 0x7F000002, MAPPED | 0x7F000001
V6_BITS_LEAST = 16  # texts speak of no wider network (stockade-dns(7))


def is_v4(number):
    return V4_FIRST <= number <= V4_LAST


def number_of(address):
    address = ipaddress.ip_address(address)
    return int(address) | (MAPPED if address.version == 4 else 0)


def address_of(number):
    return ipaddress.IPv4Address(number & 0xFFFFFFFF) if is_v4(number) else ipaddress.IPv6Address(number)


@dataclasses.dataclass(frozen=True)
class Entry:
    list: str
    sublist: str
    source: str
    reason: str
    excluded: bool = False

    @property
    def net(self):
        """first, last, bits."""
        net = ipaddress.ip_network(self.source)
        bits = net.prefixlen + (96 if net.version == 4 else 0)
        first = number_of(net.network_address)
        return first, first | ((1 << (128 - bits)) - 1), bits


@dataclasses.dataclass(frozen=True)
class Sublist:
    list: str
    name: str
    code: str
    template: str = "Listed: ${reason}; ${url}"


@dataclasses.dataclass
class Zone:
    name: str
    lists: list
    sublists: list  # of all its lists, in order
    holds: str
    combined: bool = False
    bitmask: bool = False
    ttl: int = 300
    negative_ttl: int = 60


@dataclasses.dataclass(frozen=True)
class Answer:
    rcode: str
    records: frozenset = frozenset()  # (type, text)
    ttl: int = 0                      # of the records, or of the SOA of a negative answer


class Model:
    def __init__(self, entries, portal):
        self.entries = entries
        self.portal = portal

    # ---- addresses

    def said_of_ip(self, sublists, number):
        """[(sublist, reason)]: each sublist answers by its own most specific entry."""
        said = []
        for sublist in sublists:
            best = None
            for entry in self.entries:
                if (entry.list, entry.sublist) != (sublist.list, sublist.name):
                    continue
                first, last, bits = entry.net
                if first <= number <= last and is_v4(first) == is_v4(number) and (best is None or bits > best[0]):
                    best = (bits, entry)
            if best is not None and not best[1].excluded:
                said.append((sublist, best[1].reason))
        return said

    def borders(self, sublists, first, last):
        found = {first}
        lists = {sublist.list for sublist in sublists}
        for entry in self.entries:
            if entry.list not in lists:
                continue
            start, end, _ = entry.net
            found |= {border for border in (start, end + 1) if first <= border <= last}
        found |= {border for border in (V4_FIRST, V4_LAST + 1) if first <= border <= last}
        return found

    def tests_of_ip(self, sublists, number):
        if not is_v4(number) or number == TEST_NEVER:
            return []
        exact = [sublist for sublist in sublists if number_of(sublist.code) == number]
        return exact or (sublists[:1] if number == TEST_LISTED else [])

    def answers_ip(self, sublists, number):
        tests = self.tests_of_ip(sublists, number)
        if tests:
            return [(sublist, "test entry") for sublist in tests]
        return [] if number == TEST_NEVER else self.said_of_ip(sublists, number)

    def has_within(self, sublists, first, last):
        borders = self.borders(sublists, first, last)
        tests = {number_of(sublist.code) for sublist in sublists} | {TEST_LISTED}
        return any(self.said_of_ip(sublists, border) for border in borders) or \
            any(first <= test <= last and self.tests_of_ip(sublists, test) for test in tests)

    def subject_of_ip(self, sublists, number):
        """The network that texts speak of: of IPv6 the widest with one answer, on a nibble's boundary."""
        if is_v4(number):
            return str(address_of(number)), str(address_of(number))
        said = self.said_of_ip(sublists, number)
        for bits in range(V6_BITS_LEAST, 128, 4):
            first = number >> (128 - bits) << (128 - bits)
            last = first | ((1 << (128 - bits)) - 1)
            if first <= V4_FIRST and V4_LAST <= last:
                continue
            if all(self.said_of_ip(sublists, border) == said for border in self.borders(sublists, first, last)):
                return f"{address_of(first)}/{bits}", str(address_of(first))
        return str(address_of(number)), str(address_of(number))

    # ---- domains

    def said_of_domain(self, sublists, name):
        said = []
        for sublist in sublists:
            best = None
            for entry in self.entries:
                if (entry.list, entry.sublist) != (sublist.list, sublist.name):
                    continue
                if entry.source == name:
                    rank = (len(name), 1)
                elif entry.source[0] == "." and (name == entry.source[1:] or name.endswith(entry.source)):
                    rank = (len(entry.source) - 1, 0)
                else:
                    continue
                if best is None or rank > best[0]:
                    best = (rank, entry)
            if best is not None and not best[1].excluded:
                said.append((sublist, best[1].reason))
        return said

    def answers_domain(self, sublists, name):
        if name == "test":
            return [(sublist, "test entry") for sublist in sublists]
        if name == "invalid" or name.endswith(".invalid"):
            return []
        return self.said_of_domain(sublists, name)

    def has_below(self, sublists, name):
        if name == "invalid" or name.endswith(".invalid"):
            return False
        below = {f"nobody-has-this.{name}"}
        for entry in self.entries:
            domain = entry.source.lstrip(".")
            if entry.source.endswith("." + name) or domain == name:
                below.add(f"nobody-has-this.{domain}")
                if domain != name:
                    below.add(domain)
        return any(self.said_of_domain(sublists, candidate) for candidate in below)

    def subject_of_domain(self, sublists, name):
        said = self.answers_domain(sublists, name)
        while "." in name:
            above = name.split(".", 1)[1]
            if self.said_of_domain(sublists, f"nobody-has-this.{above}") != said:
                break
            name = above
        return name, name

    # ---- answers

    def text(self, sublist, reason, subject):
        source, page = subject
        words = {"$$": "$", "$": source, "${reason}": reason, "${url}": f"{self.portal}/{page}", "${list}": sublist.list,
                 "${sublist}": sublist.name, "${code}": sublist.code}
        return re.sub(r"\$\$|\$\{\w+\}|\$", lambda found: words[found.group()], sublist.template)

    def records(self, zone, said, kind, subject):
        if kind in ("A", "ANY"):
            codes = [sublist.code for sublist, _ in said]
            if zone.bitmask and codes:
                octet = 0
                for code in codes:
                    octet |= int(code.rsplit(".", 1)[1])
                codes = [codes[0].rsplit(".", 1)[0] + f".{octet}"]
            return frozenset(("A", code) for code in codes)
        if kind == "TXT" and said:
            about = subject()
            return frozenset(("TXT", self.text(sublist, reason, about)) for sublist, reason in said)
        return frozenset()

    def answer(self, zone, labels, kind):
        """labels: below the apex, as asked, at least one."""
        labels = [label.lower() for label in labels]
        sublists, is_part, labels = part_of(zone, labels)
        said, subject, exists = [], None, is_part
        if labels and zone.holds == "domains":
            name = ".".join(labels)
            said = self.answers_domain(sublists, name)
            subject = functools.partial(self.subject_of_domain, sublists, name)
            exists = self.has_below(sublists, name)
        elif labels:
            spelled = [net for net in (spell_v4(labels), spell_v6(labels)) if net is not None]
            for first, last in spelled:
                if first == last:
                    said = self.answers_ip(sublists, first)
                    subject = functools.partial(self.subject_of_ip, sublists, first)
                else:
                    exists = exists or self.has_within(sublists, first, last)
        records = self.records(zone, said, kind, subject)
        if records:
            return Answer("NOERROR", records, zone.ttl)
        return Answer("NOERROR" if said or exists else "NXDOMAIN", ttl=zone.negative_ttl)


def part_of(zone, labels):
    """The sublists asked, whether the name is that of a list or sublist itself, and the labels before it."""
    sublists = zone.sublists
    if zone.combined:
        if labels[-1] not in zone.lists:
            return sublists, False, labels
        sublists = [sublist for sublist in sublists if sublist.list == labels[-1]]
        labels = labels[:-1]
    if labels:
        for sublist in sublists:
            if sublist.name == labels[-1]:
                return [sublist], len(labels) == 1, labels[:-1]
    return sublists, not labels, labels


def spell_v4(labels):
    """First and last address of the network that labels are the beginning of; None: they are none."""
    if len(labels) > 4 or not all(label.isdigit() and label == str(int(label)) and int(label) < 256 for label in labels):
        return None
    first = 0
    for label in reversed(labels):
        first = first << 8 | int(label)
    room = 8 * (4 - len(labels))
    return V4_FIRST | first << room, V4_FIRST | first << room | ((1 << room) - 1)


def spell_v6(labels):
    if len(labels) > 32 or not all(len(label) == 1 and label in "0123456789abcdef" for label in labels):
        return None
    first = 0
    for label in reversed(labels):
        first = first << 4 | int(label, 16)
    room = 4 * (32 - len(labels))
    return first << room, first << room | ((1 << room) - 1)
