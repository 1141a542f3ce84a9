/* SPDX-License-Identifier: ISC */
#include "policy/listing_rule.h"

#include <string.h>

#include "base/hostname.h"
#include "base/macro.h"
#include "base/public_suffix.h"

enum {
	WIDEST_V4_BITS = IP_V4_BITS + 8, /* /0 to /7 are never meant */
	WIDEST_V6_BITS = 16,
};

static const struct conf_policy *policy_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->policies_len; i++) {
		if (strcmp(conf->policies[i].name, name) == 0)
			return &conf->policies[i];
	}
	return NULL;
}

/* Fills the placement when the sublist takes operators' entries. */
static bool placement_try(const struct conf *conf, const struct conf_list *list,
	const struct conf_sublist *sublist, struct placement *ret_placement)
{
	const struct conf_policy *policy = policy_find(conf, sublist->policy);

	if (policy == NULL || !policy->takes_operator)
		return false;
	*ret_placement = (struct placement){list, sublist, policy};
	return true;
}

int rule_place(const struct conf *conf, const struct placement_name *name,
	struct placement *ret_placement, struct fault *why)
{
	const struct conf_list *list = conf_list_find(conf, name->list);
	struct span sublist = name->sublist;

	if (list == NULL)
		return fault_set(why, E_ABSENT, "there is no list '%.*s' in the configuration",
			(int)name->list.len, (const char *)name->list.ptr);
	for (size_t i = 0; i < list->sublists_len; i++) {
		const struct conf_sublist *candidate = &list->sublists[i];

		if (sublist.len != 0 && !span_equal_text(sublist, candidate->name))
			continue;
		if (placement_try(conf, list, candidate, ret_placement))
			return 0;
		if (sublist.len != 0)
			return fault_set(why, E_DENIED,
				"policy '%s' of sublist '%s' takes no entries by hand (RFC 6471, "
				"section 2.1: nothing is listed but by the published criterion)",
				candidate->policy, candidate->name);
	}
	if (sublist.len != 0)
		return fault_set(why, E_ABSENT, "list '%s' has no sublist '%.*s'", list->name,
			(int)sublist.len, (const char *)sublist.ptr);
	return fault_set(why, E_DENIED,
		"no sublist of '%s' has a policy that takes entries by hand", list->name);
}

/* An IPv6 network, ::/0 included, holds no IPv4 address. */
static bool nets_meet(struct prefix a, struct prefix b)
{
	return prefix_is_v4(a) == prefix_is_v4(b) && (prefix_covers(a, b) || prefix_covers(b, a));
}

static int net_may_be_listed(
	const struct conf *conf, const struct rule_entry *entry, struct fault *why)
{
	const struct conf_list *list = entry->list;
	struct prefix net = entry->source->net;
	bool v4 = prefix_is_v4(net);
	char text[PREFIX_TEXT_SIZE];

	if (net.bits < (v4 ? WIDEST_V4_BITS : WIDEST_V6_BITS))
		return fault_set(why, E_PROTECTED,
			"'%s' is far too wide: nothing wider than %s is listed",
			prefix_print(net, text), v4 ? "/8" : "/16");
	if (list->never_special_use && prefix_is_special_use(net, false))
		return fault_set(why, E_PROTECTED,
			"'%s' is or holds a special-use network (RFC 6890), which is never listed",
			prefix_print(net, text));
	for (size_t i = 0; list->never_own && i < conf->own_networks_len; i++) {
		char own[PREFIX_TEXT_SIZE];

		if (nets_meet(conf->own_networks[i], net))
			return fault_set(why, E_PROTECTED,
				"'%s' is or holds our own network %s, which is never listed",
				prefix_print(net, text), prefix_print(conf->own_networks[i], own));
	}
	return 0;
}

/* Is one the other, or does one hold the other by its leading dot? */
static bool domains_meet(const char *listed, const char *own)
{
	return hostname_covers(listed, span_text(own[0] == '.' ? own + 1 : own)) ||
	       hostname_covers(own, span_text(listed[0] == '.' ? listed + 1 : listed));
}

static int domain_may_be_listed(const struct conf *conf, const struct conf_list *list,
	const char *domain, struct fault *why)
{
	if (public_suffix_is(span_text(domain[0] == '.' ? domain + 1 : domain)))
		return fault_set(why, E_PROTECTED,
			"'%s' is a public suffix, below which anybody registers domains: never listed",
			domain);
	for (size_t i = 0; list->never_own && i < conf->own_domains_len; i++) {
		if (domains_meet(domain, conf->own_domains[i]))
			return fault_set(why, E_PROTECTED,
				"'%s' is or holds our own domain '%s', which is never listed",
				domain, conf->own_domains[i]);
	}
	return 0;
}

int rule_may_list(const struct conf *conf, const struct rule_entry *entry, struct fault *why)
{
	const struct conf_list *list = entry->list;
	bool allow = strcmp(list->name, "allow") == 0;
	bool domain = entry->source->kind == SOURCE_DOMAIN;
	char text[SOURCE_TEXT_SIZE];

	if (!allow && domain != (list->holds == LIST_OF_DOMAINS))
		return fault_set(why, E_USAGE, "list '%s' holds %s, and '%s' is not one of them",
			list->name, list->holds == LIST_OF_DOMAINS ? "domains" : "addresses",
			source_print(entry->source, text));
	if (allow || entry->excluded)
		return 0;
	return domain ? domain_may_be_listed(conf, list, entry->source->domain, why)
		      : net_may_be_listed(conf, entry, why);
}

int64_t rule_until(
	const struct conf_policy *policy, int64_t asked_s, int64_t now_s, struct fault *why)
{
	if (asked_s < 0 || (asked_s != 0 && asked_s <= now_s))
		return fault_set(why, E_RANGE, "the end of the listing is in the past");
	return asked_s == 0 && policy->lasts_s != 0 ? now_s + policy->lasts_s : asked_s;
}

int64_t rule_review_s(const struct conf_policy *policy, int64_t now_s)
{
	return policy->takes_feed ? INT64_MIN : now_s - policy->review_every_s;
}
