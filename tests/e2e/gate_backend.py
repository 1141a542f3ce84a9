# SPDX-License-Identifier: ISC
"""A mail server behind the gate that shows every byte it gets and fails where a test tells it: what the sink's library hides.

It splits messages as naively as servers do that fall for smuggling: a line ends with LF, and a lone dot between any line
ends is the end of a message."""
import socket
import struct
import threading


class RawBackend:
    """Options: relays, xclient, keywords; `script` maps a verb (CONNECT, EHLO, MAIL, RCPT, DATA, END, and PROBE, the
    recipient of the relay probe) to a reply line, "close", or "hang" (no answer until release() is called)."""

    def __init__(self, port, relays=False, xclient=True, keywords=("PIPELINING", "SIZE 0", "8BITMIME", "DSN",
                                                                   "ENHANCEDSTATUSCODES", "SMTPUTF8")):
        self.port = port
        self.relays = relays
        self.xclient = xclient
        self.proxy = False     # a PROXY header comes first
        self.ipv4_only = False  # as Postfix with inet_protocols = ipv4
        self.keywords = list(keywords)
        self.script = {}
        self.commands = []     # of all connections, in order
        self.messages = []     # bytes between 354 and the end, as they came
        self.unfinished = []   # the same, of connections that broke before the end
        self.stop_reading = threading.Event()  # set: a message is not taken any further
        self._hung = threading.Event()
        self._sockets = set()
        self._listener = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.drop()

    def drop(self):
        """Breaks all connections, as a crash does."""
        for connection in list(self._sockets):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def hold(self, verb, line):
        """Answers verb with line when the event that is returned is set."""
        event = threading.Event()
        self.script[verb] = (event, line)
        return event

    def release(self):
        self._hung.set()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guard, args=(connection,), daemon=True).start()

    def _guard(self, connection):
        self._sockets.add(connection)
        try:
            with connection:
                self._serve(connection, connection.makefile("rb"))
        except (OSError, ConnectionError, ValueError):
            pass
        finally:
            self._sockets.discard(connection)

    def _say(self, connection, verb, line):
        """False: the connection is to be closed."""
        line = self.script.get(verb, line)
        if line == "hang":
            self._hung.wait()
            return False
        if isinstance(line, tuple):  # hold()
            event, line = line
            event.wait()
        if line == "close":
            return False
        connection.sendall(line.encode("latin-1") + b"\r\n")
        return True

    def _ehlo(self):
        words = [*self.keywords, *(["XCLIENT NAME ADDR PORT PROTO HELO"] if self.xclient else [])]
        return "\r\n".join(["250-raw.test", *("250-" + word for word in words), "250 HELP"])

    def _message(self, stream):
        """Lines up to a lone dot, as they came; None when the connection broke before."""
        lines = []
        while True:
            while self.stop_reading.is_set():
                threading.Event().wait(0.01)
            try:
                line = stream.readline()
            except OSError:  # a reset instead of an end
                line = b""
            if not line.endswith(b"\n"):
                self.unfinished.append(b"".join(lines) + line)
                return None
            if line.rstrip(b"\r\n") == b".":
                return b"".join(lines)
            lines.append(line)

    @staticmethod
    def _skip_proxy_header(stream):
        """Both versions are taken and not looked at."""
        start = stream.peek(16)[:16]
        if start.startswith(b"PROXY "):
            stream.readline()
        elif start.startswith(b"\r\n\r\n\x00"):
            stream.read(struct.unpack("!H", stream.read(16)[14:])[0])

    def _serve(self, connection, stream):
        if self.proxy:
            self._skip_proxy_header(stream)
        replies = {"XCLIENT": "220 raw.test", "MAIL": "250 2.1.0 Ok", "RSET": "250 2.0.0 Ok", "NOOP": "250 2.0.0 Ok"}
        recipients = 0
        if not self._say(connection, "CONNECT", "220 raw.test ESMTP"):
            return
        for raw in stream:
            line = raw.rstrip(b"\r\n").decode("latin-1")
            verb = line.split(" ")[0].upper()
            self.commands.append(line)
            if verb == "EHLO":
                reply = self._ehlo()
            elif verb == "RCPT":
                probe = "stockade-relay-probe@" in line
                reply = "554 5.7.1 Relay access denied" if probe and not self.relays else "250 2.1.5 Ok"
                if probe:
                    if not self._say(connection, "PROBE", reply):
                        return
                    continue
                recipients += 1
            elif verb == "DATA":
                refuses = "DATA" in self.script  # asked once: the test may change its mind meanwhile
                if not self._say(connection, "DATA", "354 go"):
                    return
                if refuses:
                    continue
                message = self._message(stream)
                if message is None:
                    return
                self.messages.append(message)
                if not self._say(connection, "END", f"250 2.0.0 Ok: kept as {len(self.messages)}"):
                    return
                continue
            elif verb == "QUIT":
                connection.sendall(b"221 2.0.0 Bye\r\n")
                return
            elif verb == "XCLIENT" and self.ipv4_only and "ADDR=IPV6:" in line:
                reply = "501 5.5.4 Bad ADDR syntax"
            else:
                reply = replies.get(verb, "502 5.5.2 What?")
            if not self._say(connection, verb, reply):
                return
