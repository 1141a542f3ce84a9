# SPDX-License-Identifier: ISC
"""The sources as the checks see them: text, code without comments, functions with their parameters, the table of MAP.md. Reads
C as it is written here (clang-format, functions that begin in the first column); it is no parser of C."""
import dataclasses
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

_PIECES = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_HEAD = re.compile(r"^(?P<before>[A-Za-z_][\w \t\*]*?[ \*])(?P<name>\w+)\(", re.M)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"\n]+)[>"]', re.M)


def _blank(match):
    text = match.group(0)
    return re.sub(r"[^\n]", " ", text) if text[0] == "/" else text[0] + " " * (len(text) - 2) + text[0]


def unit_of(name):
    return name.rsplit(".", 1)[0].removesuffix("_priv")


@dataclasses.dataclass
class Function:
    name: str
    is_static: bool
    is_definition: bool
    parameters: list
    line: int


@dataclasses.dataclass
class Source:
    """One file; `name` is relative to src, `path` to the tree."""
    name: str
    text: str
    path: str = ""

    @property
    def folder(self):
        return self.name.split("/")[0] if "/" in self.name else None

    @property
    def unit(self):
        """Folder and stem: x.c, x.h and the inside that x shares with few, x_priv.h, are one."""
        return unit_of(self.name)

    @functools.cached_property
    def code(self):
        """The text with comments and the insides of strings blank: offsets and lines stay."""
        return _PIECES.sub(_blank, self.text)

    @functools.cached_property
    def comments(self):
        """(start, end) of each comment in the text."""
        return [match.span() for match in _PIECES.finditer(self.text) if match.group(0)[0] == "/"]

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1

    @functools.cached_property
    def includes(self):
        """(line, '<' or '"', target); not those in comments."""
        return [(self.line_at(match.start(1)), *match.groups()) for match in _INCLUDE.finditer(self.text)
                if self.code[match.start(1) - 2] != " " or self.code[match.start():match.start(1)].strip()]

    @functools.cached_property
    def functions(self):
        """Those that are declared or defined at the top level."""
        return list(_functions(self))


def _closing(code, at):
    """Behind the bracket that closes the one before `at`."""
    depth = 1
    while depth > 0 and at < len(code):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
    return at


def _split(text):
    """At commas outside brackets."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts = [" ".join(part.split()) for part in [*parts, text[start:]]]
    return [] if parts in (["void"], [""]) else parts


def _functions(source):
    code = source.code
    for match in _HEAD.finditer(code):
        before = match.group("before").split()
        if before[0] in ("return", "else", "typedef", "case", "goto"):
            continue
        end = _closing(code, match.end())
        parameters = _split(code[match.end():end - 1])
        tail = re.compile(r"[^;{}=]*([;{}=])").match(code, end)
        if tail is not None and tail.group(1) in ";{":
            yield Function(match.group("name"), "static" in before, tail.group(1) == "{", parameters,
                           source.line_at(match.start()))


def read(folders, base=ROOT):
    """The files of folders, named relative to base."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".c", ".h", ".def"))
    return [Source(path.relative_to(base).as_posix(), path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
            for path in paths]


@functools.lru_cache
def sources():
    """All of src."""
    return read([SRC], SRC)


def report(found, well):
    """What a check prints, and its exit code."""
    print("\n".join(found) or well)
    return 1 if found else 0


def unneeded(standing, needed, what):
    """Exceptions are for as long as they are needed: those that are not, as lines."""
    return [f"{what}: the exception for {entry} is not needed any more: take it out" for entry in sorted(set(standing) - needed, key=str)]
