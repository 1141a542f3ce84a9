# SPDX-License-Identifier: ISC
"""The load: queries of a file, to one server, for some seconds; and what the server spent on them."""
import os
import re
import subprocess
import sys


def flood(options, server, queries):
    """Our own generator, one process a socket, so that the threads of a server share the load by SO_REUSEPORT."""
    command = [os.path.join(options.build, "bench", "dns_flood"), f"127.0.0.1:{server.port}", str(queries),
               str(options.seconds), str(options.under_way), *(["cookies"] if options.cookies else [])]
    running = [subprocess.Popen(["taskset", "-c", options.load_cores, *command], stdout=subprocess.PIPE, text=True)
               for _ in range(options.sockets)]
    answered = listed = lost = 0
    seconds = 0
    for process in running:
        words = process.communicate()[0].split()
        if process.returncode != 0:
            sys.exit("bench: the load failed")
        answered, listed, lost = answered + int(words[0]), listed + int(words[1]), lost + int(words[2])
        seconds = max(seconds, int(words[3]) / 1000)
    return answered, listed, lost, seconds


def dnsperf(options, server, queries):
    out = subprocess.run(
        ["taskset", "-c", options.load_cores, "dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(queries), "-l",
         str(options.seconds), "-q", str(options.under_way)], check=True, capture_output=True, text=True).stdout
    answered = int(re.search(r"Queries completed:\s+(\d+)", out).group(1))
    listed = re.search(r"NOERROR (\d+)", out)
    lost = int(re.search(r"Queries lost:\s+(\d+)", out).group(1))
    return answered, int(listed.group(1)) if listed else 0, lost, float(
        re.search(r"Run time \(s\):\s+([\d.]+)", out).group(1))


def measure(options, server, queries):
    before = server.cpu()
    answered, listed, lost, seconds = {"flood": flood, "dnsperf": dnsperf}[options.load](options, server, queries)
    used = server.cpu() - before
    if answered == 0:
        sys.exit(f"bench: {server.name} answered nothing")
    return {"server": server.name, "us": used * 1e6 / answered, "answered": answered, "listed": listed / answered,
            "lost": lost, "qps": answered / seconds}
