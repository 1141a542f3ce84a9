#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""One thing has one name, and one name is one thing: what doc/words.md retired does not come back, and functions and types of
different folders have different names. Prints each violation; exit code 1 when there are any."""
import collections
import fnmatch
import re
import sys

import source as c

# Names that others see and that stand for two things in different folders, until one of each is renamed. An exception that is
# not needed any more is an error; so it is in the list below.
STANDING_NAMESAKES = set()
# Names of two things that only files of their own see; the number only falls.
LOCAL_NAMESAKES_MAX = 47
# Retired words that are still in the code.
STANDING_RETIRED = set()

TYPE = re.compile(r"^(?:typedef )?(?:struct|enum|union) (\w+) \{", re.M)


# ---- namesakes ----

def definitions(files):
    """{name: {folder: whether others see it}} of functions and types."""
    found = collections.defaultdict(dict)
    for file in files:
        if not file.folder or file.name.endswith(".def"):
            continue
        names = [(function.name, not function.is_static or file.name.endswith(".h"))
                 for function in file.functions if function.is_definition]
        names += [(match.group(1), file.name.endswith(".h")) for match in TYPE.finditer(file.code)]
        for name, is_visible in names:
            found[name][file.folder] = found[name].get(file.folder, False) or is_visible
    return found


def namesakes(files):
    """(those that others see, those that nobody else sees): {name: folders}."""
    seen, local = {}, {}
    for name, folders in definitions(files).items():
        if len(folders) > 1:
            (seen if any(folders.values()) else local)[name] = sorted(folders)
    return seen, local


def check_namesakes(files):
    seen, local = namesakes(files)
    found = [f"src: {name} is one thing in {', '.join(folders[:-1])} and another in {folders[-1]}"
             for name, folders in sorted(seen.items()) if name not in STANDING_NAMESAKES]
    if len(local) > LOCAL_NAMESAKES_MAX:
        found += [f"src: {name} is in {' and '.join(folders)}" for name, folders in sorted(local.items())]
    if len(local) != LOCAL_NAMESAKES_MAX:
        found.append(f"tools/names.py: LOCAL_NAMESAKES_MAX = {LOCAL_NAMESAKES_MAX}, and there are {len(local)}")
    return found + c.unneeded(STANDING_NAMESAKES, set(seen), "tools/names.py")


# ---- retired words ----

def read_retired(text):
    """The words in the first column of the table below the title 'Retired'."""
    return re.findall(r"^\| `([^`]+)` \|", text.partition("\n## Retired")[2], re.M)


def retired_pattern(word):
    """A pattern for code, or the name of a file without its suffix."""
    kind, _, name = word.rpartition(" ")
    if kind == "file":
        return None, name
    shape = fnmatch.translate(name).replace(".*", r"\w*").replace(r"\Z", "")
    return re.compile(rf"\b{kind}\s+{shape}\b" if kind else rf"(?<![\w.>]){shape}(?!\w)"), None


def retired_uses(word, files):
    pattern, stem = retired_pattern(word)
    if stem is not None:
        return [f"src/{file.name}" for file in files if file.name.rsplit(".", 1)[0] == stem]
    return [f"src/{file.name}:{file.line_at(match.start())}" for file in files for match in pattern.finditer(file.code)]


def check_retired(files, words):
    used = {word: retired_uses(word, files) for word in words}
    found = [f"{place}: '{word}' is retired: doc/words.md has the word instead" for word, places in used.items()
             if word not in STANDING_RETIRED for place in places]
    return found + c.unneeded(STANDING_RETIRED, {word for word in words if used[word]}, "tools/names.py")


def selftest():
    """Rules that cannot fail are no rules."""
    files = [c.Source("store/a.c", "static int feed_row(void)\n{\n}\nstatic int twice(void)\n{\n}\n"),
             c.Source("keeper/b.h", "struct feed_row {\n\tint a;\n};\nint declared(void);\n"),
             c.Source("keeper/b.c", "static int twice(void)\n{\n\tfeed_row();\n}\n"), c.Source("list/c.h", "int declared(void);\n")]
    assert namesakes(files) == ({"feed_row": ["keeper", "store"]}, {"twice": ["keeper", "store"]})
    table = "| `good` | x |\n\n## Retired\n\n| word | instead |\n|---|---|\n| `struct told` | x |\n| `said_*` | y |\n| `file zone/desk` | z |\n"
    assert read_retired(table) == ["struct told", "said_*", "file zone/desk"]
    bad = [c.Source("zone/desk.h", "struct told *a;\n"), c.Source("zone/x.c", "int said_codes(void);\n")]
    good = [c.Source("zone/x.c", "int told; int unsaid_x; /* struct told, said_codes */ a->said_x = 1;\n")]
    assert all(retired_uses(word, bad) and not retired_uses(word, good) for word in read_retired(table))


def main():
    selftest()
    files = c.sources()
    words = read_retired((c.ROOT / "doc/words.md").read_text(encoding="utf-8"))
    sys.exit(c.report(check_namesakes(files) + check_retired(files, words), "one thing has one name, and one name is one thing"))


if __name__ == "__main__":
    main()
