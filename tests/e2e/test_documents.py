# SPDX-License-Identifier: ISC
"""The configurations in doc/ and conf/, given to the programs that they are for."""
import re
import subprocess

SECRET = "c2VjcmV0IG9mIHRoaXMgdGVzdCBhbmQgb2Ygbm9ib2R5IGVsc2U="

# What every site has, and doc/public-list.md does not repeat.
SITE = """\
hostname: mx.example.org
contact: postmaster@example.org
portal-url: https://bl.example.org/why
own: {domains: [example.org]}
"""


def blocks(path):
    """The indented blocks of a page, without their indent; the blank lines inside of one belong to it."""
    found = re.findall(r"(?m)^(?: {4}.*\n|\n(?= {4}))+", path.read_text(encoding="utf-8"))
    return ["".join(re.sub(r"^ {4}", "", line) for line in block.splitlines(True)).strip("\n") + "\n" for block in found]


def block_with(page, words):
    """The one block that begins with `words`."""
    found = [block for block in page if block.startswith(words)]
    assert len(found) == 1, f"{len(found)} blocks begin with {words!r}"
    return found[0].replace("…", SECRET)


def check(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_a_public_list_as_documented(program, root, tmp_path):
    page = blocks(root / "doc" / "public-list.md")
    site = block_with(page, "policies:")
    secondaries = block_with(page, "dns:\n  keys:")
    assert "\ndns:\n" in site  # its last section, which the second block goes on with
    path = tmp_path / "stockade.yaml"
    path.write_text(SITE + site + secondaries.removeprefix("dns:\n"))
    check(program, "config", "check", path)


def test_secondaries_of_a_public_list_as_documented(root, tmp_path):
    page = blocks(root / "doc" / "public-list.md")
    path = tmp_path / "conf"
    path.write_text(block_with(page, "key:\n  - id:"))
    check("knotc", "-c", path, "conf-check")
    path.write_text(block_with(page, "key:\n    name:"))
    check("nsd-checkconf", path)
    path.write_text(block_with(page, 'key "secondaries"'))
    check("named-checkconf", path)


def test_a_list_of_another_operator_as_documented(program, root, tmp_path):
    page = blocks(root / "doc" / "taking-over-a-list.md")
    by_hand = 'policies:\n  by-hand: {criterion: {version: 1, text: "By hand."}, takes: [operator], lasts: 30d}\n'
    block = block_with(page, "run:")
    assert "\npolicies:\n" in block
    path = tmp_path / "stockade.yaml"
    path.write_text(SITE + block.replace("policies:\n", by_hand))
    check(program, "config", "check", path)


def test_the_gate_before_postfix_as_documented(program, root, tmp_path):
    path = tmp_path / "stockade.yaml"
    path.write_text(block_with(blocks(root / "doc" / "in-front-of-postfix.md"), "hostname:"))
    check(program, "config", "check", path)


def test_the_sample_configuration_loads(program, root):
    check(program, "config", "check", root / "conf" / "stockade.yaml")
