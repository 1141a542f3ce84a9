# SPDX-License-Identifier: ISC
"""Fixtures of the end-to-end tests. The program under test is build/stockade, or what STOCKADE names."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.clock import Clock  # noqa: E402
from harness.nameserver import NameServer  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.site import Site  # noqa: E402
from harness.waiting import free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--unprivileged", action="store_true",
                     help="when run as root: run the processes under test as nobody")


def pytest_configure(config):
    config.addinivalue_line("markers", "needs_root: has to be root (users of their own, foreign files)")
    config.addinivalue_line("markers", "alone: measures time, or moves the clock faster than a busy machine answers; "
                                       "nothing else runs beside it")
    config.addinivalue_line("markers", "xdist_group(name): one process runs all of the group, one after the other")


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: "xdist_group" not in item.keywords)  # they take longest: first, where there are many processes
    if os.geteuid() == 0:
        return
    # Deselected, not skipped: a skip means a missing package, and fails script/test.
    kept = [item for item in items if "needs_root" not in item.keywords]
    config.hook.pytest_deselected(items=[item for item in items if "needs_root" in item.keywords])
    items[:] = kept


@pytest.fixture(scope="session")
def root():
    """The source tree."""
    return ROOT


@pytest.fixture(scope="session")
def program():
    path = pathlib.Path(os.environ.get("STOCKADE", ROOT / "build" / "stockade")).resolve()
    assert path.exists(), f"{path} is missing: run script/build, or name the program in STOCKADE"
    return path


@pytest.fixture(scope="session")
def helper_program(program):
    """Finds a program that only tests and benches use by its place in a build folder: that of the program under test, or
    the one that STOCKADE_TEST_BUILD names."""
    named = os.environ.get("STOCKADE_TEST_BUILD")
    folders = [pathlib.Path(named)] if named else list(program.parents)[:3]

    def find(*parts):
        for folder in folders:
            path = folder.joinpath(*parts).absolute()
            if path.exists():
                return str(path)
        raise AssertionError(f"no {'/'.join(parts)} in {', '.join(map(str, folders))}: build there, or name STOCKADE_TEST_BUILD")
    return find


@pytest.fixture
def nameserver():
    """The site's resolver; knows one good mail server, 192.0.2.10 mail.good.test."""
    with NameServer(free_port()) as server:
        server.host("mail.good.test", "192.0.2.10")
        server.mx("good.test", "mail.good.test")
        yield server


@pytest.fixture
def sink():
    """The mail server behind the gate."""
    with Sink(free_port()) as server:
        yield server


@pytest.fixture
def make_site(program, nameserver, sink, request):
    """Makes sites (make_site(unprivileged=True)); they are stopped and checked at the end."""
    sites = []

    def make(**options):
        options.setdefault("unprivileged", request.config.getoption("--unprivileged"))
        site = Site(program, nameserver=nameserver, sink=sink, **options)
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site):
    """A site that is written down and not started: site.start("gate"), site.run()."""
    return make_site()


@pytest.fixture
def clock(site):
    """The site's clock, to be moved by the test; ask for it before the site is started."""
    clock = Clock(site.path("clock"))
    os.chmod(clock.path, 0o644)
    site.use_clock(clock)
    return clock


@pytest.fixture
def running_site(site):
    """A site whose roles all run below `stockade run`; site.supervisor is that process."""
    site.supervisor = site.run()
    return site
