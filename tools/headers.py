#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Each header compiles alone: nobody has to know what to include before it. Uses the generated files of a build folder
(build-asan, or the first argument)."""
import concurrent.futures
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def flags(build):
    packages = ["libevent", "libprotobuf-c", "libsodium", "smartcols", "jansson", "libfyaml", "sqlite3"]
    found = subprocess.run(["pkg-config", "--cflags", *packages], capture_output=True, text=True, check=True)
    return ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT / 'src'}",
            f"-I{build / 'src'}", f"-I{build / 'src/bus'}", f"-I{build / 'src/dnsd'}", *found.stdout.split()]


def compile_alone(header, options):
    # Twice, so that a header without its guard is found as well.
    text = f'#include "{header}"\n#include "{header}"\n'
    run = subprocess.run(["gcc", *options, "-x", "c", "-"], input=text, capture_output=True, text=True, check=False)
    return header, run.returncode, run.stderr


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build-asan").resolve()
    headers = sorted(path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.h"))
    options = flags(build)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        bad = [result for result in pool.map(lambda h: compile_alone(h, options), headers) if result[1] != 0]
    for header, _, words in bad:
        print(f"src/{header} does not compile alone:\n{words}")
    print(f"{len(headers) - len(bad)} of {len(headers)} headers compile alone")
    sys.exit(1 if bad or not headers else 0)


if __name__ == "__main__":
    main()
