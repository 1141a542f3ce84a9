# SPDX-License-Identifier: ISC
"""A mail server behind the gate that keeps what it gets in memory and fails as a test tells it. It knows XCLIENT and
refuses to relay, so the gate is content to stand before it."""
import asyncio
import threading

from aiosmtpd.smtp import SMTP


class _Server(SMTP):
    def __init__(self, sink):
        super().__init__(sink, hostname=sink.hostname, ident="sink", data_size_limit=64 * 1024 * 1024,
                         enable_SMTPUTF8=False, decode_data=False, tls_context=sink.tls)
        self.sink = sink

    async def smtp_XCLIENT(self, arg):
        words = dict(word.split("=", 1) for word in (arg or "").split() if "=" in word)
        self.sink.xclient.append(words)
        self.session.xclient = {**getattr(self.session, "xclient", {}), **words}
        await self.push(f"220 {self.sink.hostname} ESMTP again")

    async def push(self, status):
        self.sink.said.append(status)
        await super().push(status)


class Sink:
    """messages: [{"from", "to", "data", "client", "helo"}]. replies: {"RCPT": "451 4.2.1 not now"} answers so instead,
    for CONNECT there is `down`."""

    hostname = "sink.example.test"

    def __init__(self, port, domains=("example.test",)):
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.domains = set(domains)
        self.messages = []
        self.xclient = []
        self.said = []
        self.replies = {}
        self.tls = None  # an ssl.SSLContext: it offers STARTTLS
        self.relays = False  # an open relay, which no gate should stand before
        self._loop = None
        self._server = None
        self._thread = None

    # aiosmtpd's hooks

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return responses[:-1] + ["250-XCLIENT NAME ADDR PORT PROTO HELO REVERSE_NAME"] + responses[-1:]

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        if address.rsplit("@", 1)[-1].lower() not in self.domains and not self.relays:
            return "554 5.7.1 Relay access denied"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.replies:
            return self.replies["DATA"]
        client = getattr(session, "xclient", {})
        self.messages.append({
            "from": envelope.mail_from, "to": list(envelope.rcpt_tos), "data": envelope.content,
            "tls": server.transport.get_extra_info("ssl_object") is not None, "client": client.get("ADDR"), "helo": client.get("HELO", session.host_name), "xclient": client})
        return f"250 2.0.0 Ok: kept as {len(self.messages)}"

    # Starting and stopping

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        ready = threading.Event()

        def run():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(
                self._loop.create_server(lambda: _Server(self), "127.0.0.1", self.port))
            ready.set()
            self._loop.run_forever()
            self._server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self):
        """Also in the middle of a test: connections are refused until start()."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._thread = None
