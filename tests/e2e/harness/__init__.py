# SPDX-License-Identifier: ISC
"""What end-to-end tests are built of: a site on loopback, a scriptable name server, an SMTP client, a mail server that
writes down what it gets, a clock that a test moves. Nothing here sleeps for timing: wait_for polls until a deadline."""
