#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The floors and the doors of the house, as the table of MAP.md has them: a file includes its own folder and lower floors; a
header behind a door is included there alone; the store is opened by the keeper alone; files of one folder form no circle; pure
code knows no clock, log, loop or lock. Prints each violation; exit code 1 when there are any."""
import collections
import fnmatch
import re
import sys

import source as c

# (file, header): what stands until the code around it is cut. An exception that is not needed any more is an error.
STANDING_INCLUDES = {
    ("keeper/connection.h", "stockade.pb-c.h"),
    ("gate/verdict.c", "base/clock.h"),
}

# The law: who parses strangers' bytes cannot open the store; who opens the store parses no strangers' bytes.
STORE_KEEPERS = re.compile(r"(store|keeper)/.*|roles/keeper\.[ch]|cli/store\.c")
STRANGERS = ("dns/message", "dns/query", "smtp/", "server/", "http/", "portal/", "zone/", "xfr/", "gate/", "smtpd/", "resolve/",
             "feed/", "rbldata/", "rbldnsd/", "courier/")

# Pure code gets the time as a parameter, and says what happened by its results.
PURE = ("policy/*", "zone/*", "sets/*", "dns/*", "smtp/*", "feed/*", "gate/facts*", "gate/verdict*", "gate/helo.*",
        "gate/dnsbl.*", "grey/decide.*", "grey/generic_name.*", "grey/key.*", "grey/mailbox.*", "grey/record.*", "grey/suspicion.*", "grey/table.*",
        "gate/explain.*", "gate/incidents.*", "smtpd/trace_header.*")
IMPURE = ("loop/*", "pthread.h", "base/clock.h", "base/log.h")

# Circles of files that are one thing in several files: pattern of its files, reason.
CIRCLES = {
    "smtpd/session*": "one state machine, a file for each part of a session",
    "zone/walk*": "one walk over a zone; walk_priv.h is its inside",
}
# Folders whose circles are being cut.
STANDING_CIRCLES = {"bus", "conf"}

_ROW = re.compile(r"^\| *(\d+) *\| *`(\w+)` *\|[^|]*\|([^|]*)\|", re.M)


def read_map(text):
    """{folder: floor} and {pattern of a header: [patterns of files]} of the table."""
    floors, doors = {}, collections.defaultdict(list)
    for floor, folder, cell in _ROW.findall(text):
        floors[folder] = int(floor)
        for part in cell.split(";"):
            headers, _, files = part.partition(" in ")
            inside = [f"{folder}/{file}" for file in re.findall(r"`([^`]+)`", files)] or [f"{folder}/*"]
            for header in re.findall(r"`([^`]+)`", headers):
                doors[header] += inside
    return floors, doors


FLOORS, DOORS = read_map((c.ROOT / "MAP.md").read_text(encoding="utf-8"))


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def include_violations(name, quote, target):
    """What is wrong with one include of the file `name`."""
    folder = name.split("/")[0] if "/" in name else None
    goal = target.split("/")[0] if "/" in target else None
    for header, door in DOORS.items():
        if (quote == "<" or goal is None) and matches(target, [header]) and not matches(name, door):
            yield f"'{target}' belongs behind {', '.join(door)}"
    if matches(name, PURE) and matches(target, IMPURE):
        yield f"is pure and includes {target}"
    if quote == "<" or goal not in FLOORS:
        return
    if folder is not None and folder not in FLOORS:
        yield f"folder {folder} has no floor: give it one in MAP.md"
    elif folder is not None and goal != folder and FLOORS[goal] >= FLOORS[folder]:
        yield f"{folder} (floor {FLOORS[folder]}) includes {target} (floor {FLOORS[goal]})"
    if goal == "store" and not STORE_KEEPERS.fullmatch(name):
        yield "only the keeper opens the store"
    if STORE_KEEPERS.fullmatch(name) and target.startswith(STRANGERS):
        yield f"who opens the store parses no strangers' bytes ({target})"


def check_includes(files):
    found, needed = [], set()
    for file in files:
        for line, quote, target in file.includes:
            wrong = list(include_violations(file.name, quote, target))
            if wrong and (file.name, target) in STANDING_INCLUDES:
                needed.add((file.name, target))
            else:
                found += [f"src/{file.name}:{line}: {words}" for words in wrong]
    return found + c.unneeded(STANDING_INCLUDES, needed, "tools/floors.py")


def edges(files):
    """{unit: {units of the same folder}}: by includes, and by calls of what another unit defines."""
    graph = collections.defaultdict(set)
    homes = {function.name: file for file in files for function in file.functions
             if function.is_definition and not function.is_static}
    units = {file.unit for file in files if file.folder}
    for file in files:
        if not file.folder:
            continue
        for _, _, target in file.includes:
            goal = c.unit_of(target)
            if goal in units and goal.split("/")[0] == file.folder:
                graph[file.unit].add(goal)
        own = {function.name for function in file.functions}
        for name in set(re.findall(r"(?<![\w.>])(\w+)\(", file.code)) - own:
            home = homes.get(name)
            if home is not None and home.folder == file.folder:
                graph[file.unit].add(home.unit)
        graph[file.unit].discard(file.unit)
    return graph


def reach(graph, start):
    seen, waiting = set(), [start]
    while waiting:
        for goal in graph.get(waiting.pop(), ()):
            if goal not in seen:
                seen.add(goal)
                waiting.append(goal)
    return seen


def circles(graph):
    """The sets of units that reach each other, as sorted tuples."""
    reached = {unit: reach(graph, unit) for unit in graph}
    return sorted({tuple(sorted({other for other in reached[unit] if unit in reached.get(other, ())}))
                   for unit in graph if unit in reached[unit]})


def check_circles(files):
    found = []
    needed = {pattern for pattern in CIRCLES if pattern.split("/")[0] in STANDING_CIRCLES}  # nobody can say yet
    for circle in circles(edges(files)):
        folder = circle[0].split("/")[0]
        pattern = next((pattern for pattern in CIRCLES if all(matches(unit, [pattern]) for unit in circle)), None)
        if pattern or folder in STANDING_CIRCLES:
            needed.add(pattern or folder)
        else:
            found.append(f"src/{folder}: a circle of {' '.join(unit.split('/')[1] for unit in circle)}")
    return found + c.unneeded({*CIRCLES, *STANDING_CIRCLES}, needed, "tools/floors.py")


def check_folders():
    """MAP.md, the disk and the lists of meson name the same folders."""
    def listed(path):
        return set(re.findall(r"'(\w+)'", re.search(r"foreach folder : \[(.*?)\]", (c.ROOT / path).read_text(), re.S).group(1)))
    there = {path.name for path in c.SRC.iterdir() if path.is_dir()}
    tested = {path.parent.name for path in (c.ROOT / "tests/unit").glob("*/meson.build")}
    found = [f"MAP.md: folder {name} is missing on one side: the table, or src" for name in sorted(there ^ set(FLOORS))]
    found += [f"src/meson.build: {name} is listed, or there, but not both" for name in sorted(there ^ listed("src/meson.build"))]
    found += [f"tests/unit/meson.build: {name} is listed, or there, but not both"
              for name in sorted(tested ^ listed("tests/unit/meson.build"))]
    return found + [f"tests/unit/{name}: no folder of src" for name in sorted(tested - there)]


def selftest():
    """Rules that cannot fail are no rules."""
    bad = [("base/ip.c", '"', "loop/loop.h"), ("gate/facts.c", '"', "portal/page.h"), ("gate/reply.c", '"', "store/store.h"),
           ("roles/gate.c", '"', "store/store.h"), ("keeper/x.c", '"', "smtp/parse.h"), ("gate/x.c", "<", "sqlite3.h"),
           ("portal/page.c", "<", "event2/http.h"), ("new/x.c", '"', "base/ip.h"), ("zone/x.c", '"', "stockade.pb-c.h"),
           ("policy/x.c", '"', "base/clock.h"), ("sets/x.c", "<", "pthread.h"), ("dns/query.c", "<", "sodium.h"),
           ("xfr/x.c", '"', "smtpd/session.h")]
    good = [("gate/facts.c", '"', "list/view.h"), ("keeper/x.c", '"', "store/store.h"), ("loop/x.c", "<", "event2/event.h"),
            ("main.c", '"', "cli/cli.h"), ("process/jail_seccomp.c", "<", "seccomp.h"), ("dns/tsig.c", "<", "sodium.h"),
            ("keeper/command_add.c", '"', "stockade.pb-c.h"), ("gate/gather.c", '"', "base/clock.h"), ("base/x.c", '"', "base/events.def")]
    for name, quote, target in bad:
        assert list(include_violations(name, quote, target)), (name, target)
    for name, quote, target in good:
        assert not list(include_violations(name, quote, target)), (name, target)
    by_call = [c.Source("list/a.c", "void a(void)\n{\n\tb();\n}\n"), c.Source("list/b.c", '#include "list/a.h"\nint b(void)\n{\n}\n'),
               c.Source("list/a.h", "")]
    assert circles(edges(by_call)) == [("list/a", "list/b")] and check_circles(by_call)
    assert circles(edges(by_call[1:])) == []
    assert read_map("| 3 | `x` | y | `a.h` `b/*`; `c.h` in `d.c` |\n") == ({"x": 3}, {"a.h": ["x/*"], "b/*": ["x/*"], "c.h": ["x/d.c"]})


def main():
    selftest()
    files = c.sources()
    sys.exit(c.report(check_folders() + check_includes(files) + check_circles(files),
                      "every file keeps to its floor, every library to its door, no folder has a circle"))


if __name__ == "__main__":
    main()
