# SPDX-License-Identifier: ISC
"""The configuration as an administrator meets it: checked, shown, reloaded."""
import json
import os

import pytest


def check(site, text=None, check=False, extra=()):
    site.write(text)
    return site.cli("config", "check", *extra, check=check)


def test_a_good_file_is_good(site):
    result = check(site, check=True)
    assert result.stdout == f"{site.conf_path}: no errors\n"
    assert result.stderr == ""
    assert check(site, check=True, extra=["--quiet"]).stdout == ""


def test_the_sample_is_good(site, root):
    result = site.cli("config", "check", str(root / "conf" / "stockade.yaml"))
    assert "no errors" in result.stdout and result.stderr == ""


def test_every_error_is_shown_with_its_line_and_a_caret(site):
    result = check(site, "hostname: mx1.example.org\n"
                         "contact: postmaster@example.org\n"
                         "portal-url: https://mail.example.org/why\n"
                         "checks:\n"
                         "  no-ptr: rejct\n"
                         "own:\n"
                         "  networks: [10.0.0.1/8]\n")
    assert result.returncode == 78
    assert result.stdout == ""
    path = site.conf_path
    assert result.stderr == (
        f"{path}:5:11: error: 'rejct' is not an action (off, tag, score, reject); did you mean 'reject'?\n"
        "  no-ptr: rejct\n"
        "          ^~~~~\n"
        f"{path}:7:14: error: '10.0.0.1/8' has bits behind the prefix length; the network is 10.0.0.0/8\n"
        "  networks: [10.0.0.1/8]\n"
        "             ^~~~~~~~~~\n"
        f"{path}: 2 errors; nothing changed\n")


def test_errors_as_json(site):
    site.conf["checks"]["no-prt"] = "reject"
    result = check(site, extra=["--json"])
    assert result.returncode == 78
    found = json.loads(result.stdout)
    assert found["valid"] is False and found["errors"] == 1
    complaint, = found["complaints"]
    assert complaint["severity"] == "error" and complaint["line"] > 0
    assert complaint["text"] == "unknown check 'no-prt'; did you mean 'no-ptr'?"


@pytest.mark.parametrize("spoil", ["cut", "tab", "binary", "empty", "absent", "folder"])
def test_what_is_no_configuration_is_refused(site, spoil):
    site.write()
    with open(site.conf_path, "rb") as file:
        good = file.read()
    if spoil == "absent":
        os.remove(site.conf_path)
    elif spoil == "folder":
        os.remove(site.conf_path)
        os.mkdir(site.conf_path)
    else:
        bad = {"cut": good[:len(good) // 2], "tab": b"\thostname: x\n", "binary": os.urandom(4096), "empty": b""}
        with open(site.conf_path, "wb") as file:
            file.write(bad[spoil])
    result = site.cli("config", "check", check=False)
    assert result.returncode == 78
    assert result.stderr.startswith(site.conf_path + ":")
    assert result.stderr.endswith("; nothing changed\n")


def test_a_folder_beside_the_file_is_merged(site):
    site.write()
    folder = os.path.join(os.path.dirname(site.conf_path), "conf.d")
    os.mkdir(folder)
    with open(os.path.join(folder, "log.yaml"), "w", encoding="ascii") as file:
        file.write("log: {level: debug}\n")
    assert "level: debug" in site.cli("config", "show").stdout
    with open(os.path.join(folder, "mode.yaml"), "w", encoding="ascii") as file:
        file.write("mode: observe\n")
    result = site.cli("config", "check", check=False)
    assert result.returncode == 78
    assert f"{folder}/mode.yaml:1:1: error: 'mode' is given twice; first in {site.conf_path}:" in result.stderr


def test_show_is_a_configuration_again(site):
    site.write()
    short = site.cli("config", "show").stdout
    full = site.cli("config", "show", "--defaults").stdout
    assert "  ttl: 5m\n" not in short and "  ttl: 5m\n" in full
    assert "mode: enforce\n" in short
    for text in (short, full):
        site.write(text)
        assert site.cli("config", "show", "--defaults").stdout == full
    assert site.json("config", "show")["yaml"] == site.cli("config", "show").stdout


def test_verbs_with_a_bad_configuration_exit_78(site):
    site.write("hostname: x\n")
    for verb in (["status"], ["list", "ls"], ["run"]):
        result = site.cli(*verb, check=False)
        assert result.returncode == 78, (verb, result.stderr)
        assert "'x' is not a full DNS name" in result.stderr
    assert site.cli("lookup", "192.0.2.1", check=False).returncode == 2
