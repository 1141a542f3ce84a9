# SPDX-License-Identifier: ISC
"""Real recursive resolvers on loopback, as doc/resolver.md has them: each is told to forward one zone to a name server of the
test, keeps 127.0.0.0/8 away, and takes what the page adds."""
import os
import subprocess

import dns.exception
import dns.message
import dns.query

from .waiting import free_port, wait_for

HOST = "127.0.0.1"


class Resolver:
    """One process. exempt: the lines of the page; "" leaves the protection as it is."""
    program = None
    no_address = None  # what it answers instead: an rcode

    def __init__(self, folder, upstream, exempt=""):
        self.folder, self.upstream, self.exempt = folder, upstream, exempt
        self.port = free_port()
        self.address = f"{HOST}:{self.port}"
        self.popen = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        return self.path(name)

    def command(self):
        raise NotImplementedError

    def ask(self, name, rtype, timeout=5):
        return dns.query.udp(dns.message.make_query(name, rtype), HOST, port=self.port, timeout=timeout)

    def is_there(self):
        assert self.popen.poll() is None, f"{self.program} ended:\n{open(self.path('log'), encoding='utf-8').read()}"
        try:
            self.ask("zen.example.net", "TXT", timeout=0.3)
        except (dns.exception.Timeout, OSError):
            return False
        return True

    def __enter__(self):
        with open(self.path("log"), "ab") as log:
            self.popen = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        wait_for(self.is_there, 30, what=f"{self.program} to answer")
        return self

    def __exit__(self, *exc):
        self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Unbound(Resolver):
    program = "unbound"
    no_address = "NOERROR"

    def command(self):
        return ["/usr/sbin/unbound", "-d", "-d", "-c", self.write("unbound.conf", f"""\
server:
    interface: {HOST}@{self.port}
    username: ""
    chroot: ""
    directory: "{self.folder}"
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    private-address: 127.0.0.0/8
    trust-anchor: ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
    domain-insecure: "zen.example.net"
remote-control:
    control-enable: no
forward-zone:
    name: "zen.example.net"
    forward-addr: {HOST}@{self.upstream}
{self.exempt}""")]


class Dnsmasq(Resolver):
    program = "dnsmasq"
    no_address = "NOERROR"

    def command(self):
        return ["/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=" + self.write("dnsmasq.conf", f"""\
port={self.port}
listen-address={HOST}
bind-interfaces
no-resolv
no-hosts
user=
pid-file={self.path("pid")}
log-facility=-
stop-dns-rebind
server=/zen.example.net/{HOST}#{self.upstream}
{self.exempt}""")]


class Bind(Resolver):
    program = "named"
    no_address = "SERVFAIL"

    def command(self):
        options, _, beside = self.exempt.partition("\n\n")
        protection = "" if options else "deny-answer-addresses { 127.0.0.0/8; }; validate-except { \"bl.example.org\"; };"
        return ["/usr/sbin/named", "-g", "-c", self.write("named.conf", f"""\
options {{
    directory "{self.folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {self.port} {{ {HOST}; }};
    listen-on-v6 {{ none; }};
    dnssec-validation no;
    {protection}
    {options}
}};
controls {{ }};
zone "zen.example.net" {{ type forward; forward only; forwarders {{ {HOST} port {self.upstream}; }}; }};
{beside}
""")]


class KnotResolver(Resolver):
    program = "kresd"
    no_address = "REFUSED"

    def command(self):
        exempt = self.exempt or "modules.load('rebinding < iterate')\n"
        return ["/usr/sbin/kresd", "-n", "-c", self.write("kresd.conf", f"""\
net.listen('{HOST}', {self.port})
cache.size = 10 * MB
modules.unload('ta_update')
trust_anchors.remove('.')
{exempt}
policy.add(policy.suffix(policy.FORWARD('{HOST}@{self.upstream}'), policy.todnames({{'zen.example.net'}})))
"""), self.folder]


class PowerDns(Resolver):
    program = "pdns_recursor"

    def command(self):
        exempt = self.exempt.replace("forward-zones=", "forward-zones+=")
        self.write("recursor.conf", f"""\
local-address={HOST}
local-port={self.port}
socket-dir={self.folder}
dnssec=off
security-poll-suffix=
daemon=no
quiet=yes
forward-zones=zen.example.net={HOST}:{self.upstream}
{exempt}""")
        return ["/usr/sbin/pdns_recursor", f"--config-dir={self.folder}"]
