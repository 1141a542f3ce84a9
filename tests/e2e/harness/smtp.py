# SPDX-License-Identifier: ISC
"""The client's side of SMTP, down to single bytes, so that a test can misbehave."""
import socket
import ssl
import struct
import ipaddress
from dataclasses import dataclass, field


@dataclass
class Reply:
    code: int
    lines: list = field(default_factory=list)  # without the code

    @property
    def text(self):
        return " ".join(self.lines)

    @property
    def enhanced(self):
        word = self.lines[0].split(" ", 1)[0] if self.lines else ""
        return word if word.count(".") == 2 else ""

    def __str__(self):
        return f"{self.code} {self.text}"


def proxy_v1(client, port=40000, server="127.0.0.1", server_port=25):
    address = ipaddress.ip_address(client)
    if address.version == 6 and ":" not in server:
        server = "::1"
    return f"PROXY TCP{address.version} {client} {server} {port} {server_port}\r\n".encode()


def proxy_v2(client, port=40000, server="127.0.0.1", server_port=25):
    address = ipaddress.ip_address(client)
    if address.version == 6 and ":" not in server:
        server = "::1"
    family = 0x11 if address.version == 4 else 0x21
    body = address.packed + ipaddress.ip_address(server).packed + struct.pack("!HH", port, server_port)
    return b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH", 0x21, family, len(body)) + body


def trusting_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class SmtpClient:
    """One connection. `client` goes into a PROXY header (version 1 or 2). Closed by the other side: ConnectionError."""

    def __init__(self, port, client=None, version=1, host="127.0.0.1", timeout=30, greeting=True):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self._pending = b""
        self.extensions = []
        if client is not None:
            self.send(proxy_v1(client) if version == 1 else proxy_v2(client))
        self.greeting = self.read_reply() if greeting else None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read_line(self):
        while b"\r\n" not in self._pending:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"closed after {self._pending!r}")
            self._pending += data
        line, self._pending = self._pending.split(b"\r\n", 1)
        return line.decode("latin-1")

    def read_reply(self):
        lines = []
        while True:
            line = self.read_line()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), lines)

    def is_closed(self):
        """Waits for the other side to close; what it sends before counts as no."""
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:
            return True

    def command(self, line):
        self.send(line.encode("latin-1") + b"\r\n")
        return self.read_reply()

    def secure(self, context=None):
        """The handshake, whatever was said before; by default of a client that verifies nothing."""
        self.socket = (context or trusting_context()).wrap_socket(self.socket, server_hostname="mx1.example.test")
        self._pending = b""

    def starttls(self, context=None):
        reply = self.command("STARTTLS")
        if reply.code == 220:
            self.secure(context)
        return reply

    def ehlo(self, name):
        reply = self.command(f"EHLO {name}")
        self.extensions = [line.upper() for line in reply.lines[1:]]
        return reply

    def envelope(self, sender, *recipients):
        """MAIL and RCPT; the last reply, which is the first refusal."""
        reply = self.command(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            if reply.code >= 400:
                return reply
            reply = self.command(f"RCPT TO:<{recipient}>")
        return reply

    def data(self, body):
        """DATA with dot stuffing; body has CRLF line ends."""
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        stuffed = body.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        self.send(stuffed + b".\r\n")
        return self.read_reply()

    def quit(self):
        reply = self.command("QUIT")
        self.close()
        return reply


MESSAGE = b"From: a@good.test\r\nTo: joe@example.test\r\nSubject: hello\r\n\r\nHello.\r\n"


def deliver(port, client=None, helo="mail.good.test", sender="a@good.test", recipient="joe@example.test",
            body=MESSAGE, version=1, **options):
    """A whole transaction as an ordinary mail server does it; the reply that ended it: a refusal, or that to the data."""
    with SmtpClient(port, client, version=version, **options) as smtp:
        reply = smtp.greeting
        if reply.code < 400:
            reply = smtp.ehlo(helo)
        if reply.code < 400:
            reply = smtp.envelope(sender, recipient)
        if reply.code < 400:
            reply = smtp.data(body)
        if reply.code != 421:
            smtp.quit()
        return reply
