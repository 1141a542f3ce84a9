/* SPDX-License-Identifier: ISC */
#pragma once
/* A configuration of three lists and two policies, as values: what page and model tests share. */
#include "base/macro.h"
#include "conf/conf.h"
#include "list/incident.h"

static const struct conf_policy site_policies[] = {
	{.name = "trap-hits",
		.version = 3,
		.text = "Mail to two or more of our <spam traps> within a day.",
		.lasts_s = 86400},
	{.name = "by-hand",
		.version = 1,
		.text = "Entered by a named operator with a written reason.",
		.takes_operator = true,
		.review_every_s = 90 * 86400},
};

static const struct conf_sublist site_main[] = {
	{.name = "traps",
		.code.b = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 2},
		.policy = "trap-hits"},
	{.name = "manual", .code.b = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 8}, .policy = "by-hand"},
};

static const struct conf_sublist site_names[] = {
	{.name = "manual", .code.b = {[10] = 0xff, [11] = 0xff, 127, 0, 1, 2}, .policy = "by-hand"},
};

static const struct conf_list site_lists[] = {
	{.name = "main",
		.zone = "bl.example.org",
		.sublists_len = COUNTOF(site_main),
		.sublists = site_main},
	{.name = "names",
		.zone = "dbl.example.org",
		.holds = LIST_OF_DOMAINS,
		.sublists_len = COUNTOF(site_names),
		.sublists = site_names},
	{.name = "allow", .sublists_len = COUNTOF(site_names), .sublists = site_names},
};

static const char *const site_domains[] = {"example.org"};

static const struct conf site_conf = {.hostname = "mx1.example.org",
	.contact = "postmaster@example.org",
	.portal_url = "https://mail.example.org/why",
	.own_domains_len = 1,
	.own_domains = site_domains,
	.policies_len = COUNTOF(site_policies),
	.policies = site_policies,
	.lists_len = COUNTOF(site_lists),
	.lists = site_lists};
