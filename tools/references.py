#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What is named exists, and what exists is used: files named in comments and documents, rows of the tables, unit tests of pure
files, tests behind the rows of doc/failures.md. Prints each violation; exit code 1 when there are any."""
import collections
import pathlib
import re
import sys

import floors
import source as c

# Tables of which each row is used by its id somewhere in src: {file: macro}.
TABLES = {"catalogue/refusals.def": "REFUSAL", "base/events.def": "EVENT", "base/errors.def": "ERROR"}
# Rows that nothing uses yet. An exception that is not needed any more is an error; so it is in all lists here.
STANDING_ROWS = set()

# Pure files without a test of their own.
STANDING_UNTESTED = {
    "dns/access_keys.c", "dns/notify.c", "dns/query.c", "dns/quota.c", "feed/changes.c", "feed/owner.c", "gate/facts.c",
    "gate/facts_lists.c", "gate/verdict_reply.c", "sets/image.c", "sets/names.c", "sets/packed_rows.c", "sets/prefix.c",
    "sets/prefix_table.c", "zone/apex_txt.c", "zone/diff.c", "zone/guard_sample.c", "zone/match.c", "zone/qname.c",
    "zone/record.c", "zone/table.c", "zone/test_entries.c", "zone/walk_domain.c",
}

# Functions that no file of src calls, and why they stand.
UNUSED = {
    "bus_client_spooled": "tests wait for what is acknowledged",
    "spool_count": "tests count what waits", "cache_count": "tests count answers", "access_keys_count": "the fuzzer counts keys",
    "http_server_connections": "tests count connections", "zone_node_count": "tests know the bound of a node's records",
    "view_snapshot_serial": "tests tell a rebased view from an old one",
    "overlay_is_empty": "tests", "view_piece_next": "walks of tests",
    "rbl_answer": "one request; the server answers batches",
    "rbl_dataset_memory": "tests hold memory to its bound", "setting_has_range": "a test holds the manual to the table",
    "log_format": "tests read lines", "clock_monotonic_us": "bench", "mem_fail_after": "tests let the Nth allocation fail",
}

# Names that stand for many, and headers of others that nobody includes yet.
FOREIGN = re.compile(r"(.*/)?(x|test_x|fuzz_x|bench_x)\.(c|h|py|scn)|(libpq-fe|sysexits)\.h")
NAMED = re.compile(r"(?<![\w./*<>{}$~-])-*((?:\w[\w-]*/)*\w[\w-]*\.(?:c|h|def|py|scn|proto|md))(?![\w/*(]|\.\w)")


SPOKEN = re.compile(r'"""(.*?)"""|#[^\n]*|//[^\n]*', re.S)


def tree():
    """All files of ours; not what a build or python left beside them."""
    paths = [*c.ROOT.glob("*.*"), *(path for folder in ("src", "tests", "bench", "doc", "man", "tools", "script", "conf")
                                    for path in (c.ROOT / folder).rglob("*") if path.parent.name != "__pycache__")]
    return sorted(path.relative_to(c.ROOT).as_posix() for path in paths if path.is_file())


# ---- files ----

def resolves(name, folder, there):
    """Whether a file that is named in a file of `folder` exists: from there, from the root, or from where files of ours lie; a
    bare name in the same folder or, in a document of no folder, anywhere."""
    if "/" in name or folder.startswith("src/"):
        return any(str(pathlib.PurePosixPath(base, name)) in there for base in (folder, "", "src", "tests", "tests/e2e", "tests/unit"))
    return any(path == name or path.endswith("/" + name) for path in there)


def spoken(path, text):
    """(offset, text) of what is written for people: all of a document, comments of code; nothing of other files. The checks
    themselves are left out, since they are tested with names that are made up."""
    suffix = pathlib.PurePosixPath(path).suffix
    if suffix == ".md" and path != "CHANGELOG.md":
        return [(0, text)]
    if suffix in (".c", ".h", ".def"):
        return [(start, text[start:end]) for start, end in c.Source(path, text).comments]
    if suffix in (".py", ".proto") and not path.startswith("tools/") or path.startswith("script/"):
        return [(match.start(), match.group(0)) for match in SPOKEN.finditer(text)]
    return []


def named_files(path, text):
    """(line, name) of the files that are named."""
    for offset, piece in spoken(path, text):
        for match in NAMED.finditer(piece):
            if not FOREIGN.fullmatch(match.group(1)):
                yield text.count("\n", 0, offset + match.start()) + 1, match.group(1)


def check_files(files, names):
    there = {*names, *(target for file in files for _, quote, target in file.includes if quote == "<")}
    for path in names:
        try:
            text = (c.ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:  # not one of ours to read
            continue
        for line, name in named_files(path, text):
            if not resolves(name, str(pathlib.PurePosixPath(path).parent), there):
                yield f"{path}:{line}: there is no {name}"


# ---- rows ----

def unused_rows(files, table, macro):
    """Ids of the rows of a table that no other file names."""
    ids = re.findall(rf"^{macro}\((\w+),", next((file.code for file in files if file.name == table), ""), re.M)
    used = {word for file in files if file.name != table for word in re.findall(r"\w+", file.code)}
    return [row for row in ids if row not in used]


def check_rows(files):
    unused = {row: table for table, macro in TABLES.items() for row in unused_rows(files, table, macro)}
    found = [f"src/{table}: nothing uses {row}" for row, table in unused.items() if row not in STANDING_ROWS]
    return found + c.unneeded(STANDING_ROWS, set(unused), "tools/references.py")


# ---- functions ----

def unused_functions(files):
    """Functions that others can see and no file of src names but where they are defined; x_free is named by AUTO(x)."""
    named = collections.Counter(word for file in files for word in re.findall(r"\w+", file.code))
    told = collections.Counter(function.name for file in files for function in file.functions)
    owned = {name + "_free" for file in files for name in re.findall(r"\bAUTO\((\w+)\)", file.code)}
    visible = {function.name for file in files if file.name.endswith(".c") for function in file.functions
               if function.is_definition and not function.is_static}
    return {name for name in visible - owned - {"main"} if named[name] <= told[name] and not name.startswith("__")}


def check_functions(files):
    unused = unused_functions(files)
    return [f"src: nobody calls {name}" for name in sorted(unused - UNUSED.keys())] + c.unneeded(UNUSED, unused, "tools/references.py")


# ---- tests ----

def untested(files, names):
    return {file.name for file in files if file.name.endswith(".c") and floors.matches(file.name, floors.PURE)
            and f"tests/unit/{file.folder}/test_{file.name.split('/')[1]}" not in names}


def check_tests(files, names):
    missing = untested(files, set(names))
    return [f"src/{name}: is pure and has no tests/unit/{name.replace('/', '/test_')}" for name in sorted(missing - STANDING_UNTESTED)
            ] + c.unneeded(STANDING_UNTESTED, missing, "tools/references.py")


# ---- evidence ----

# Rows of doc/failures.md that nothing can show, by the beginning of what fails.
STANDING_UNSHOWN = {"the clock is wrong already when the keeper starts"}
SHOWN = re.compile(r"(fuzz )?`([^`]+)`")


def shown_rows(text):
    """(line, what fails, the cell "shown by") of the tables of a page."""
    is_table = False
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if is_table and cells and not set(line) <= set("|- "):
            yield number, cells[0], cells[-1]
        is_table = bool(cells) and (is_table or cells[-1] == "shown by")


def named_tests(cell):
    """(file below tests/, what it has to hold) of each test that a cell names; a bare name or parameter belongs to the file
    before it."""
    path = ""
    for is_fuzz, word in SHOWN.findall(cell):
        name, is_new, held = word.partition(": ")
        if is_fuzz or word.startswith("fuzz_"):
            path, held = f"fuzz/fuzz_{word.removeprefix('fuzz_')}.c", ""
        elif name.endswith(".scn"):
            path, held = "scenario/" + name.removeprefix("tests/scenario/"), ""
        elif name.endswith((".py", ".c")):
            path = "e2e/" + name if name.endswith(".py") else "unit/" + name
        elif not is_new and "/" not in word:
            held = word
        else:
            path, held = f"../{word}", ""
        yield path, held


def holds(text, held):
    """Whether a test file has the function (and the parameter) that is named."""
    name, _, parameter = held.rstrip("]").partition("[")
    return (not name or re.search(rf"\b{name}\(", text) is not None) and (not parameter or f'"{parameter}"' in text)


def check_shown(path="doc/failures.md"):
    """Each row is shown by a test, and the test is there."""
    without = set()
    for line, what, cell in shown_rows((c.ROOT / path).read_text(encoding="utf-8")):
        if "`" not in cell and cell != "the same":
            without.add(what)
            if what not in STANDING_UNSHOWN:
                yield f"{path}:{line}: no test shows: {what}"
        for name, held in named_tests(cell):
            file = c.ROOT / "tests" / name
            if not file.exists() or held and not holds(file.read_text(encoding="utf-8"), held):
                yield f"{path}:{line}: there is no {name}{': ' + held if held else ''}"
    yield from c.unneeded(STANDING_UNSHOWN, without, "tools/references.py")


def selftest():
    """Rules that cannot fail are no rules."""
    there = {"src/gate/facts.c", "src/base/span.h", "tests/e2e/test_x1.py", "doc/a1.md"}
    for name, folder in (("facts.c", "src/gate"), ("gate/facts.c", "src/base"), ("src/base/span.h", "doc"), ("span.h", "doc"),
                         ("test_x1.py", "doc"), ("a1.md", "doc")):
        assert resolves(name, folder, there), name
    for name, folder in (("facts.c", "src/base"), ("gate/gone.c", "src/gate"), ("gone.md", "doc"), ("roles/span.h", "doc")):
        assert not resolves(name, folder, there), name
    words = "see gate/gone.c, `facts.h` (and *.c, <event2/x1.h>, test_x.c); lists.md."
    assert [name for _, name in named_files("doc/a1.md", words)] == ["gate/gone.c", "facts.h", "lists.md"]
    code = "int a1; // gone.c\n" + 'f("not/named.c"); /* here.h */'
    assert list(named_files("gate/a1.c", code)) == [(1, "gone.c"), (2, "here.h")]
    assert list(named_files("tests/a1.py", 'x = "not.c"  # gone.c\n')) == [(1, "gone.c")]
    table = c.Source("base/t.def", "ROW(A_ROW, 1)\nROW(B_ROW, 2)\n")
    assert unused_rows([table, c.Source("base/x.c", "f(A_ROW); /* B_ROW */")], "base/t.def", "ROW") == ["B_ROW"]
    seen = c.Source("base/a1.c", "int a1_get(void)\n{\n}\nint a1_set(void)\n{\n}\nvoid b1_free(void)\n{\n}\n")
    user = c.Source("base/c1.c", "static int f(void)\n{\n\tAUTO(b1) *b = NULL;\n\treturn a1_get();\n}\n")
    assert unused_functions([seen, user]) == {"a1_set"}
    pure = [c.Source("smtp/x1.c", ""), c.Source("smtp/y.c", ""), c.Source("loop/z.c", "")]
    assert untested(pure, {"tests/unit/smtp/test_y.c"}) == {"smtp/x1.c"}
    page = "| what | shown by |\n|---|---|\n| a | `test_x1.py: test_a[b]`, `test_c`; fuzz `d` |\n\n| e | f |\n|---|---|\n| g | h |\n"
    assert list(shown_rows(page)) == [(3, "a", "`test_x1.py: test_a[b]`, `test_c`; fuzz `d`")]
    assert list(named_tests("`test_x1.py: test_a[b]`, `test_c`; fuzz `d`; unit `e/test_f.c` (`g`)")) == [
        ("e2e/test_x1.py", "test_a[b]"), ("e2e/test_x1.py", "test_c"), ("fuzz/fuzz_d.c", ""), ("unit/e/test_f.c", ""), ("unit/e/test_f.c", "g")]
    assert holds('def test_a(b):\n    pass\n"c"', "test_a[c]") and not holds("def test_ab(b):", "test_a") and not holds("test_a(", "test_a[c]")


def main():
    selftest()
    names = tree()
    files = c.sources()
    sys.exit(c.report([*check_files(files, names), *check_rows(files), *check_functions(files), *check_tests(files, names), *check_shown()],
                      "what is named exists, and what exists is used"))


if __name__ == "__main__":
    main()
