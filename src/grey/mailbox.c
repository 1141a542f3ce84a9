/* SPDX-License-Identifier: ISC */
#include "grey/mailbox.h"

#include "base/macro.h"

/* Marks lie within marks: a forwarder's SRS around BATV. */
enum { UNWRAP_MAX = 4, HEX_RUN_MIN = 8 };

struct mailbox {
	struct span local, domain;
};

static struct mailbox mailbox_of(struct span s)
{
	for (size_t at = s.len; at > 0; at--)
		if (s.ptr[at - 1] == '@')
			return (struct mailbox){span_first(s, at - 1), span_from(s, at)};
	return (struct mailbox){s, {0}};
}

/* "prefix TAG separator rest" becomes the rest. False: it is none. */
static bool unwrap_tag(struct mailbox *m, const char *prefix, const char *separator)
{
	struct span rest = span_from(m->local, strlen(prefix));
	size_t at = span_find_text(rest, separator);

	if (!span_has_prefix_nocase(m->local, prefix) || at == rest.len)
		return false;
	rest = span_from(rest, at + strlen(separator));
	if (rest.len == 0)
		return false;
	m->local = rest;
	return true;
}

/* "hash=day=domain=local", behind the word and its separator. */
static bool unwrap_srs_inner(struct mailbox *m, struct span s)
{
	struct span domain;

	span_split(&s, '=');
	span_split(&s, '=');
	domain = span_split(&s, '=');
	if (domain.len == 0 || s.len == 0)
		return false;
	*m = (struct mailbox){s, domain};
	return true;
}

/* The separator behind the word, and before what SRS1 carries, is one of three. */
static bool is_srs_separator(struct span s)
{
	return s.len != 0 && (s.ptr[0] == '=' || s.ptr[0] == '+' || s.ptr[0] == '-');
}

static bool unwrap_srs(struct mailbox *m)
{
	enum { WORD_LEN = 4 };
	struct span rest = span_from(m->local, WORD_LEN);
	bool twice = span_has_prefix_nocase(m->local, "SRS1");

	if ((!twice && !span_has_prefix_nocase(m->local, "SRS0")) || !is_srs_separator(rest))
		return false;
	rest = span_from(rest, 1);
	if (twice) {
		span_split(&rest, '=');
		span_split(&rest, '=');
		if (!is_srs_separator(rest))
			return false;
		rest = span_from(rest, 1);
	}
	return unwrap_srs_inner(m, rest);
}

static void unwrap(struct mailbox *m)
{
	for (int i = 0; i < UNWRAP_MAX; i++)
		if (!unwrap_tag(m, "prvs=", "=") && !unwrap_tag(m, "msprvs1=", "=") &&
			!unwrap_tag(m, "btv1==", "==") && !unwrap_srs(m))
			return;
}

/* "owner-list-7-user=domain.example": the recipient's address, from the last hyphen before "=". */
static struct span without_verp(struct span local)
{
	size_t equals = local.len, hyphen;

	for (size_t i = 0; i < local.len; i++)
		if (local.ptr[i] == '=')
			equals = i;
	if (span_find(span_from(local, equals), '.') + equals >= local.len)
		return local;
	for (hyphen = equals; hyphen > 0 && local.ptr[hyphen] != '-'; hyphen--)
		;
	return hyphen != 0 ? span_first(local, hyphen) : local;
}

static struct span without_extension(struct span local)
{
	size_t plus = span_find(local, '+');

	return plus != 0 ? span_first(local, plus) : local;
}

/* How many octets from `at` on are one number, for a person: digits, or enough of hexadecimal. */
static size_t number_length(struct span s, size_t at)
{
	size_t digits = 0, hex = 0;
	bool has_digit = false;

	while (at + digits < s.len && ascii_is_digit(s.ptr[at + digits]))
		digits++;
	while (at + hex < s.len && ascii_is_hex(s.ptr[at + hex])) {
		has_digit |= ascii_is_digit(s.ptr[at + hex]);
		hex++;
	}
	return has_digit && hex >= HEX_RUN_MIN ? hex : digits;
}

static size_t print_sender_local(struct span local, char text[GREY_MAILBOX_SIZE])
{
	size_t len = 0;

	for (size_t at = 0; at < local.len && len < GREY_LOCAL_MAX;) {
		size_t number = number_length(local, at);

		text[len++] = number != 0 ? '#' : (char)ascii_lower(local.ptr[at]);
		at += number != 0 ? number : 1;
	}
	return len;
}

static size_t print_local(struct span local, char text[GREY_MAILBOX_SIZE])
{
	size_t len = local.len < GREY_LOCAL_MAX ? local.len : GREY_LOCAL_MAX;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)ascii_lower(local.ptr[i]);
	return len;
}

/* What is no domain (an address literal) is the same only as itself. */
static struct span print_domain(struct span domain, char text[GREY_MAILBOX_SIZE], size_t len)
{
	char folded[DOMAIN_SIZE];
	struct span shown;

	if (!domain_fold(domain, folded, &shown))
		shown = span_first(domain, DOMAIN_SIZE - 1);
	text[len++] = '@';
	if (shown.len != 0)
		memcpy(text + len, shown.ptr, shown.len);
	return span_of(text, len + shown.len);
}

struct span grey_sender_print(struct span sender, char text[GREY_MAILBOX_SIZE])
{
	struct mailbox m = mailbox_of(sender);

	if (sender.len == 0)
		return span_of(text, 0);
	unwrap(&m);
	m.local = without_extension(without_verp(m.local));
	return print_domain(m.domain, text, print_sender_local(m.local, text));
}

struct span grey_recipient_print(struct span recipient, char text[GREY_MAILBOX_SIZE])
{
	struct mailbox m = mailbox_of(recipient);

	return print_domain(m.domain, text, print_local(m.local, text));
}
