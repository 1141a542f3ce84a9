/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The macros of SPF (RFC 7208 section 7): "%{ir}.%{d}" and its like, which a stranger wrote and
 * which are filled with what another stranger said. Pure but for the buffer; any thread.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"

/* An explanation may have blanks, and letters that a domain may not have (section 7.2). */
enum spf_macro_place { SPF_IN_DOMAIN, SPF_IN_MODIFIER, SPF_IN_EXPLANATION };

/* What the letters stand for. Spans belong to whoever fills it. */
struct spf_scope {
	struct ip client;
	struct span local;         /* l: the sender's local part, or "postmaster" */
	struct span sender_domain; /* o; s is both with "@" between */
	struct span domain;        /* d: whose record it is */
	struct span validated;     /* p: a confirmed name of the client, or "unknown" */
	struct span helo;          /* h */
	struct span receiver;      /* r */
	int64_t now_s;             /* t, since 1970 */
};

/* 0, or E_PARSE: not a macro-string of that place. */
int spf_macro_check(struct span text, enum spf_macro_place place);
/* The same for a domain-spec, whose end has to be a macro or a top-level domain. */
int spf_macro_check_domain(struct span text);

/* Whether it asks for the letter p, in any case: it costs questions. */
bool spf_macro_has_validated(struct span text);

/* Appends what text stands for, which was checked; past the limit of out, out->bad is set. */
void spf_macro_expand(struct span text, const struct spf_scope *scope, struct buf *out);
