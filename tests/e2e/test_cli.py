# SPDX-License-Identifier: ISC
"""The command line without any role: words, options, exit codes. What verbs do is in test_cli_lists.py."""
import json
import os
import subprocess

import pytest


def run(program, *arguments, env=None):
    return subprocess.run([program, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={"PATH": os.environ["PATH"], **(env or {})})


def test_help_names_every_verb_and_is_no_failure(program):
    result = run(program, "help")
    assert result.returncode == 0 and result.stderr == ""
    verbs = [line.strip() for line in result.stdout.splitlines() if line.startswith("  ") and not line.startswith("  -")]
    for verb in ("run", "role", "config check", "status", "lookup", "list add", "undo", "incident"):
        assert any(line.startswith(verb + " ") for line in verbs), verb
    assert run(program, "--help").stdout == result.stdout
    nothing = run(program)
    assert nothing.returncode == 64 and nothing.stdout == "" and nothing.stderr == result.stdout


def test_help_of_a_verb(program):
    result = run(program, "list", "add", "--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: stockade list add SOURCE... ")
    assert run(program, "help", "list", "add").stdout == result.stdout
    group = run(program, "list", "--help")
    assert group.returncode == 0 and "stockade list import" in group.stdout
    assert run(program, "list").returncode == 64


@pytest.mark.parametrize("arguments, words", [
    (["lokup", "192.0.2.1"], "unknown verb 'lokup'; did you mean 'lookup'?"),
    (["lokup"], "unknown verb 'lokup'; did you mean 'lookup'?"),
    (["list", "ad"], "unknown verb 'list ad'; did you mean 'list add'?"),
    (["confg"], "unknown verb 'confg'; did you mean 'config'?"),
    (["xyzzy"], "unknown verb 'xyzzy'\n"),
    (["status", "--jsno"], "unknown option '--jsno'; did you mean '--json'?"),
    (["status", "extra"], "too many arguments: 'extra'"),
    (["status", "-n"], "unknown option '-n'"),
    (["history"], "too few arguments"),
    (["list", "add", "192.0.2.1", "--for"], "option '--for' needs a value"),
    (["list", "add", "192.0.2.1", "--for", "soon"], "--for: 'soon' is not a duration"),
    (["list", "add", "192.0.2.1", "--for", "0s"], "--for: '0s' is less than a second"),
    (["list", "retire", "main", "--notice", "0s"], "--notice: '0s' is less than a second"),
    (["list", "add", "192.0.2.1", "--except=yes"], "option '--except' takes no value"),
    (["list", "add", "192.0.2.1"], "say why: --reason"),
    (["list", "add", "192.0.2.1", "--reason", "a\nb"], "--reason: more than one line, or not plain text"),
    (["delist", "192.0.2.1", "--reason", "a" * 1025], "--reason: 1025 octets long, the most is 1024"),
    (["list", "rm", "192.0.2.1", "--reason", "x"], "say which list: --list NAME"),
    (["list", "import", "x", "--reason", "x"], "say which list: --list NAME"),
    (["undo", "last", "--reason", "x"], "'last' is not the number of an event"),
    (["role", "milter"], "'milter' is not a role"),
    (["--config"], "option '--config' needs a value"),
])
def test_usage_errors_exit_64_and_say_what_is_wrong(program, arguments, words):
    result = run(program, *arguments)
    assert result.returncode == 64
    assert result.stdout == ""
    assert words in result.stderr and "usage: stockade" in result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["history", "192.0.2.300"], "'192.0.2.300'"),
    (["incident", "7K3M-9QXT-2FHJ"], "a character seems mistyped"),
    (["incident", "hello"], "is not an incident number"),
])
def test_bad_data_exits_65(program, arguments, words):
    result = run(program, *arguments)
    assert result.returncode == 65
    assert words in result.stderr


