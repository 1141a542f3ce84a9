/* SPDX-License-Identifier: ISC */
#include "smtpd/probe_dialogue.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "gate/facts.h"

enum probe_step { PROBE_OPENING, PROBE_MAIL, PROBE_RCPT, PROBE_CONTROL, PROBE_QUIT };

struct probe_dialogue {
	uint32_t magic;
	struct backend_target target;
	struct backend *backend;
	enum probe_step step;
	bool was_policy; /* the foreign recipient was refused with 5.7.1 */
	char reply[SMTP_REPLY_TEXT_SIZE + 64];
	relay_probe_call *done;
	void *arg;
};

/* A domain that exists, is nobody's (RFC 2606) and not ours. */
static const char *probe_domain(const struct conf *conf)
{
	static const char *const domains[] = {"example.com", "example.net", "example.org"};

	for (size_t i = 0; i < COUNTOF(domains); i++) {
		if (!facts_domain_is_own(conf, span_text(domains[i])))
			return domains[i];
	}
	return "relay-probe.invalid";
}

/* The first of own.domains that is a name; NULL: there is none. */
static const char *probe_own_domain(const struct conf *conf)
{
	for (size_t i = 0; i < conf->own_domains_len; i++) {
		if (conf->own_domains[i][0] != '.')
			return conf->own_domains[i];
	}
	return NULL;
}

/* ---- what a reply says ---- */

/* "relay", "Relaying", "relayed.", and no name of a host or mailbox. */
static bool word_is_relay(struct span word)
{
	return span_has_prefix_nocase(word, "relay") && span_find(word, '-') == word.len &&
	       span_find(word, '@') == word.len && span_find(word, '.') + 1 >= word.len;
}

bool reply_denies_relaying(const struct smtp_reply *reply)
{
	struct span text = reply->text;

	while (text.len != 0) {
		struct span line = smtp_reply_line(&text);

		while (line.len != 0) {
			if (word_is_relay(span_split(&line, ' ')))
				return true;
		}
	}
	return false;
}

/* The code by which a policy refuses (RFC 3463 section 3.8), where qmail writes it, too. */
static bool reply_is_policy(const struct smtp_reply *reply)
{
	return span_equal_text(smtp_reply_enhanced(reply), "5.7.1") ||
	       span_find_text(reply->text, "#5.7.1") < reply->text.len;
}

/* That the foreign domain takes no mail (RFC 7504, RFC 7505) says nothing about relaying. */
static bool reply_is_about_domain(const struct smtp_reply *reply)
{
	struct span enhanced = smtp_reply_enhanced(reply);

	return reply->code == 556 || span_equal_text(enhanced, "5.1.2") ||
	       span_equal_text(enhanced, "5.1.10");
}

/* ---- the dialogue ---- */

static void probe_end(struct probe_dialogue *d, enum relay_probe_result result)
{
	bool is_ready = backend_is_ready(d->backend);
	struct smtp_offer offer = *backend_offer(d->backend);

	if (d->step == PROBE_QUIT)
		backend_close(&d->backend);
	else
		backend_quit(&d->backend);
	d->done(
		&(struct relay_probe_report){
			.result = result, .offer = is_ready ? &offer : NULL, .reply = d->reply},
		d->arg);
}

static void probe_ask(struct probe_dialogue *d, enum probe_step step, const char *command)
{
	d->step = step;
	buf_append_text(backend_out(d->backend), command);
	backend_send(d->backend, d->target.limits->backend_command_ms);
}

static void probe_ask_recipient(
	struct probe_dialogue *d, enum probe_step step, const char *name, const char *domain)
{
	char command[300];

	snprintf(command, sizeof(command), "RCPT TO:<%s@%.200s>\r\n", name, domain);
	probe_ask(d, step, command);
}

static void probe_on_ready(struct backend *backend, void *arg)
{
	(void)backend;
	probe_ask(OBJ(probe_dialogue, arg), PROBE_MAIL, "MAIL FROM:<>\r\n");
}

/* 454 is a refusal that Postfix may give in place of 554 (defer_unauth_destination). */
static void probe_on_rcpt(struct probe_dialogue *d, const struct smtp_reply *reply)
{
	const char *domain = probe_own_domain(d->target.conf);
	bool refuses = smtp_reply_class(reply) == 5 || reply->code == 454;

	if (reply_is_about_domain(reply)) {
		probe_end(d, PROBE_UNCLEAR);
		return;
	}
	if (smtp_reply_class(reply) == 2) {
		probe_ask(d, PROBE_QUIT, "QUIT\r\n");
	} else if (refuses && reply_denies_relaying(reply)) {
		probe_end(d, PROBE_SAFE);
	} else if (smtp_reply_class(reply) == 5 && domain != NULL) {
		d->was_policy = reply_is_policy(reply);
		probe_ask_recipient(d, PROBE_CONTROL, "postmaster", domain);
	} else {
		probe_end(d, PROBE_UNCLEAR);
	}
}

