/* SPDX-License-Identifier: ISC */
#include "smtp/path.h"

#include "base/macro.h"
#include "base/utf8.h"

/* ---- characters ---- */

static bool is_atext(uint8_t byte)
{
	return ascii_is_alpha(byte) || ascii_is_digit(byte) || byte >= 0x80 ||
	       (byte != 0 && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* ---- paths ---- */

/* The length of the local part at the start of s; 0 when there is none. Dots may stand anywhere:
 * addresses with two in a row exist, and receivers know their own. */
static size_t local_part_length(struct span s)
{
	size_t at = 0;

	if (s.len == 0 || s.ptr[0] != '"') {
		while (at < s.len && (is_atext(s.ptr[at]) || s.ptr[at] == '.'))
			at++;
		return at;
	}
	for (at = 1; at < s.len && s.ptr[at] != '"'; at++) {
		/* Inside quotes: printable, or UTF-8; '"' and '\' only behind a '\'. */
		if (s.ptr[at] == '\\' && ++at == s.len)
			return 0;
		if (!ascii_is_print(s.ptr[at]) && s.ptr[at] < 0x80)
			return 0;
	}
	return at < s.len ? at + 1 : 0;
}

static bool label_is_right(struct span label)
{
	if (label.len == 0 || label.len > 63)
		return false;
	for (size_t i = 0; i < label.len; i++) {
		uint8_t byte = label.ptr[i];

		/* Not a letter of RFC 5321, but one of living domains. */
		if (!ascii_is_alpha(byte) && !ascii_is_digit(byte) && byte < 0x80 && byte != '_' &&
			(byte != '-' || i == 0 || i + 1 == label.len))
			return false;
	}
	return true;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
static bool literal_is_right(struct span domain)
{
	struct span inner = span_of(domain.ptr + 1, domain.len - 2);
	struct ip ip;

	if (span_has_prefix_nocase(inner, "IPv6:"))
		return ip_parse(span_from(inner, 5), &ip) == 0;
	return ip_parse(inner, &ip) == 0 && span_find(inner, ':') == inner.len;
}

/* With or without the dot that ends a name of DNS: who wrote it means the same. */
static bool domain_is_right(struct span domain)
{
	struct span rest = domain;

	if (domain.len == 0)
		return false;
	if (domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']')
		return literal_is_right(domain);
	while (rest.len != 0) {
		if (!label_is_right(span_split(&rest, '.')))
			return false;
	}
	return true;
}

/* "@a,@b:" at the start is cut off: a server should ignore it (RFC 5321 section 3.3). */
static int path_cut_route(struct span *mailbox)
{
	struct span route;

	if (mailbox->len == 0 || mailbox->ptr[0] != '@')
		return 0;
	if (span_find(*mailbox, ':') == mailbox->len)
		return E_PARSE;
	route = span_split(mailbox, ':');
	while (route.len != 0) {
		struct span hop = span_split(&route, ',');

		if (hop.len < 2 || hop.ptr[0] != '@' || !domain_is_right(span_from(hop, 1)))
			return E_PARSE;
	}
	return mailbox->len != 0 ? 0 : E_PARSE;
}

static int path_parse_mailbox(
	struct span mailbox, const struct smtp_limits *limits, struct smtp_path *path)
{
	size_t local = local_part_length(mailbox);

	if (local == 0)
		return E_PARSE;
	path->mailbox = mailbox;
	if (local < mailbox.len && mailbox.ptr[local] != '@')
		return E_PARSE;
	if (local < mailbox.len)
		path->domain = span_from(mailbox, local + 1);
	if (local > limits->local_part || path->domain.len > limits->domain)
		return E_LIMIT;
	if ((local < mailbox.len && !domain_is_right(path->domain)) || !utf8_is_valid(mailbox))
		return E_PARSE;
	path->is_utf8 = !span_is_ascii(mailbox);
	return 0;
}

/* The length of the path at the start of s: "<...>", or up to a blank where a client wrote no
 * brackets, quotes respected; 0 when it does not close. */
static size_t path_length(struct span s)
{
	bool bracketed = s.len != 0 && s.ptr[0] == '<';
	bool quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			quoted = !quoted;
		else if (s.ptr[i] == '\\' && quoted)
			i++;
		else if (!quoted && bracketed && s.ptr[i] == '>')
			return i + 1;
		else if (!quoted && !bracketed && is_blank(s.ptr[i]))
			return i;
	}
	return bracketed || quoted ? 0 : s.len;
}

/* s: all of the path. */
static int path_parse(struct span s, const struct smtp_limits *limits, struct smtp_path *path)
{
	struct span mailbox = s;
	int r;

	if (s.ptr[0] == '<')
		mailbox = span_of(s.ptr + 1, s.len - 2);
	path->mailbox = span_first(mailbox, 0);
	if (mailbox.len == 0)
		return 0;
	r = path_cut_route(&mailbox);
	return r == 0 ? path_parse_mailbox(mailbox, limits, path) : r;
}

/* Cuts "FROM:<path>" off *rest and leaves the parameters. A blank after the colon: common. */
static int path_cut(struct span *rest, const char *word, const struct smtp_limits *limits,
	struct smtp_path *path)
{
	struct span s = *rest;
	size_t len;

	if (!span_has_prefix_nocase(s, word))
		return E_PARSE;
	s = span_trim(span_from(s, strlen(word)));
	len = path_length(s);
	if (len == 0 || (len < s.len && !is_blank(s.ptr[len])))
		return E_PARSE;
	*rest = span_trim(span_from(s, len));
	return path_parse(span_first(s, len), limits, path);
}

struct span smtp_path_guess(struct span params)
{
	struct span rest = params, word;

	span_split(&rest, ':');
	rest = span_trim(rest);
	word = span_split(&rest, ' ');
	while (word.len != 0 && word.ptr[0] == '<')
		word = span_from(word, 1);
	while (word.len != 0 && word.ptr[word.len - 1] == '>')
		word.len--;
	return word;
}

bool smtp_path_is_qualified(const struct smtp_path *path)
{
	/* RFC 5321 section 4.1.1.3: <postmaster> is the one name that needs no domain */
	return path->mailbox.len == 0 || path->domain.len != 0 ||
	       span_equal_nocase(path->mailbox, span_text("postmaster"));
}

/* ---- parameters ---- */

struct parameter {
	struct span name, value;
	bool has_value;
};

/* 1: one was cut off *rest; 0: none left. */
static int parameter_next(struct span *rest, struct parameter *ret_parameter)
{
	struct parameter p = {0};

	*rest = span_trim(*rest);
	if (rest->len == 0)
		return 0;
	p.value = span_split(rest, ' ');
	p.has_value = span_find(p.value, '=') != p.value.len;
	p.name = span_split(&p.value, '=');
	if (p.name.len == 0 || (p.has_value && p.value.len == 0))
		return E_PARSE;
	*ret_parameter = p;
	return 1;
}

static bool parameter_is(const struct parameter *p, const char *name)
{
	return span_equal_nocase(p->name, span_text(name));
}

/* RFC 3461 section 4: printable, with what is not as "+HH". "=" should be written so as well, and
 * often is not; servers take it as it is. */
static bool xtext_is_right(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
			return false;
		if (s.ptr[i] != '+')
			continue;
		if (i + 2 >= s.len || !ascii_is_hex(s.ptr[i + 1]) || !ascii_is_hex(s.ptr[i + 2]))
			return false;
		i += 2;
	}
	return s.len != 0;
}

/* For words that choose: the place of value in words (counted from 1), or E_PARSE. */
static int parameter_choose(const struct parameter *p, const char *first, const char *second)
{
	if (span_equal_nocase(p->value, span_text(first)))
		return 1;
	return span_equal_nocase(p->value, span_text(second)) ? 2 : E_PARSE;
}

static int mail_set_size(struct smtp_mail *mail, const struct parameter *p)
{
	if (mail->has_size || span_parse_u64(p->value, UINT64_MAX, &mail->size) < 0)
		return E_PARSE;
	mail->has_size = true;
	return 0;
}

static int mail_set_body(struct smtp_mail *mail, const struct parameter *p)
{
	int choice = parameter_choose(p, "7BIT", "8BITMIME");

	if (mail->body != SMTP_BODY_NONE || choice < 0)
		return E_PARSE;
	mail->body = (enum smtp_body)choice;
	return 0;
}

static int mail_set_ret(struct smtp_mail *mail, const struct parameter *p)
{
	int choice = parameter_choose(p, "FULL", "HDRS");

	if (mail->ret != SMTP_RET_NONE || choice < 0)
		return E_PARSE;
	mail->ret = (enum smtp_ret)choice;
	return 0;
}

static int mail_set_smtputf8(struct smtp_mail *mail, const struct parameter *p)
{
	if (mail->smtputf8 || p->has_value)
		return E_PARSE;
	mail->smtputf8 = true;
	return 0;
}

static int mail_set_envid(struct smtp_mail *mail, const struct parameter *p)
{
	if (mail->envid.len != 0 || p->value.len > 100 || !xtext_is_right(p->value) ||
		!span_is_ascii(p->value))
		return E_PARSE;
	mail->envid = p->value;
	return 0;
}

static const struct mail_row {
	const char *name;
	enum smtp_keyword needs;
	int (*set)(struct smtp_mail *mail, const struct parameter *p);
} mail_rows[] = {
	{"SIZE", SMTP_SIZE, mail_set_size},
	{"BODY", SMTP_8BITMIME, mail_set_body},
	{"SMTPUTF8", SMTP_SMTPUTF8, mail_set_smtputf8},
	{"RET", SMTP_DSN, mail_set_ret},
	{"ENVID", SMTP_DSN, mail_set_envid},
};

static int mail_set(struct smtp_mail *mail, const struct parameter *p, unsigned offered)
{
	for (size_t i = 0; i < COUNTOF(mail_rows); i++)
		if (parameter_is(p, mail_rows[i].name) && (offered & mail_rows[i].needs) != 0)
			return mail_rows[i].set(mail, p);
	return E_ABSENT;
}

int smtp_mail_parse(struct span params, unsigned offered, const struct smtp_limits *limits,
	struct smtp_mail *ret_mail)
{
	struct smtp_mail mail = {0};
	struct span rest = params;
	struct parameter p;
	int r = path_cut(&rest, "FROM:", limits, &mail.path);

	while (r >= 0 && (r = parameter_next(&rest, &p)) == 1)
		r = mail_set(&mail, &p, offered);
	if (r < 0)
		return r;
	if (mail.path.is_utf8 && (offered & SMTP_SMTPUTF8) == 0)
		return E_RANGE;
	*ret_mail = mail;
	return 0;
}

static bool notify_is_right(struct span value)
{
	if (span_equal_nocase(value, span_text("NEVER")))
		return true;
	while (value.len != 0) {
		bool more = span_find(value, ',') != value.len;
		struct span word = span_split(&value, ',');

		if (!span_equal_nocase(word, span_text("SUCCESS")) &&
			!span_equal_nocase(word, span_text("FAILURE")) &&
			!span_equal_nocase(word, span_text("DELAY")))
			return false;
		if (more && value.len == 0)
			return false;
	}
	return true;
}

/* "rfc822;joe+2Bx@example.org" (RFC 3461 section 4.2); "utf-8;" with the address in ASCII or, where
 * SMTPUTF8 was offered, as it is (RFC 6533 section 3). */
static bool orcpt_is_right(struct span value, unsigned offered)
{
	struct span rest = value, type = span_split(&rest, ';');

	return type.len != 0 && span_is_word(type, "-") && value.len <= 500 &&
	       xtext_is_right(rest) &&
	       (span_is_ascii(rest) || ((offered & SMTP_SMTPUTF8) != 0 && utf8_is_valid(rest)));
}

static int rcpt_set(struct smtp_rcpt *rcpt, const struct parameter *p, unsigned offered)
{
	if ((offered & SMTP_DSN) == 0)
		return E_ABSENT;
	if (parameter_is(p, "NOTIFY")) {
		if (rcpt->notify.len != 0 || p->value.len == 0 || !notify_is_right(p->value))
			return E_PARSE;
		rcpt->notify = p->value;
		return 0;
	}
	if (parameter_is(p, "ORCPT")) {
		if (rcpt->orcpt.len != 0 || !orcpt_is_right(p->value, offered))
			return E_PARSE;
		rcpt->orcpt = p->value;
		return 0;
	}
	return E_ABSENT;
}

int smtp_rcpt_parse(struct span params, unsigned offered, const struct smtp_limits *limits,
	struct smtp_rcpt *ret_rcpt)
{
	struct smtp_rcpt rcpt = {0};
	struct span rest = params;
	struct parameter p;
	int r = path_cut(&rest, "TO:", limits, &rcpt.path);

	if (r == 0 && rcpt.path.mailbox.len == 0)
		r = E_PARSE;
	while (r >= 0 && (r = parameter_next(&rest, &p)) == 1)
		r = rcpt_set(&rcpt, &p, offered);
	if (r < 0)
		return r;
	if (rcpt.path.is_utf8 && (offered & SMTP_SMTPUTF8) == 0)
		return E_RANGE;
	*ret_rcpt = rcpt;
	return 0;
}

/* ---- out again ---- */

static void print_parameter(struct buf *out, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_append_text(out, name);
	buf_append(out, value);
}

void smtp_literal_print(struct ip ip, struct buf *out)
{
	char text[IP_TEXT_SIZE];

	buf_append_format(out, "[%s%s]", ip_is_v4(ip) ? "" : "IPv6:", ip_print(ip, text));
}

unsigned smtp_mail_keywords(const struct smtp_mail *mail)
{
	unsigned keywords = 0;

	if (mail->has_size)
		keywords |= SMTP_SIZE;
	if (mail->body == SMTP_BODY_8BITMIME)
		keywords |= SMTP_8BITMIME;
	if (mail->smtputf8)
		keywords |= SMTP_SMTPUTF8;
	if (mail->ret != SMTP_RET_NONE || mail->envid.len != 0)
		keywords |= SMTP_DSN;
	return keywords;
}

unsigned smtp_rcpt_keywords(const struct smtp_rcpt *rcpt)
{
	return rcpt->notify.len != 0 || rcpt->orcpt.len != 0 ? SMTP_DSN : 0;
}

void smtp_mail_print(const struct smtp_mail *mail, unsigned offered, struct buf *out)
{
	buf_append_text(out, "MAIL FROM:<");
	buf_append(out, mail->path.mailbox);
	buf_append_byte(out, '>');
	if (mail->has_size && (offered & SMTP_SIZE) != 0)
		buf_append_format(out, " SIZE=%llu", (unsigned long long)mail->size);
	if (mail->body != SMTP_BODY_NONE && (offered & SMTP_8BITMIME) != 0)
		buf_append_text(
			out, mail->body == SMTP_BODY_7BIT ? " BODY=7BIT" : " BODY=8BITMIME");
	if (mail->smtputf8 && (offered & SMTP_SMTPUTF8) != 0)
		buf_append_text(out, " SMTPUTF8");
	if ((offered & SMTP_DSN) == 0)
		return;
	if (mail->ret != SMTP_RET_NONE)
		buf_append_text(out, mail->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
	print_parameter(out, " ENVID=", mail->envid);
}

void smtp_rcpt_print(const struct smtp_rcpt *rcpt, unsigned offered, struct buf *out)
{
	buf_append_text(out, "RCPT TO:<");
	buf_append(out, rcpt->path.mailbox);
	buf_append_byte(out, '>');
	if ((offered & SMTP_DSN) == 0)
		return;
	print_parameter(out, " NOTIFY=", rcpt->notify);
	print_parameter(out, " ORCPT=", rcpt->orcpt);
}
