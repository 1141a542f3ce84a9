#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The floors and the doors of the house (MAP.md): a file includes its own folder and lower floors, each library is included
in one place, and the store is opened by the keeper alone. Prints each violation as file:line; exit code 1 when there are any."""
import pathlib
import re
import sys

FLOORS = {
    "base": 0,
    "sets": 1, "dns": 1, "smtp": 1, "loop": 1, "catalogue": 1,
    "conf": 2, "list": 2, "resolve": 2, "server": 2, "http": 2,
    "store": 3, "bus": 3, "process": 3,
    "zone": 4, "gate": 4, "policy": 4, "portal": 4, "feed": 4, "rbldata": 4,
    "keeper": 5, "xfr": 5, "smtpd": 5, "rbldnsd": 5, "courier": 5,
    "dnsd": 6,
    "roles": 7,
    "cli": 8,
    "demo": 9,
}

# Arrows up that stand until the code around them is cut: (file, include).
STANDING = {
    ("zone/answer.c", "xfr/transfer.h"), ("zone/table.h", "xfr/transfer.h"), ("zone/table.c", "xfr/transfer.h"),
    ("xfr/changes.h", "dnsd/worker.h"),
}

# header, and the files that may include it
DOORS = [
    (r"(event2?/|event|evhttp).*", r"loop/.*"),
    (r"sqlite3\.h|libpq-fe\.h", r"store/.*"),
    (r"libfyaml\.h", r"conf/.*"),
    (r"seccomp\.h|linux/landlock\.h", r"process/jail\.c"),
    (r"libsmartcols.*", r"cli/.*"),
    (r"jansson\.h", r"(portal|cli)/.*"),
    (r"idn2\.h", r"list/source\.c"),
    (r"protobuf-c/.*", r"bus/.*"),
    (r"xxhash\.h", r"(sets|list)/.*"),
    (r"zlib\.h", r"rbldata/.*"),
    (r"sodium\.h", r"base/.*|store/.*|dns/(tsig|cookie|limit|quota|access_keys)\.c"),
]

# The law: who parses strangers' bytes cannot open the store; who opens the store parses no strangers' bytes.
STORE_KEEPERS = re.compile(r"(store|keeper)/.*|roles/keeper[a-z_]*\.[ch]")
KEEPER_FILES = re.compile(r"(keeper/[a-z_0-9]*|roles/keeper[a-z_]*|store/[a-z_0-9]*)\.[ch]")
STRANGERS = ("dns/message", "dns/query", "smtp/", "server/", "http/", "portal/", "zone/", "xfr/", "gate/", "smtpd/", "resolve/", "feed/",
             "rbldata/")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def violations(name, number, kind, target):
    """What is wrong with one include of the file `name` (relative to src)."""
    folder = name.split("/")[0] if "/" in name else None
    goal = target.split("/")[0] if "/" in target else None
    place = f"src/{name}:{number}"
    for header, door in DOORS:
        if re.fullmatch(header, target):
            if not re.fullmatch(door, name):
                yield f"{place}: <{target}> belongs behind {door}"
            return
    if kind == "<" or goal not in FLOORS:
        return
    if folder is not None and folder not in FLOORS:
        yield f"{place}: folder {folder} has no floor: give it one in tools/floors.py and MAP.md"
    elif folder is not None and goal != folder and (name, target) not in STANDING and FLOORS[goal] >= FLOORS[folder]:
        yield f"{place}: {folder} (floor {FLOORS[folder]}) includes {target} (floor {FLOORS[goal]})"
    if goal == "store" and not STORE_KEEPERS.fullmatch(name):
        yield f"{place}: only the keeper opens the store"
    if KEEPER_FILES.fullmatch(name) and target.startswith(STRANGERS):
        yield f"{place}: who opens the store parses no strangers' bytes ({target})"


def check(source):
    found = []
    for path in sorted(source.rglob("*.[ch]")) + sorted(source.rglob("*.def")):
        name = path.relative_to(source).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                found.extend(violations(name, number, *match.groups()))
    return found


def selftest():
    """Rules that cannot fail are no rules."""
    bad = [("base/ip.c", '"', "loop/loop.h"), ("gate/facts.c", '"', "portal/page.h"), ("gate/facts.c", '"', "store/store.h"),
           ("roles/gate.c", '"', "store/store.h"), ("keeper/x.c", '"', "smtp/parse.h"), ("gate/x.c", "<", "sqlite3.h"),
           ("portal/page.c", "<", "event2/http.h"), ("new/x.c", '"', "base/ip.h")]
    good = [("gate/facts.c", '"', "list/view.h"), ("keeper/x.c", '"', "store/store.h"), ("loop/x.c", "<", "event2/event.h"),
            ("main.c", '"', "cli/cli.h"), ("process/jail.c", "<", "seccomp.h")]
    for name, kind, target in bad:
        assert list(violations(name, 1, kind, target)), (name, target)
    for name, kind, target in good:
        assert not list(violations(name, 1, kind, target)), (name, target)


def main():
    selftest()
    found = check(pathlib.Path(__file__).resolve().parent.parent / "src")
    print("\n".join(found) or "every file keeps to its floor, every library to its door")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
