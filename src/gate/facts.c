/* SPDX-License-Identifier: ISC */
#include "gate/facts.h"

#include "base/hostname.h"
#include "gate/helo.h"

bool facts_is_over(int64_t until_s, int64_t now_s)
{
	return until_s != 0 && until_s <= now_s;
}

int action_strength(enum action action)
{
	static const int strengths[] = {[ACTION_OFF] = 0,
		[ACTION_ALLOW] = 1,
		[ACTION_SCORE] = 2,
		[ACTION_TAG] = 3,
		[ACTION_DEFER] = 4,
		[ACTION_GREYLIST] = 4,
		[ACTION_REJECT] = 5};

	return strengths[action];
}

struct span facts_spf_domain(const struct facts *facts)
{
	return facts->sender.len != 0 ? facts_mailbox_domain(facts->sender) : facts->helo;
}

struct span facts_mailbox_domain(struct span mailbox)
{
	for (size_t i = mailbox.len; i > 0; i--)
		if (mailbox.ptr[i - 1] == '@')
			return span_from(mailbox, i);
	return span_of(mailbox.ptr, 0);
}

bool facts_ip_is_own(const struct conf *conf, struct ip client)
{
	for (size_t i = 0; i < conf->own_networks_len; i++)
		if (prefix_has(conf->own_networks[i], client))
			return true;
	return false;
}

bool facts_domain_is_own(const struct conf *conf, struct span domain)
{
	for (size_t i = 0; i < conf->own_domains_len; i++)
		if (hostname_covers(conf->own_domains[i], domain))
			return true;
	return false;
}

static bool local_part_is_reachable(struct span local)
{
	return span_equal_nocase(local, span_text("postmaster")) ||
	       span_equal_nocase(local, span_text("abuse"));
}

static bool domain_is_server(struct span domain, struct ip server)
{
	struct ip ip;

	return helo_parse(domain, &ip) == HELO_LITERAL && ip_equal(ip, server);
}

void facts_set_recipient(struct facts *facts, const struct conf *conf, struct span recipient)
{
	struct span domain = facts_mailbox_domain(recipient);
	struct span local = span_first(
		recipient, domain.len != 0 ? recipient.len - domain.len - 1 : recipient.len);
	char text[DOMAIN_SIZE];
	struct span folded;

	facts->recipient = recipient;
	facts->recipient_domain = domain;
	/* "RCPT TO:<postmaster>" needs no domain (RFC 5321 section 4.1.1.3) */
	facts->recipient_is_own =
		span_equal_nocase(recipient, span_text("postmaster")) ||
		domain_is_server(domain, facts->server) ||
		(domain_fold(domain, text, &folded) && facts_domain_is_own(conf, folded));
	facts->recipient_is_reachable =
		facts->recipient_is_own &&
		(local_part_is_reachable(local) ||
			(conf->contact != NULL &&
				span_equal_nocase(recipient, span_text(conf->contact))));
}
