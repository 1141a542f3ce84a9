#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The shape of the code in figures: lengths of files and functions, share of comments, the longest of each. Never fails; it is
read by people, who know when a long table is the right thing. Aims: .c about 250 lines (90 % below 800), .h about 70
(200), functions about 16 (55), comments 12 to 20 %."""
import pathlib
import re
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent / "src"
HEAD = re.compile(r"^[A-Za-z_].*\b([a-z_][a-z0-9_]*)\(")


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0


def functions(lines):
    """(name, lines of the body) of each function whose brace stands on its own line."""
    name = start = None
    for number, line in enumerate(lines):
        match = HEAD.match(line)
        if match:
            name = match.group(1)
        if line == "{" and name:
            start = number
        elif line == "}" and start is not None:
            yield name, number - start - 1
            name = start = None


def is_comment(line, inside):
    """Whether the line is comment only, and whether a comment goes on behind it."""
    text = line.strip()
    starts = text.startswith(("/*", "//"))
    goes_on = (inside or text.startswith("/*")) and "*/" not in text
    return inside or starts, goes_on


def comment_share(lines):
    inside = False
    comments = written = 0
    for line in lines:
        if not line.strip():
            continue
        written += 1
        comment, inside = is_comment(line, inside)
        comments += comment
    return comments, written


def row(name, values, unit):
    print(f"{name:<10} {len(values):5} {unit:<10} median {statistics.median(values or [0]):5.0f}   "
          f"90 % below {share(values, 0.9):5}   longest {max(values or [0]):5}")


def main():
    files = {path: path.read_text(encoding="utf-8").splitlines() for path in ROOT.rglob("*.[ch]")}
    bodies = [(length, name, path) for path, lines in files.items() for name, length in functions(lines)]
    counted = [comment_share(lines) for lines in files.values()]
    row(".c", [len(lines) for path, lines in files.items() if path.suffix == ".c"], "files")
    row(".h", [len(lines) for path, lines in files.items() if path.suffix == ".h"], "files")
    row("functions", [length for length, _, _ in bodies], "bodies")
    print(f"comments   {100 * sum(c for c, _ in counted) / max(1, sum(w for _, w in counted)):.0f} % of the lines")
    for length, name, path in sorted(bodies, key=lambda body: -body[0])[:5]:
        print(f"  {length:4} lines  {name}  {path.relative_to(ROOT.parent)}")


if __name__ == "__main__":
    main()
