/* SPDX-License-Identifier: ISC */
#pragma once
/* A configuration and facts for tests of the decision: a site in enforce mode, and a client that
 * nothing is wrong with. */
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "catalogue/catalogue.h"
#include "gate/verdict.h"

enum { SAMPLE_DNSBLS = 3 };

struct sample {
	struct conf conf;
	struct conf_check checks[CHECK_COUNT];
	struct conf_dnsbl dnsbls[SAMPLE_DNSBLS];
	struct conf_list lists[3];
	struct conf_sublist sublists[1];
	struct prefix networks[1];
	struct facts facts;
	struct verdict verdict;
	struct buf reply;
};

static inline struct ip sample_ip(const char *text)
{
	struct ip ip = {0};

	assert_int_equal(ip_parse(span_text(text), &ip), 0);
	return ip;
}

static inline void sample_init(struct sample *s)
{
	static const char *const domains[] = {"example.net"};
	static const struct conf_check defaults[] = {
#define CHECK(id, name, action_, weight_, title, meaning, remedy) \
	{.key = name, .action = action_, .weight = weight_},
#include "catalogue/checks.def"
#undef CHECK
	};

	memset(s, 0, sizeof(*s));
	memcpy(s->checks, defaults, sizeof(s->checks));
	s->sublists[0] = (struct conf_sublist){.name = "manual", .policy = "by-hand"};
	s->lists[0] = (struct conf_list){.name = "main",
		.holds = LIST_OF_ADDRESSES,
		.action = ACTION_REJECT,
		.sublists_len = 1,
		.sublists = s->sublists};
	s->lists[1] = (struct conf_list){.name = "names",
		.holds = LIST_OF_DOMAINS,
		.action = ACTION_REJECT,
		.sublists_len = 1,
		.sublists = s->sublists};
	s->lists[2] = (struct conf_list){.name = "allow"};
	s->dnsbls[0] = (struct conf_dnsbl){.zone = "k3y.bl.demo.test",
		.name = "Demo",
		.url = "https://demo.test/?ip=$ip&x",
		.action = ACTION_REJECT};
	s->dnsbls[1] = (struct conf_dnsbl){
		.zone = "bl.other.test", .name = "Other", .action = ACTION_SCORE, .weight = 4};
	s->dnsbls[2] = (struct conf_dnsbl){
		.zone = "wl.other.test", .name = "Good", .action = ACTION_ALLOW};
	assert_int_equal(prefix_parse(span_text("10.0.0.0/8"), &s->networks[0], NULL), 0);
	s->conf = (struct conf){.hostname = "mx.example.net",
		.contact = "help@example.net",
		.portal_url = "https://mail.example.net/why",
		.has_mode = true,
		.mode = MODE_ENFORCE,
		.own_domains_len = 1,
		.own_domains = domains,
		.own_networks_len = 1,
		.own_networks = s->networks,
		.fail_open = true,
		.checks_len = CHECK_COUNT,
		.checks = s->checks,
		.score_tag_at = 4,
		.score_reject_at = 8,
		.dnsbls_len = SAMPLE_DNSBLS,
		.dnsbls = s->dnsbls,
		.lists_len = 3,
		.lists = s->lists};
	s->facts = (struct facts){.client = sample_ip("192.0.2.7"),
		.lists_known = true,
		.allowed = FACT_NO,
		.ptr = FACT_YES,
		.ptr_name = span_text("mail.good.test"),
		.confirmed = FACT_YES,
		.confirmed_name = span_text("mail.good.test"),
		.dnsbls_len = SAMPLE_DNSBLS,
		.helo = span_text("mail.good.test"),
		.sender = span_text("a@good.test")};
	for (size_t i = 0; i < SAMPLE_DNSBLS; i++)
		s->facts.dnsbls[i] = (struct dnsbl_fact){.asked = true, .state = FACT_NO};
	facts_set_recipient(&s->facts, &s->conf, span_text("b@example.net"));
	buf_init(&s->reply, 0);
}

static inline void sample_done(struct sample *s)
{
	buf_done(&s->reply);
}

static inline void sample_list(struct sample *s, size_t list, const char *reason, int64_t until_s)
{
	s->facts.list_hits[s->facts.list_hits_len++] = (struct list_fact){.list = &s->lists[list],
		.sublist = s->sublists,
		.until_s = until_s,
		.reason = span_text(reason),
		.domain = s->lists[list].holds == LIST_OF_DOMAINS ? span_text("bad.test")
								  : (struct span){0}};
}

static inline void sample_dnsbl(struct sample *s, size_t i)
{
	s->facts.dnsbls[i].state = FACT_YES;
	s->facts.dnsbls[i].hit = (struct dnsbl_hit){{127, 0, 0, 2}, s->dnsbls[i].weight};
}

static inline const struct check_result *sample_result(const struct sample *s, enum check_id check)
{
	for (size_t i = 0; i < s->verdict.results_len; i++)
		if (s->verdict.results[i].check == check)
			return &s->verdict.results[i];
	fail_msg("no result for %s", check_words_get(check)->key);
	return NULL;
}
