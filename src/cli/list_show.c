/* SPDX-License-Identifier: ISC */
/* `list ls`: what the lists hold. JSON is one listing a line, as the keeper's pages come. */

#include "base/clock.h"
#include "base/macro.h"
#include "cli/keeper_client.h"
#include "cli/list_target.h"
#include "policy/listing_rule.h"

enum { SHOWN = 1000 };

struct listing_shower {
	struct cli *cli;
	struct table *table; /* NULL with --json */
	uint64_t left;       /* UINT64_MAX: no limit */
	bool review;         /* only what waits for it */
	int64_t now_s;
};

static bool listing_waits(const struct listing_shower *shower, const struct bus_listing *listing)
{
	struct placement placement;
	struct placement_name name = {span_text(listing->list), span_text(listing->sublist)};

	return listing->until_s == 0 &&
	       rule_place(shower->cli->conf, &name, &placement, NULL) >= 0 &&
	       listing->since_s <= rule_review_s(placement.policy, shower->now_s);
}

enum { SHOW_CUT = -1 };

/* SHOW_CUT: the limit is reached and there is more. */
static int shower_take(const struct bus_listing *listing, void *arg)
{
	struct listing_shower *shower = arg;

	if (shower->review && !listing_waits(shower, listing))
		return 0;
	if (shower->left == 0)
		return SHOW_CUT;
	shower->left -= shower->left != UINT64_MAX;
	if (shower->table == NULL)
		output_json(listing_json(shower->cli, listing));
	else
		listing_add_row(shower->cli, shower->table, listing);
	return 0;
}

static int show_lists(struct listing_shower *shower, const struct conf_list *only)
{
	struct cli *cli = shower->cli;
	AUTO(table) *table = cli->json ? NULL : table_new(cli);
	int code = keeper_open(cli);
	bool cut = false;

	shower->table = table;
	if (table != NULL)
		listing_add_columns(cli, table);
	for (size_t i = 0; code == 0 && i < cli->conf->lists_len; i++) {
		if (only == NULL || only == &cli->conf->lists[i])
			code = keeper_walk_listings(
				cli, cli->conf->lists[i].name, shower_take, shower);
		cut |= code == SHOW_CUT;
		code = code == SHOW_CUT ? 0 : code;
	}
	if (code == 0 && table != NULL)
		table_print(table);
	if (cut)
		cli_remark(cli, "there is more: --limit N shows N lines, --limit 0 all");
	return code;
}

int verb_list_ls(struct cli *cli)
{
	struct list_target target = {0};
	uint64_t limit = UINT64_MAX;
	bool review = false;
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &target.name},
		{"--limit", OPTION_COUNT, &limit},
		{"--review", OPTION_FLAG, &review},
		{0},
	};
	int code = cli_parse(cli, options, 0, 1);

	if (code == 0 && cli->operands_len == 1 && target.name != NULL)
		code = cli_usage(cli, "name the list once");
	if (code == 0)
		code = cli_conf(cli);
	if (code == 0 && cli->operands_len == 1)
		target.name = cli->operands[0];
	if (code == 0 && target.name != NULL)
		code = list_target_find(cli, &target, SOURCE_NET);
	if (limit == UINT64_MAX)
		limit = cli->json ? 0 : SHOWN; /* a program wants all, a person a screen or two */
	return code != 0 ? code
			 : show_lists(&(struct listing_shower){.cli = cli,
					      .left = limit != 0 ? limit : UINT64_MAX,
					      .review = review,
					      .now_s = clock_now_s()},
				   target.list);
}
