# SPDX-License-Identifier: ISC
"""In observe a client meets what it would have met at the mail server alone: the same dialogues are played to a Postfix and
through the gate before it. Each reply has the same class, the envelope that arrives is the same, and so is the message
behind our header fields, octet for octet. What differs stands in EXCEPTIONS, with the reason."""
import re

import pytest

from harness.smtp import SmtpClient
from postfix import Postfix, can_run

pytestmark = [pytest.mark.needs_root, pytest.mark.xdist_group("gate_observe")]

STRANGER = "192.0.2.10"
OWN = "10.99.0.5"
SIZE = 70000  # Postfix's limit

SETTINGS = [
    "virtual_mailbox_domains = example.test, second.test",
    "relay_domains = school.test",
    "relay_transport = discard:",
    "default_transport = discard:",
    "mynetworks = 127.0.0.0/8 10.99.0.0/16",
    f"message_size_limit = {SIZE}",
    "smtpd_error_sleep_time = 0",
    "smtpd_soft_error_limit = 1000",
    "smtpd_hard_error_limit = 1000",
    "smtpd_recipient_restrictions = check_recipient_access inline:{ {nobody@example.test = 550 5.1.1 unknown},"
    " {later@example.test = 450 4.2.0 later} }",
    "smtpd_sender_restrictions = check_sender_access inline:{ {bad@good.test = 554 5.7.1 not you} }",
]

EXCEPTIONS = {
    "bare CR in a command": "a control character in a command is never passed on",
    "a lone dot between bare LFs": "not an end of the message: SMTP smuggling",
    "a lone dot after a bare LF": "not an end of the message: SMTP smuggling",
    "a lone dot before a bare LF": "not an end of the message: SMTP smuggling",
    "bare CR in the message": "a bare CR ends a line, so that no server can see an end in it",
    "VRFY of nobody": "who has a mailbox is not told by VRFY",
    "HELP": "answered by the gate: no mail depends on it",
    "ETRN": "not offered: it is for one's own secondaries, which know the mail server",
    "a web browser": "Postfix says 221 and goodbye, the gate what was wrong",
    "close to the limit, without SIZE": "our Received field comes on top, and nobody said how large the message would be",
}


def lines(*text):
    return b"".join(line if isinstance(line, bytes) else line.encode() for line in text)


MESSAGE = b"Subject: x\r\nFrom: a@good.test\r\n\r\nhello\r\n.\r\n"
HELLO = "EHLO mail.good.test"
MAIL = "MAIL FROM:<a@good.test>"
RCPT = "RCPT TO:<joe@example.test>"


def sender(argument, hello=HELLO):
    return [hello, "MAIL " + argument, RCPT, "DATA", MESSAGE]


def recipient(argument):
    return [HELLO, MAIL, "RCPT " + argument, "DATA", MESSAGE]


def message(data, *more):
    return [HELLO, MAIL, RCPT, "DATA", data, *more]


def chunks(*steps):
    return [HELLO, MAIL, RCPT, *steps]


def bdat(octets, last=""):
    return b"BDAT %d%s\r\n" % (len(octets), last.encode()) + octets


