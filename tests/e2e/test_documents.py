# SPDX-License-Identifier: ISC
"""The configurations in doc/ and conf/, given to the programs that they are for."""
import re
import shlex
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


# ---- commands ----

# In a block, or in the middle of a sentence; what stands behind two blanks and "#" explains it.
COMMAND = re.compile(r"^ {4}(?:\$ )?(?:build/)?stockade ([a-z].*?)(?: {2,}#.*)?$|`(?:build/)?stockade ([a-z][^`]*)`", re.M)
STANDS_FOR = {"EVENT": "1", "WORDS": "why", "NAME": "partner", "ADDRESS": "198.51.100.9", "my.yaml": "{conf}"}
# What they do is told by tests of their own; here they would go on for ever.
SERVERS = ("run", "rbldnsd", "demo")


def commands_of(root):
    """(page, command), each once. A sentence may name a verb without what it works on: that verb has to have its help."""
    found = {}
    for path in [root / "README.md", *sorted((root / "doc").glob("*.md"))]:
        if path.name in ("decisions.md", "words.md"):
            continue  # they tell of reasons and of words
        for match in COMMAND.finditer(path.read_text(encoding="utf-8")):
            command = match[1] or match[2]
            is_named = match[1] is None and not any(word.isupper() or word.startswith("-") for word in command.split())
            found.setdefault(command + " --help" if is_named else command, path.name)
    return [(page, command) for command, page in found.items()]


def test_every_command_that_is_shown_is_understood(running_site, root):
    """On a site without the documents' data a command may find nothing, or be refused; it may not be misunderstood."""
    site = running_site
    shown = commands_of(root)
    assert {"status --json", "config check my.yaml", "config show --defaults"} <= {command for _, command in shown}
    for page, command in shown:
        words = [STANDS_FOR.get(word, word).format(conf=site.conf_path) for word in shlex.split(command)]
        if words[0] in SERVERS and "--help" not in words:
            continue
        done = site.cli(*words, check=False)
        is_asked = "Repeat with --yes to confirm" in done.stderr  # as an operator is, at the keyboard
        assert is_asked or done.returncode in (0, 1, 65, 66, 69, 75), (page, command, done)
        assert "usage:" not in done.stderr, (page, command, done)


def test_defaults_are_shown_before_there_is_a_configuration(program, tmp_path):
    done = subprocess.run([program, "config", "show", "--defaults", "-c", tmp_path / "none.yaml"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0 and "hostname: mx1.example.org" in done.stdout and "an example's" in done.stderr
    shown = tmp_path / "shown.yaml"
    shown.write_text(done.stdout)
    check(program, "config", "check", shown)
    assert subprocess.run([program, "config", "show", "-c", tmp_path / "none.yaml"], capture_output=True).returncode == 78
