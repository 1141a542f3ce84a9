#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Turns numbered SQL files into one C table: embed.py OUT.c 001_a.sql 002_b.sql ..."""
import pathlib
import sys


def literal(text):
    return "\n".join('\t"%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"') for line in text.splitlines())


out, files = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
for number, file in enumerate(files, 1):
    if int(file.name[:3]) != number:
        sys.exit(f"{file}: migration {number} expected here")
rows = "".join("\t/* %s */\n%s,\n" % (file.name, literal(file.read_text())) for file in files)
pathlib.Path(out).write_text(
    '/* Made by embed.py. */\n#include "store/schema.h"\n\n'
    "const char *const store_migrations[] = {\n%s};\nconst unsigned store_migration_count = %d;\n" % (rows, len(files)))
