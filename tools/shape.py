#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The shape of the code: figures for people (lengths of files and functions, share of comments), and bounds that fail: sizes of
folders and roles, parameters, booleans side by side, comments beyond the width of the code. Aims: .c about 250 lines (90 %
below 800), .h about 70 (200), functions about 16 (55), comments 12 to 20 %. Numbers called _MAX are of today and only fall."""
import collections
import re
import statistics
import sys

import source as c

WIDTH = 100
ROLE_LINES_MAX = 300
FOLDER_FILES_MAX = 25
FOLDER_SHARE_MAX = 0.10
PARAMETERS = 4
PARAMETERS_OVER_FOUR_MAX = 0
PARAMETERS_OVER_SIX_MAX = 0
BOOLEANS_SIDE_BY_SIDE_MAX = 0

# Functions that stay with more than four parameters: {name: reason}; fewer than ten.
MANY_PARAMETERS = {
    "reply_record": "the parts of a record as they follow each other on the wire; on the path of every answer",
    "dns_query_encode": "the parts of a question as they follow each other on the wire",
    "rbl_answer_requests": "who answers, from what, with which room, and the batch; once a batch",
    "store_events_of": "whose and how many, and the call for each: as all that hand rows out",
    "store_events_covering": "whose and how many, and the call for each: as all that hand rows out",
    "store_incidents_of": "whose and how many, and the call for each: as all that hand rows out",
    "store_listing_again": "the row, when, by which event, and the number it gets",
}


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0


def bodies(file):
    """(name, lines of the body) of each function whose brace stands on its own line."""
    heads = {function.line: function.name for function in file.functions if function.is_definition}
    name = start = None
    for number, line in enumerate(file.text.splitlines(), 1):
        name = heads.get(number, name)
        if line == "{" and name:
            start = number
        elif line == "}" and start is not None:
            yield name, number - start - 1
            name = start = None


def comment_share(file):
    """(lines that are comment only, lines that are not empty)."""
    pairs = [(line.strip(), code.strip()) for line, code in zip(file.text.splitlines(), file.code.splitlines())]
    return sum(1 for line, code in pairs if line and not code), sum(1 for line, _ in pairs if line)


def row(name, values, unit):
    print(f"{name:<10} {len(values):5} {unit:<10} median {statistics.median(values or [0]):5.0f}   "
          f"90 % below {share(values, 0.9):5}   longest {max(values or [0]):5}")


def print_figures(files):
    files = [file for file in files if not file.name.endswith(".def")]
    counted = [comment_share(file) for file in files]
    functions = [(length, name, file.name) for file in files for name, length in bodies(file)]
    for suffix in (".c", ".h"):
        row(suffix, [file.text.count("\n") for file in files if file.name.endswith(suffix)], "files")
    row("functions", [length for length, _, _ in functions], "bodies")
    print(f"comments   {100 * sum(x for x, _ in counted) / max(1, sum(y for _, y in counted)):.0f} % of the lines")
    for length, name, where in sorted(functions, reverse=True)[:5]:
        print(f"  {length:4} lines  {name}  src/{where}")
    for line in crowded(files):
        print(line)


# ---- sizes ----

def crowded(files):
    """Folders of more files than somebody can hold in the head: told, since a family of verbs may be right to be one."""
    units = collections.Counter(file.folder for file in files if file.folder and file.name.endswith(".c"))
    return [f"  {count:4} .c files, more than {FOLDER_FILES_MAX}  src/{folder}" for folder, count in units.items()
            if count > FOLDER_FILES_MAX]


def check_folders(files):
    lines = collections.Counter()
    for file in files:
        if file.folder:
            lines[file.folder] += file.text.count("\n")
    whole = sum(lines.values())
    for folder, count in lines.items():
        if count > whole * FOLDER_SHARE_MAX:
            yield f"src/{folder}: {count} of {whole} lines, more than {FOLDER_SHARE_MAX:.0%}"


def check_role(file):
    """A role is one thin file: what others see of it is its struct role."""
    if file.folder != "roles" or not file.name.endswith(".c"):
        return
    if file.text.count("\n") > ROLE_LINES_MAX:
        yield f"src/{file.name}: {file.text.count(chr(10))} lines, more than {ROLE_LINES_MAX}"
    for function in file.functions:
        if function.is_definition and not function.is_static:
            yield f"src/{file.name}:{function.line}: {function.name}() is not static: others see a role's struct role alone"
    for match in re.finditer(r"^(?!static |typedef |extern )[\w \*]+?(\w+)(\[\])? = ", file.code, re.M):
        if not re.match(r"const struct role\b", match.group(0)):
            yield f"src/{file.name}:{file.line_at(match.start())}: {match.group(1)} is not static"


# ---- parameters ----

def is_boolean(parameter):
    return re.fullmatch(r"(const )?bool( \w+)?", parameter) is not None


def parameters_over(files, count):
    return [f"src/{file.name}:{function.line}: {function.name}() has {len(function.parameters)} parameters"
            for file in files for function in file.functions
            if function.is_definition and len(function.parameters) > count and function.name not in MANY_PARAMETERS]


def booleans_side_by_side(files):
    return [f"src/{file.name}:{function.line}: {function.name}() has two booleans side by side: make them enums, or flags"
            for file in files for function in file.functions if function.is_definition
            and any(is_boolean(a) and is_boolean(b) for a, b in zip(function.parameters, function.parameters[1:]))]


# ---- comments ----

def width_of(line):
    return len(line.expandtabs(8))


def wide_comments(file):
    """Lines that go beyond the width, and do so with a comment."""
    for number, (line, code) in enumerate(zip(file.text.splitlines(), file.code.splitlines()), 1):
        if width_of(line) > WIDTH and len(code.rstrip()) < len(line.rstrip()):
            yield f"{file.path}:{number}: a comment goes beyond {WIDTH} columns"


def broken_declarations(file):
    """'const struct conf', and on the next line '*conf; /* a comment that was too long */'."""
    for match in re.finditer(r"^([ \t]*)(\w[\w \*]*\n\1[ \t]+\**\w*(\[[^\]\n]*\])*( : \d+)?;|\.?\w+ =\n\1[ \t]+\w+,)", file.code, re.M):
        if file.text[match.end():].lstrip(" \t").startswith("/*"):
            yield f"{file.path}:{file.line_at(match.start())}: a declaration is broken by its comment: put it above"


# ---- all of them ----

def ratchet(name, found, bound):
    """The lines of found when there are more than yesterday; a word when there are fewer, so that the bound falls."""
    if len(found) > bound:
        return [*found, f"tools/shape.py: {name} = {bound}, and there are {len(found)}"]
    if len(found) < bound:
        return [f"tools/shape.py: {name} = {bound}, and there are only {len(found)}: lower it"]
    return []


def check(files, others):
    found = [*check_folders(files), *(line for file in files for line in check_role(file))]
    for file in [*files, *others]:
        found += [*wide_comments(file), *broken_declarations(file)]
    for name, lines in (
            ("PARAMETERS_OVER_FOUR_MAX", parameters_over(files, PARAMETERS)),
            ("PARAMETERS_OVER_SIX_MAX", parameters_over(files, 6)),
            ("BOOLEANS_SIDE_BY_SIDE_MAX", booleans_side_by_side(files))):
        found += ratchet(name, lines, globals()[name])
    defined = {function.name for file in files for function in file.functions if len(function.parameters) > PARAMETERS}
    return found + c.unneeded(MANY_PARAMETERS, defined, "tools/shape.py")


def selftest():
    """Rules that cannot fail are no rules."""
    many = c.Source("gate/a.c", "int f(int a, int b, void (*c)(int, int), bool d, bool e)\n{\n}\nint g(bool a, bool *b, int c);\n")
    few = c.Source("gate/a.c", "static int f(int a, int b, void (*c)(int, int), bool d)\n{\n}\nvoid g(bool a, int b, bool c)\n{\n}\n")
    assert parameters_over([many], 4) and booleans_side_by_side([many]) and not parameters_over([many], 6)
    assert not parameters_over([few], 4) and not booleans_side_by_side([few])
    wide = c.Source("gate/a.c", "\t/* " + "w" * 90 + " */\nint a; /* b */\n" + "\tcall(\"" + "w" * 99 + "\");\n")
    assert len(list(wide_comments(wide))) == 1
    broken = c.Source("gate/a.c", "struct a {\n\tconst struct conf\n\t\t*conf; /* the one */\n\tint b\n\t\t[SIZE]; /* b */\n};\n"
                      "enum {\n\tA =\n\t\t8, /* a */\n};\n")
    whole = c.Source("gate/a.c", "struct a {\n\t/* the one */\n\tconst struct conf *conf;\n\tint b; /* c */\n\tint c;\n};\nenum {\n\tA, /* a */\n};\n")
    assert len(list(broken_declarations(broken))) == 3 and not list(broken_declarations(whole))
    assert len(list(check_role(c.Source("roles/x.c", "int f(void)\n{\n}\nint a = 3;\n" + "\n" * 300)))) == 3
    assert not list(check_role(c.Source("roles/x.c", "const struct role role_x = {\n};\nstatic int a = 3;\n")))
    assert list(check_folders([c.Source(f"gate/{n}.c", "\n") for n in range(26)]))
    assert crowded([c.Source(f"gate/{n}.c", "") for n in range(26)]) and not crowded([c.Source(f"gate/{n}.c", "") for n in range(25)])
    assert not list(check_folders([c.Source(f"f{n}/a.c", "\n") for n in range(12)]))
    assert ratchet("x", ["a"], 0) and ratchet("x", ["a"], 2) and not ratchet("x", ["a"], 1)


def main():
    selftest()
    files = c.sources()
    print_figures(files)
    others = c.read([c.ROOT / "tests", c.ROOT / "bench"])
    sys.exit(c.report(check(files, others), "sizes, parameters and comments keep their bounds"))


if __name__ == "__main__":
    main()
