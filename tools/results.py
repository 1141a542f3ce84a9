#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Counts what passed and what did not: results.py meson testlog.json | results.py junit report.xml. Prints two numbers.
What was skipped counts as failed, because a machine that cannot run a test has not passed it; so does a missing report."""
import json
import sys
import xml.etree.ElementTree


def meson(path):
    with open(path, encoding="utf-8") as file:
        results = [json.loads(line)["result"] for line in file if line.strip()]
    good = sum(1 for result in results if result in ("OK", "EXPECTEDFAIL"))
    return good, len(results) - good


def junit(path):
    cases = xml.etree.ElementTree.parse(path).getroot().iter("testcase")
    bad = [any(part.tag in ("failure", "error", "skipped") for part in case) for case in cases]
    return bad.count(False), bad.count(True)


def main():
    try:
        good, bad = {"meson": meson, "junit": junit}[sys.argv[1]](sys.argv[2])
    except (OSError, ValueError, xml.etree.ElementTree.ParseError) as problem:
        print(f"results.py: {problem}", file=sys.stderr)
        good, bad = 0, 1
    if good + bad == 0:
        bad = 1
    print(good, bad)


if __name__ == "__main__":
    main()