static void probe_on_control(struct probe_dialogue *d, const struct smtp_reply *reply)
{
	bool better = smtp_reply_class(reply) == 2 || (d->was_policy && !reply_is_policy(reply));

	probe_end(d, better ? PROBE_SAFE : PROBE_UNCLEAR);
}

static void probe_on_quit(struct probe_dialogue *d, const struct smtp_reply *reply)
{
	char words[SMTP_REPLY_TEXT_SIZE];

	if (reply->code == 221) {
		probe_end(d, PROBE_RELAYS);
		return;
	}
	snprintf(d->reply, sizeof(d->reply), "replies out of step: %s to QUIT",
		smtp_reply_show(reply, words));
	probe_end(d, PROBE_UNCLEAR);
}

/* What is kept for the log is the reply to the foreign recipient, or the one that came instead. */
static void probe_keep(struct probe_dialogue *d, const struct smtp_reply *reply)
{
	char words[SMTP_REPLY_TEXT_SIZE];

	snprintf(d->reply, sizeof(d->reply), "%s", smtp_reply_show(reply, words));
}

static void probe_on_reply(struct backend *backend, const struct smtp_reply *reply, void *arg)
{
	struct probe_dialogue *d = OBJ(probe_dialogue, arg);

	(void)backend;
	if (d->step == PROBE_MAIL || d->step == PROBE_RCPT)
		probe_keep(d, reply);
	if (reply->code == 421)
		probe_end(d, PROBE_AWAY);
	else if (d->step == PROBE_MAIL && smtp_reply_class(reply) == 2)
		probe_ask_recipient(
			d, PROBE_RCPT, "stockade-relay-probe", probe_domain(d->target.conf));
	else if (d->step == PROBE_RCPT)
		probe_on_rcpt(d, reply);
	else if (d->step == PROBE_CONTROL)
		probe_on_control(d, reply);
	else if (d->step == PROBE_QUIT)
		probe_on_quit(d, reply);
	else
		probe_end(d, PROBE_UNCLEAR);
}

static void probe_on_refused(struct backend *backend, const struct smtp_reply *reply, void *arg)
{
	struct probe_dialogue *d = OBJ(probe_dialogue, arg);

	(void)backend;
	probe_keep(d, reply);
	probe_end(d, PROBE_UNCLEAR);
}

/* Who took the recipient and then hangs up has taken it. */
static void probe_on_failed(struct backend *backend, int error, const char *what, void *arg)
{
	struct probe_dialogue *d = OBJ(probe_dialogue, arg);

	(void)backend;
	if (d->step == PROBE_QUIT) {
		probe_end(d, PROBE_RELAYS);
		return;
	}
	snprintf(d->reply, sizeof(d->reply), "%s: %s", what, err_text(error));
	probe_end(d, error == E_DENIED ? PROBE_UNCLEAR : PROBE_AWAY);
}

struct probe_dialogue *probe_dialogue_new(
	const struct backend_target *target, struct ip client, relay_probe_call *done, void *arg)
{
	static const struct backend_calls calls = {
		.ready = probe_on_ready,
		.reply = probe_on_reply,
		.refused = probe_on_refused,
		.failed = probe_on_failed,
	};
	struct probe_dialogue *d = mem_new(probe_dialogue);
	struct span hostname = span_text(target->conf->hostname);
	struct ip loopback;
	struct smtp_client as = {
		.source = {.ip = client, .port = 25125},
		.destination = {.port = 25},
		.name_state = SMTP_NAME_KNOWN,
		.name = hostname, /* one that resolves, as clients' names should */
		.reverse_state = SMTP_NAME_KNOWN,
		.reverse_name = hostname,
		.helo = hostname,
		.extended = true,
	};

	ASSERT(ip_parse(span_text(ip_is_v4(client) ? "127.0.0.1" : "::1"), &loopback) == 0);
	as.destination.ip = loopback;
	d->magic = (uint32_t)MAGIC_probe_dialogue;
	d->target = *target;
	d->target.conf = conf_ref(target->conf);
	d->done = done;
	d->arg = arg;
	d->backend = backend_open(&d->target, &as, &calls, d);
	return d;
}

void probe_dialogue_free(struct probe_dialogue **dialogue)
{
	struct probe_dialogue *d = *dialogue;

	if (d == NULL)
		return;
	backend_close(&d->backend);
	conf_unref(&d->target.conf);
	d->magic = 0;
	mem_free(d);
	*dialogue = NULL;
}
