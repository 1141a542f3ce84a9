# SPDX-License-Identifier: ISC
"""Random dialogues, and what class of reply each command has to get by the state machine of RFC 5321 (sections 3.3, 4.1.4, 4.3.2).

The client is one that nothing is wrong with, the mail server takes what it is given; so each reply is known beforehand but for its
words. Dialogues are made of a seed and the number of the dialogue alone.
"""
import random

from harness.smtp import SmtpClient

OURS, FOREIGN = "joe@example.test", "x@elsewhere.invalid"
BODY = b"Subject: x\r\n\r\nhello\r\n..dot\r\n.\r\n"


class Dialogue:
    """The state of one session, as replies make it."""

    def __init__(self):
        self.greeted = self.mail = self.data = False
        self.asked = self.taken = 0  # recipients
        self.errors = 0

    def reset(self):
        self.mail = False
        self.asked = self.taken = 0

    # What each command gets; the reply, of that class, moves the state.

    def hello(self):
        self.greeted = True
        self.reset()
        return 2

    def wrong(self):
        return 5

    def free(self):
        return 2

    def rset(self):
        self.reset()
        return 2

    def sender(self):
        if self.mail or not self.greeted:
            return 5
        self.mail = True
        return 2

    def ours(self):
        if not self.mail:
            return 5
        self.asked += 1
        self.taken += 1
        return 2

    def foreign(self):
        self.asked += self.mail
        return 5

    def message(self):
        self.data = self.mail and self.taken > 0
        return 3 if self.data else 5

    def body(self):
        self.data = False
        self.reset()
        return 2


# Command, what it gets, how often it comes.
COMMANDS = [
    (b"EHLO mail.good.test", Dialogue.hello, 4), (b"HELO mail.good.test", Dialogue.hello, 2), (b"EHLO", Dialogue.wrong, 1),
    (b"HELO", Dialogue.wrong, 1),
    (b"MAIL FROM:<a@good.test>", Dialogue.sender, 8), (b"mail from:<>", Dialogue.sender, 3),
    (b"MAIL FROM:<a@good.test> SIZE=100", Dialogue.sender, 2), (b"MAIL FROM a@good.test", Dialogue.wrong, 1),
    (b"MAIL FROM:<a@good.test> FOO=BAR", Dialogue.wrong, 1), (b"MAIL", Dialogue.wrong, 1),
    (f"RCPT TO:<{OURS}>".encode(), Dialogue.ours, 10), (b"rcpt to:<Postmaster@EXAMPLE.test>", Dialogue.ours, 3),
    (f"RCPT TO:<{FOREIGN}>".encode(), Dialogue.foreign, 2), (b"RCPT TO:<>", Dialogue.wrong, 1), (b"RCPT", Dialogue.wrong, 1),
    (b"DATA", Dialogue.message, 8), (b"DATA now", Dialogue.wrong, 1),
    (b"RSET", Dialogue.rset, 2), (b"RSET x", Dialogue.wrong, 1), (b"NOOP", Dialogue.free, 1), (b"NOOP anything", Dialogue.free, 1),
    (b"VRFY joe", Dialogue.free, 1), (b"VRFY", Dialogue.wrong, 1), (b"HELP", Dialogue.free, 1), (b"EXPN list", Dialogue.wrong, 1),
    (b"FOO", Dialogue.wrong, 1), (b"", Dialogue.wrong, 1), (b"AUTH PLAIN AA==", Dialogue.wrong, 1), (b"TURN", Dialogue.wrong, 1)]
MAY_BE_FOLLOWED = (b"MAIL", b"RCPT", b"RSET")  # in one go (RFC 2920 section 3.1)
MOST_ERRORS = 8  # more of them are answered slowly


def command(dice, dialogue):
    """Half of them lead on."""
    leads = Dialogue.hello if not dialogue.greeted else Dialogue.sender if not dialogue.mail else \
        Dialogue.ours if dialogue.taken == 0 else Dialogue.message
    choice = [row for row in COMMANDS if row[1] is leads] if dice.random() < 0.5 else COMMANDS
    line, gets, _ = dice.choices(choice, [often for _, _, often in choice])[0]
    return line, gets


def piece_of(dice, dialogue):
    """What the client sends at once: mostly one command."""
    piece = [command(dice, dialogue)]
    while piece[-1][0].upper().startswith(MAY_BE_FOLLOWED) and dice.random() < 0.4:
        piece.append(command(dice, dialogue))
    return piece


def play(port, client, seed, number):
    """How many replies were looked at, and how many messages were taken."""
    dice = random.Random(f"{seed} {number}")
    dialogue, said, replies, messages = Dialogue(), [], 0, 0
    with SmtpClient(port, client) as smtp:
        assert smtp.greeting.code == 220

        def heard(gets):
            reply = smtp.read_reply()
            expected = gets(dialogue)
            assert reply.code // 100 == expected, (number, said, str(reply), expected)
            dialogue.errors += expected == 5
            return 1

        while replies < 25 and dialogue.errors < MOST_ERRORS:
            piece = piece_of(dice, dialogue)
            smtp.send(b"".join(line + b"\r\n" for line, _ in piece))
            said += [line.decode() for line, _ in piece]
            replies += sum(heard(gets) for _, gets in piece)
            if dialogue.data:
                smtp.send(BODY)
                said.append("(message)")
                replies += heard(Dialogue.body)
                messages += 1
                dialogue.errors = 0
        assert smtp.command("QUIT").code == 221
        assert smtp.is_closed()
    return replies + 1, messages
