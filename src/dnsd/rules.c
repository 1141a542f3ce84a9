/* SPDX-License-Identifier: ISC */
#include "dnsd/rules.h"

#include "base/macro.h"
#include "base/mem.h"
#include "conf/tsig_keys.h"
#include "dnsd/guard_load.h"
#include "list/view.h"

int dns_rules_new(const struct conf *conf, struct transfer_state *transfers,
	struct dns_rules **ret_rules, struct fault *why)
{
	AUTO(dns_rules) *rules = mem_new(dns_rules);
	AUTO(keys) *keys = NULL;
	int r = transfers != NULL ? keys_read(conf, &keys, why) : 0;

	if (r == 0)
		r = zone_table_new(conf, &rules->table, why);
	if (r == 0)
		r = guard_load(conf, rules->table, &rules->guard, why);
	if (r < 0)
		return r;
	if (transfers != NULL)
		rules->transfers = transfer_rules_new(conf, keys->items, transfers);
	*ret_rules = TAKE(rules);
	return 0;
}

void dns_rules_free(struct dns_rules **rules)
{
	struct dns_rules *r = *rules;

	if (r == NULL)
		return;
	transfer_rules_free(&r->transfers);
	guard_free(&r->guard);
	zone_table_free(&r->table);
	mem_free(r);
	*rules = NULL;
}

static void release_rules(void *object)
{
	struct dns_rules *rules = object;

	dns_rules_free(&rules);
}

void dns_shelves_init(struct dns_shelves *shelves)
{
	shelves->rules = shelf_new(release_rules);
	shelves->views = view_shelf_new();
}

void dns_shelves_done(struct dns_shelves *shelves)
{
	shelf_free(&shelves->rules);
	shelf_free(&shelves->views);
}