@pytest.mark.parametrize("arguments, code", [
    (["history", "192.0.2.300"], 65), (["incident", "hello"], 65), (["delist"], 64), (["lookup", "192.0.2.1"], 2),
    (["--config", "/none", "status"], 78), (["list", "add", "--for", "x"], 64)])
def test_with_json_errors_are_json_too(program, site, arguments, code):
    site.write()
    result = run(program, *arguments, "--json", env={"STOCKADE_CONFIG": site.conf_path})
    assert result.returncode == code and result.stdout == ""
    *remarks, said = [json.loads(line) for line in result.stderr.splitlines()]
    assert said.get("error") or said["complaints"]
    assert all(remark["remark"] for remark in remarks)


def test_what_a_terminal_would_obey_is_shown_as_text(program):
    for arguments in (["history", "\x1b[2J"], ["\x1b[2J"], ["incident", "\x1b[2J"], ["list", "ls", "--\x1b[2J"]):
        result = run(program, *arguments)
        assert "\x1b" not in result.stderr and "[2J" in result.stderr


def test_the_configuration_is_named_by_option_or_environment(program, site):
    site.write()
    by_environment = run(program, "config", "check", env={"STOCKADE_CONFIG": site.conf_path})
    assert by_environment.stdout == f"{site.conf_path}: no errors\n"
    for arguments in (["--config", site.conf_path, "config", "check"], ["config", "check", "-c", site.conf_path],
                      ["config", "check", f"--config={site.conf_path}"]):
        assert run(program, *arguments, env={"STOCKADE_CONFIG": "/none"}).stdout == by_environment.stdout
    assert "/none: error: cannot be read: not found" in run(
        program, "config", "check", env={"STOCKADE_CONFIG": "/none"}).stderr


def test_without_a_keeper_verbs_say_so(site):
    site.write()
    for verb in (["status"], ["list", "ls"], ["history", "192.0.2.1"], ["undo", "1", "--reason", "x"],
                 ["list", "add", "192.0.2.1", "--reason", "x"], ["delist", "192.0.2.1", "--reason", "x"]):
        result = site.cli(*verb, check=False)
        assert result.returncode == 69, verb
        assert "no keeper listens on '" + site.path("run", "control.sock") in result.stderr


def test_lookup_without_keeper_and_snapshot_is_an_error(site):
    site.write()
    result = site.cli("lookup", "192.0.2.1", check=False)
    assert result.returncode == 2 and result.stdout == ""


@pytest.mark.parametrize("arguments", [["feed"], ["feed", "fetch"], ["list", "--json"], ["list", "of-what"]])
def test_the_first_word_alone_shows_the_verbs_behind_it(program, arguments):
    result = run(program, *arguments)
    assert result.returncode == 64 and result.stdout == ""
    assert f"usage: stockade {arguments[0]} " in result.stderr
    assert "did you mean" not in result.stderr


def test_completion_is_shell(program):
    script = run(program, "completion", "bash").stdout
    words = subprocess.run(
        ["bash", "-c", script + "COMP_WORDS=(stockade list i); COMP_CWORD=2; _stockade; echo ${COMPREPLY[@]};"
         "COMP_WORDS=(stockade lo); COMP_CWORD=1; _stockade; echo ${COMPREPLY[@]};"
         "COMP_WORDS=(stockade li); COMP_CWORD=1; _stockade; echo ${COMPREPLY[@]};"
         "COMP_WORDS=(stockade list import --min); COMP_CWORD=3; _stockade; echo ${COMPREPLY[@]};"
         "COMP_WORDS=(stockade list import --fo); COMP_CWORD=3; _stockade; echo ${COMPREPLY[@]};"
         "COMP_WORDS=(stockade list ls --j); COMP_CWORD=3; _stockade; echo ${COMPREPLY[@]}"],
        capture_output=True, text=True, check=True).stdout.splitlines()
    assert words == ["import", "lookup", "list", "--min-count", "--format --for", "--json"]


def test_a_result_that_cannot_be_written_is_a_failure(program):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([program, "help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode == 74
    assert "cannot write the result" in result.stderr
