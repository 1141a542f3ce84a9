/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A mailbox without what changes from message to message, so that a greylist knows a sender again:
 * small letters, the domain as A-labels, and of the sender's local part without the marks that
 * programs put around it: BATV (draft-levine-smtp-batv, "prvs=0123abcdef=user"), SRS ("SRS0=hash=
 * day=domain=user", "SRS1=hash=forwarder==hash=day=domain=user": the address inside), VERP
 * ("list-7-user=domain") and +extension. Runs of digits become "#", and so do runs of eight and
 * more hexadecimal digits with a digit among them. Pure; any thread.
 */
#include "list/source.h"

enum { GREY_LOCAL_MAX = 255, GREY_MAILBOX_SIZE = GREY_LOCAL_MAX + 1 + DOMAIN_SIZE };

/* Both print "local@domain", at most GREY_MAILBOX_SIZE - 1 octets: a longer local part is cut. Of
 * the empty reverse-path: "". */
struct span grey_sender_print(struct span sender, char text[GREY_MAILBOX_SIZE]);
/* A recipient is whom it names: only letters and the form of the domain are made the same. */
struct span grey_recipient_print(struct span recipient, char text[GREY_MAILBOX_SIZE]);