def sized(octets):
    """A message of so many octets, with its end."""
    head = b"Subject: x\r\n\r\n"
    rest = octets - len(head)
    return head + b"x" * 70 + b"\r\n" + (b"y" * 68 + b"\r\n") * ((rest - 72) // 70) + b"z" * ((rest - 72) % 70 - 2) + b"\r\n.\r\n"


# A text is a command; bytes go out as they are; a pair is bytes and the number of replies to them.
DIALOGUES = {
    # ---- HELO
    "plain": sender("FROM:<a@good.test>"),
    "HELO": sender("FROM:<a@good.test>", "HELO mail.good.test"),
    "EHLO in lower case": sender("FROM:<a@good.test>", "ehlo mail.good.test"),
    "EHLO with a dot": sender("FROM:<a@good.test>", "EHLO mail.good.test."),
    "EHLO short": sender("FROM:<a@good.test>", "EHLO printer"),
    "EHLO literal": sender("FROM:<a@good.test>", "EHLO [192.0.2.10]"),
    "EHLO private literal": sender("FROM:<a@good.test>", "EHLO [192.168.1.20]"),
    "EHLO IPv6 literal": sender("FROM:<a@good.test>", "EHLO [IPv6:2001:db8::1]"),
    "EHLO address": sender("FROM:<a@good.test>", "EHLO 192.0.2.10"),
    "EHLO underscore": sender("FROM:<a@good.test>", "EHLO win_srv.good.test"),
    "EHLO hyphen": sender("FROM:<a@good.test>", "EHLO -x.good.test"),
    "EHLO beyond ASCII": sender("FROM:<a@good.test>", "EHLO m\u00fcller.good.test"),
    "EHLO our name": sender("FROM:<a@good.test>", "EHLO mx1.example.test"),
    "EHLO two words": sender("FROM:<a@good.test>", "EHLO mail.good.test again"),
    "EHLO of 300 octets": sender("FROM:<a@good.test>", "EHLO " + "a." * 147 + "test"),
    "EHLO without a name": ["EHLO", HELLO],
    "HELO without a name": ["HELO", HELLO],
    "EHLO twice": [HELLO, *sender("FROM:<a@good.test>")],
    "EHLO within": [HELLO, MAIL, *sender("FROM:<a@good.test>")],
    "EHLO then HELO": [HELLO, *sender("FROM:<a@good.test>", "HELO other.good.test")],
    "no HELO": [MAIL, RCPT, "DATA", MESSAGE],
    "commands before HELO": ["NOOP", "RSET", "RCPT TO:<joe@example.test>", "DATA", "QUIT"],
    # ---- the sender
    "sender: none": sender("FROM:<>"),
    "sender: a blank": sender("FROM: <a@good.test>"),
    "sender: no brackets": sender("FROM:a@good.test"),
    "sender: no brackets, a blank, a parameter": sender("FROM: a@good.test SIZE=100"),
    "sender: in lower case": sender("from:<a@good.test>"),
    "sender: blanks behind": sender("FROM:<a@good.test>   "),
    "sender: a tab": sender("FROM:\t<a@good.test>"),
    "sender: dot behind": sender("FROM:<a@good.test.>"),
    "sender: dot before": sender("FROM:<a@.good.test>"),
    "sender: dots": sender("FROM:<.a..b.@good.test>"),
    "sender: plus": sender("FROM:<a+b=c@good.test>"),
    "sender: quoted": sender('FROM:<"a b"@good.test>'),
    "sender: quoted at": sender('FROM:<"a@b"@good.test>'),
    "sender: literal": sender("FROM:<a@[192.0.2.10]>"),
    "sender: wrong literal": sender("FROM:<a@[192.0.2.999]>"),
    "sender: IPv6 literal": sender("FROM:<a@[IPv6:2001:db8::1]>"),
    "sender: no domain": sender("FROM:<root>"),
    "sender: postmaster": sender("FROM:<postmaster>"),
    "sender: route": sender("FROM:<@a.test,@b.test:a@good.test>"),
    "sender: slash": sender("FROM:<srs0=ab/c=xy=good.test=a@relay.test>"),
    "sender: 200 octets": sender("FROM:<" + "a" * 200 + "@good.test>"),
    "sender: 300 octets": sender("FROM:<" + "a" * 300 + "@good.test>"),
    "sender: long domain": sender("FROM:<a@" + "b" * 70 + ".test>"),
    "sender: beyond ASCII": sender("FROM:<j\u00f6rg@good.test>"),
    "sender: domain beyond ASCII": sender("FROM:<joe@m\u00fcller.test>"),
    "sender: SMTPUTF8": sender("FROM:<j\u00f6rg@good.test> SMTPUTF8"),
    "sender: not UTF-8": [HELLO, b"MAIL FROM:<j\xf6rg@good.test>\r\n", RCPT, "DATA", MESSAGE],
    "sender: double brackets": sender("FROM:<<a@good.test>>"),
    "sender: blanks inside": sender("FROM:< a@good.test >"),
    "sender: comment": sender("FROM:<a(b)@good.test>"),
    "sender: colon": sender("FROM:<a:b@good.test>"),
    "sender: two at": sender("FROM:<a@b@good.test>"),
    "sender: no at the end": sender("FROM:<a@>"),
    "sender: only a domain": sender("FROM:<@good.test>"),
    "sender: not closed": sender("FROM:<a@good.test"),
    "sender: not opened": sender("FROM:a@good.test>"),
    "sender: display name": sender("FROM:Joe <a@good.test>"),
    "sender: TO instead": sender("TO:<a@good.test>"),
    "sender: nothing": sender("FROM:"),
    "sender: no colon": sender("FROM <a@good.test>"),
    "sender: no FROM": [HELLO, "MAIL", MAIL, RCPT, "DATA", MESSAGE],
    "sender: glued": sender("FROM:<a@good.test>SIZE=1"),
    "sender: bang": sender("FROM:<b!a@good.test>"),
    "sender: percent": sender("FROM:<a%b@good.test>"),
    "sender: backslash": sender("FROM:<a\\@b@good.test>"),
    "sender: semicolon": sender("FROM:<a;b@good.test>"),
    "sender: refused by name": [HELLO, "MAIL FROM:<bad@good.test>", RCPT],
    # ---- parameters
    "SIZE": sender("FROM:<a@good.test> SIZE=100"),
    "SIZE and BODY after HELO": sender("FROM:<a@good.test> SIZE=100 BODY=8BITMIME", "HELO mail.good.test"),
    "SIZE at the limit": [HELLO, f"MAIL FROM:<a@good.test> SIZE={SIZE}", RCPT, "DATA", sized(SIZE)],
    "SIZE above the limit": sender(f"FROM:<a@good.test> SIZE={SIZE + 1}"),
    "SIZE=0": sender("FROM:<a@good.test> SIZE=0"),
    "SIZE empty": sender("FROM:<a@good.test> SIZE="),
    "SIZE without a value": sender("FROM:<a@good.test> SIZE"),
    "SIZE of words": sender("FROM:<a@good.test> SIZE=big"),
    "SIZE negative": sender("FROM:<a@good.test> SIZE=-1"),
    "SIZE twice": sender("FROM:<a@good.test> SIZE=1 SIZE=2"),
    "BODY=7BIT": sender("FROM:<a@good.test> BODY=7BIT"),
    "BODY=8bitmime": sender("FROM:<a@good.test> body=8bitmime"),
    "BODY=BINARYMIME": sender("FROM:<a@good.test> BODY=BINARYMIME"),
    "BODY twice": sender("FROM:<a@good.test> BODY=7BIT BODY=8BITMIME"),
    "AUTH=<>": sender("FROM:<a@good.test> AUTH=<>"),
    "RET and ENVID": sender("FROM:<a@good.test> RET=HDRS ENVID=QQ+2B314159"),
    "RET wrong": sender("FROM:<a@good.test> RET=ALL"),
    "ENVID with =": sender("FROM:<a@good.test> ENVID=a=b"),
    "ENVID of 120": sender("FROM:<a@good.test> ENVID=" + "x" * 120),
    "ENVID wrong xtext": sender("FROM:<a@good.test> ENVID=a+zz"),
    "SMTPUTF8 with a value": sender("FROM:<a@good.test> SMTPUTF8=1"),
    "unknown parameter": sender("FROM:<a@good.test> FOO=BAR"),
    "unknown word": sender("FROM:<a@good.test> foo"),
    "NOTIFY": recipient("TO:<joe@example.test> NOTIFY=SUCCESS,FAILURE,DELAY"),
    "NOTIFY=NEVER": recipient("TO:<joe@example.test> notify=never"),
    "NOTIFY=NEVER and more": recipient("TO:<joe@example.test> NOTIFY=NEVER,DELAY"),
    "NOTIFY wrong": recipient("TO:<joe@example.test> NOTIFY=SOMETIMES"),
    "ORCPT": recipient("TO:<joe@example.test> ORCPT=rfc822;joe+2Bx@example.test"),
    "ORCPT with =": recipient("TO:<joe@example.test> ORCPT=rfc822;prvs=1=joe@example.test"),
    "ORCPT=x400": recipient("TO:<joe@example.test> ORCPT=x400;/S=joe/O=example/"),
    "ORCPT utf-8 in ASCII": recipient("TO:<joe@example.test> ORCPT=utf-8;jo\\x{EB}@example.test"),
    "ORCPT utf-8": [HELLO, MAIL + " SMTPUTF8", "RCPT TO:<jo\u00eb@example.test> ORCPT=utf-8;jo\u00eb@example.test", "DATA", MESSAGE],
    "ORCPT utf-8 without SMTPUTF8": recipient("TO:<joe@example.test> ORCPT=utf-8;jo\u00eb@example.test"),
    "ORCPT without a type": recipient("TO:<joe@example.test> ORCPT=joe@example.test"),
    "ORCPT wrong xtext": recipient("TO:<joe@example.test> ORCPT=rfc822;joe+4@example.test"),
    "SIZE for a recipient": recipient("TO:<joe@example.test> SIZE=1"),
    # ---- the recipient
    "recipient: second domain, not in own.domains": recipient("TO:<joe@second.test>"),
    "recipient: below a relay domain": recipient("TO:<joe@physics.school.test>"),
    "recipient: foreign": recipient("TO:<joe@foreign.test>"),
    "recipient: unknown": recipient("TO:<nobody@example.test>"),
    "recipient: later": recipient("TO:<later@example.test>"),
    "recipient: capitals": recipient("TO:<Joe@EXAMPLE.test>"),
    "recipient: no brackets": recipient("TO:joe@example.test"),
    "recipient: a blank": recipient("TO: <joe@example.test>"),
    "recipient: dot behind": recipient("TO:<joe@example.test.>"),
    "recipient: route": recipient("TO:<@a.test,@b.test:joe@example.test>"),
    "recipient: route to elsewhere": recipient("TO:<@example.test:joe@foreign.test>"),
    "recipient: percent": recipient("TO:<joe%foreign.test@example.test>"),
    "recipient: percent, ours": recipient("TO:<joe%second.test@example.test>"),
    "recipient: bang": recipient("TO:<foreign.test!joe@example.test>"),
    "recipient: quoted at": recipient('TO:<"joe@foreign.test"@example.test>'),
    "recipient: quoted": recipient('TO:<"joe doe"@example.test>'),
    "recipient: two at": recipient("TO:<joe@foreign.test@example.test>"),
    "recipient: plus": recipient("TO:<joe+box@example.test>"),
    "recipient: dots": recipient("TO:<j..o.@example.test>"),
    "recipient: postmaster": recipient("TO:<Postmaster>"),
    "recipient: postmaster at the address": recipient("TO:<postmaster@[127.0.0.1]>"),
    "recipient: postmaster at another address": recipient("TO:<postmaster@[192.0.2.99]>"),
    "recipient: no domain": recipient("TO:<joe>"),
    "recipient: beyond ASCII": recipient("TO:<j\u00f6rg@example.test>"),
    "recipient: empty": recipient("TO:<>"),
    "recipient: nothing": recipient("TO:"),
    "recipient: no TO": [HELLO, MAIL, "RCPT", RCPT, "DATA", MESSAGE],
    "recipient: double brackets": recipient("TO:<<joe@example.test>>"),
    "recipient: not closed": recipient("TO:<joe@example.test"),
    "recipient: comment": recipient("TO:<joe(x)@example.test>"),
    "recipient: 300 octets": recipient("TO:<" + "j" * 300 + "@example.test>"),
    "recipient: two, one unknown": [HELLO, MAIL, RCPT, "RCPT TO:<nobody@example.test>", "DATA", MESSAGE],
    "recipient: two, the first unknown": [HELLO, MAIL, "RCPT TO:<nobody@example.test>", RCPT, "DATA", MESSAGE],
    "recipient: the same twice": [HELLO, MAIL, RCPT, RCPT, "DATA", MESSAGE],
    # ---- own networks
    "own: no domain": [OWN, *sender("FROM:<root>", "EHLO nas")],
    "own: no domains at all": [OWN, "EHLO nas", "MAIL FROM:<root>", "RCPT TO:<joe@example.test>", "DATA", MESSAGE],
    "own: relays": [OWN, HELLO, MAIL, "RCPT TO:<joe@foreign.test>", "DATA", MESSAGE],
    "own: HELO only": [OWN, *sender("FROM:scan@example.test", "HELO printer")],
    # ---- the order of commands
    "MAIL twice": [HELLO, MAIL, MAIL, RCPT, "DATA", MESSAGE],
    "RCPT first": [HELLO, RCPT, MAIL, RCPT, "DATA", MESSAGE],
    "DATA first": [HELLO, "DATA", MAIL, "DATA", RCPT, "DATA", MESSAGE],
    "DATA with a word": [HELLO, MAIL, RCPT, "DATA now", "DATA", MESSAGE],
    "RSET within": [HELLO, MAIL, RCPT, "RSET", "DATA", *sender("FROM:<b@good.test>")[1:]],
    "two messages": [*sender("FROM:<a@good.test>"), *sender("FROM:<b@good.test>")[1:]],
    "NOOP with words": [HELLO, "NOOP hello there"],
    "VRFY": [HELLO, "VRFY joe@example.test"],
    "VRFY of nobody": [HELLO, "VRFY nobody@elsewhere.test"],
    "VRFY of nothing": [HELLO, "VRFY"],
    "HELP": [HELLO, "HELP"],
    "ETRN": [HELLO, "ETRN example.test"],
    "a web browser": [b"GET / HTTP/1.1\r\n"],
    "RSET with a word": [HELLO, "RSET all"],
    "QUIT with a word": [HELLO, "QUIT now"],
    "XCLIENT of a stranger": [HELLO, "XCLIENT ADDR=10.99.0.5"],
    "unknown commands": [HELLO, "FOO", "XYZZY 1", "", MAIL],
    "not offered": [HELLO, "AUTH PLAIN AGEAYg==", "STARTTLS", "EXPN list"],
    "QUIT": [HELLO, "QUIT"],
    "LF alone after commands": [HELLO, b"MAIL FROM:<a@good.test>\n", b"RCPT TO:<joe@example.test>\n", "DATA", MESSAGE],
    "pipelined": [HELLO, (lines(MAIL, "\r\n", RCPT, "\r\nDATA\r\n"), 3), MESSAGE],
    "pipelined, all refused": [HELLO, (lines(MAIL, "\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n"), 3), "QUIT"],
    "long command": [HELLO, "NOOP " + "x" * 1500],
    "NUL in a command": [HELLO, b"MAIL FROM:<a\0@good.test>\r\n"],
    "bare CR in a command": [HELLO, b"NOOP\rRSET\r\n"],
    # ---- messages
    "empty message": message(b".\r\n"),
    "no header": message(b"\r\nbody\r\n.\r\n"),
    "only a header": message(b"Subject: x\r\n.\r\n"),
    "no empty line": message(b"this is no header\r\n.\r\n"),
    "dots": message(b"Subject: x\r\n\r\n..\r\n...\r\n..a\r\n.b\r\n\r\n.\r\n"),
    "8 bit": message(b"Subject: \xc3\xa9\r\n\r\n\xff\xfe caf\xe9\r\n.\r\n"),
    "long lines": message(b"Subject: x\r\n\r\n" + b"x" * 998 + b"\r\n" + b"y" * 3000 + b"\r\n.\r\n"),
    "trailing blanks": message(b"Subject: x \r\n\r\na \t\r\n \r\n.\r\n"),
    "folded header": message(b"Subject: a\r\n b\r\n\tc\r\nX-A: 1\r\n\r\nbody\r\n.\r\n"),
    "many empty lines": message(b"Subject: x\r\n\r\n\r\n\r\n\r\n.\r\n"),
    "bare LF in the message": message(b"Subject: x\r\n\r\na\nb\r\nc\n\nd\r\n.\r\n"),
    "bare LF in the header": message(b"Subject: x\nX-A: 1\r\n\r\nbody\r\n.\r\n"),
    "two CR before LF": message(b"Subject: x\r\n\r\na\r\r\nb\r\n.\r\n"),
    "bare CR in the message": message(b"Subject: x\r\n\r\na\rb\r\n.\r\n"),
    "NUL in the message": message(b"Subject: x\r\n\r\na\0b\r\n.\r\n"),
    "close to the limit, without SIZE": message(sized(SIZE - 1000)),
    "close to the limit": [HELLO, f"MAIL FROM:<a@good.test> SIZE={SIZE - 1000}", RCPT, "DATA", sized(SIZE - 1000)],
    "the longest message that we add a field to": message(sized(SIZE - 5000)),
    "a message beyond the limit": [HELLO, MAIL, RCPT, "DATA", sized(SIZE + 5000), "RSET"],
    # ---- chunks
    "BDAT": chunks(bdat(b"Subject: x\r\n\r\nhello\r\n", " LAST")),
    "BDAT in two": chunks(bdat(b"Subject: x\r\n\r\nhel"), bdat(b"lo\r\n", " LAST")),
    "BDAT pipelined": chunks((bdat(b"Subject: x\r\n\r\nhel") + bdat(b"lo\r\n") + bdat(b"", " LAST"), 3)),
    "BDAT cut in line ends": chunks(bdat(b"Subject: x\r"), bdat(b"\n\r"), bdat(b"\n."), bdat(b"\r\n", " LAST")),
    "BDAT of nothing": chunks(bdat(b"", " LAST")),
    "BDAT, LAST is empty": chunks(bdat(b"Subject: x\r\n\r\nhello\r\n"), bdat(b"", " LAST")),
    "BDAT with dots": chunks(bdat(b"Subject: x\r\n\r\n.\r\n..\r\n.a\r\n.\r\n", " LAST")),
    "BDAT with commands inside": chunks(bdat(b"Subject: x\r\n\r\nMAIL FROM:<b@good.test>\r\nQUIT\r\n", " LAST"), "QUIT"),
    "BDAT without a last line end": chunks(bdat(b"Subject: x\r\n\r\nhello", " LAST")),
    "BDAT with bare LF": chunks(bdat(b"Subject: x\n\na\n.\nb\n", " LAST")),
    "BDAT in lower case": chunks(b"bdat 14 last\r\nSubject: x\r\n\r\n"),
    "BDAT, then another message": chunks(bdat(b"Subject: x\r\n\r\n1\r\n", " LAST"), *sender("FROM:<b@good.test>")[1:]),
    "BDAT, RSET, another": chunks(bdat(b"Subject: x\r\n\r\n1\r\n"), "RSET", *sender("FROM:<b@good.test>")[1:]),
    "BDAT, NOOP within": chunks(bdat(b"Subject: x\r\n\r\n1\r\n"), "NOOP", bdat(b"2\r\n", " LAST")),
    "BDAT, MAIL and RCPT within": chunks(bdat(b"Subject: x\r\n\r\n1\r\n"), MAIL, RCPT, "DATA", bdat(b"2\r\n", " LAST")),
    "BDAT without a recipient": [HELLO, MAIL, bdat(b"QUIT\r\n", " LAST"), "NOOP"],
    "BDAT without MAIL": [HELLO, bdat(b"QUIT\r\n", " LAST"), "NOOP"],
    "BDAT for a refused recipient": [HELLO, MAIL, "RCPT TO:<nobody@example.test>", bdat(b"QUIT\r\n", " LAST"), "NOOP"],
    "BDAT after the last": chunks(bdat(b"Subject: x\r\n\r\n1\r\n", " LAST"), bdat(b"QUIT\r\n", " LAST"), "NOOP"),
    "BDAT without a size": chunks("BDAT"),
    "BDAT of words": chunks("BDAT many LAST"),
    "BDAT with two words": chunks("BDAT 5 FIRST"),
    "BDAT negative": chunks("BDAT -1 LAST"),
    "BDAT beyond the limit": chunks(bdat(b"Subject: x\r\n\r\n" + b"x" * 70 * 1100), "RSET"),
    "BDAT with BODY=BINARYMIME": [HELLO, MAIL + " BODY=BINARYMIME"],
    # ---- ends that are none
    "a lone dot between bare LFs": message(b"Subject: x\r\n\r\na\n.\nb\r\n.\r\n"),
    "a lone dot after a bare LF": message(b"Subject: x\r\n\r\na\n.\r\nb\r\n.\r\n"),
    "a lone dot before a bare LF": message(b"Subject: x\r\n\r\na\r\n.\nb\r\n.\r\n"),
}


class Side:
    """Postfix alone, or the gate before it."""

    def __init__(self, port):
        self.port = port

    def play(self, steps):
        """The replies; "" for a connection that was closed."""
        steps = list(steps)
        client = steps.pop(0) if steps[0] == OWN else STRANGER
        replies = []
        with SmtpClient(self.port, client, timeout=120) as smtp:
            for step in steps:
                is_message = isinstance(step, bytes) and step.endswith(b".\r\n") and not step.startswith(b"BDAT")
                if is_message and not (replies and replies[-1].startswith("354")):
                    continue  # it would be taken for commands
                data, count = step if isinstance(step, tuple) else (step, 1)
                try:
                    smtp.send(data.encode() + b"\r\n" if isinstance(data, str) else data)
                    replies += [str(smtp.read_reply()) for _ in range(count)]
                except ConnectionError:
                    replies.append("")
                    break
        return replies


def queue_ids(replies):
    return [match.group(1) for reply in replies for match in [re.search(r"queued as (\w+)", reply)] if match]


def parts(mail):
    """The envelope as the mailbox has it, and what follows Postfix's trace field and our two."""
    text = mail.decode("latin-1")
    envelope = re.findall(r"^(?:Return-Path|X-Original-To|Delivered-To): .*$", text.split("\nReceived: ", 1)[0], re.M)
    rest = re.sub(r"\AReceived: .*\n(?:[ \t].*\n)*", "", "Received: " + text.split("\nReceived: ", 1)[1])
    rest = re.sub(r"\AReceived: .*\n\tby mx1\.example\.test \(Stockade\) .*\n(?:[ \t].*\n)*", "", rest)
    return envelope, re.sub(r"\AAuthentication-Results: mx1\.example\.test;\n(?:[ \t].*\n)*", "", rest)


def arrived(postfix, ids):
    found = {}
    for mail in postfix.mails():
        match = re.search(rb"\tby backend\.test \(Postfix\) with \w+ id (\w+)", mail)
        found.setdefault(match.group(1).decode(), []).append(parts(mail))
    return [sorted(found.get(id_, [])) for id_ in ids]


@pytest.fixture(scope="module")
def shared_postfix():
    assert can_run(), "Postfix is missing: apt-get install postfix"
    with Postfix(domains=["example.test"], settings=SETTINGS) as postfix:
        yield postfix


def test_observe_is_what_the_mail_server_says(site, shared_postfix):
    postfix = shared_postfix
    site.conf["mode"] = "observe"
    site.conf["gate"]["backend"] = {"address": f"127.0.0.1:{postfix.xclient_port}", "pass-client": "xclient"}
    site.start("gate")
    alone, behind = Side(postfix.proxy_port), Side(site.ports["gate"])
    played = {name: (alone.play(steps), behind.play(steps)) for name, steps in DIALOGUES.items()}
    postfix.wait_until_delivered()
    different = {}
    for name, (a, b) in played.items():
        if [reply[:1] for reply in a] != [reply[:1] for reply in b]:
            different[name] = f"alone {a}, behind the gate {b}"
        elif (x := arrived(postfix, queue_ids(a))) != (y := arrived(postfix, queue_ids(b))):
            different[name] = f"alone {x!r:.400}, behind the gate {y!r:.400}"
    told = "\n".join(f"{name}: {what[:900]}" for name, what in different.items() if name not in EXCEPTIONS)
    assert not told, told
    assert set(EXCEPTIONS) == set(different), "an exception that is none any more"
    assert len(DIALOGUES) >= 130 and len(EXCEPTIONS) <= 15
