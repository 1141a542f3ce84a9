/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Tells the secondaries of dns.transfer-to when a zone has changed (RFC 1996): at most once a
 * second for each zone and secondary, and again, less and less often, until it is answered; with
 * each change it begins anew. Owner: the dns role; its main thread.
 */
#include "conf/conf.h"
#include "loop/loop.h"
#include "zone/rules.h"

struct dns_notify;

/* Opens the sockets, which the jail would not let us later; at the addresses of dns.listen where
 * those are known, since secondaries hear of changes from nobody else. */
struct dns_notify *dns_notify_new(struct loop *loop, const struct conf *conf);
void dns_notify_free(struct dns_notify **notify);

/* The zones and secondaries of a configuration. Copies. */
void dns_notify_set(struct dns_notify *notify, const struct dns_rules *rules);

/* All zones are at this serial now. */
void dns_notify_announce(struct dns_notify *notify, uint32_t serial);
