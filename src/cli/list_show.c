/* SPDX-License-Identifier: ISC */
/* `list ls`: what the lists hold. The keeper gives pages; JSON is one listing a line, as they come. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "cli/list_change.h"

enum { PAGE = 1000, SHOWN = 1000 };

struct listing_shower {
	struct cli *cli;
	struct table *table; /* NULL with --json */
	uint64_t left;       /* UINT64_MAX: no limit */
};

static struct table *listings_table(const struct cli *cli)
{
	struct table *table = table_new(cli);

	listing_add_columns(cli, table);
	return table;
}

static void shower_add(struct listing_shower *shower, const struct bus_listing *listing)
{
	if (shower->table == NULL)
		output_json(listing_json(shower->cli, listing));
	else
		listing_add_row(shower->cli, shower->table, listing);
}

/* 1: the limit is reached and there is more. */
static int show_list(struct listing_shower *shower, const char *name, bool *ret_cut)
{
	struct bus_query query = {.what = BUS_QUERY_LISTINGS, .list = name, .limit = PAGE};
	bool more = true;

	while (more) {
		AUTO(bus_answer) *answer = NULL;
		int code = keeper_ask(shower->cli, &query, &answer);

		if (code != 0)
			return code;
		for (size_t i = 0; i < answer->listings_len; i++) {
			if (shower->left == 0) {
				*ret_cut = true;
				return 0;
			}
			shower->left -= shower->left != UINT64_MAX;
			shower_add(shower, &answer->listings[i]);
			query.after_id = answer->listings[i].id;
		}
		more = answer->more && answer->listings_len != 0;
	}
	return 0;
}

static int show_lists(struct cli *cli, const struct conf_list *only, uint64_t limit)
{
	AUTO(table) *table = cli->json ? NULL : listings_table(cli);
	struct listing_shower shower = {cli, table, limit != 0 ? limit : UINT64_MAX};
	bool cut = false;
	int code = keeper_open(cli);

	for (size_t i = 0; code == 0 && i < cli->conf->lists_len; i++) {
		if (only == NULL || only == &cli->conf->lists[i])
			code = show_list(&shower, cli->conf->lists[i].name, &cut);
	}
	if (code == 0 && table != NULL)
		table_print(table);
	if (cut)
		cli_remark(cli, "there is more: --limit N shows N lines, --limit 0 all");
	return code;
}

int verb_list_ls(struct cli *cli)
{
	const char *name = NULL;
	uint64_t limit = UINT64_MAX;
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &name},
		{"--limit", OPTION_COUNT, &limit},
		{0},
	};
	const struct conf_list *list = NULL;
	int code = cli_parse(cli, options, 0, 1);

	if (code == 0 && cli->operands_len == 1 && name != NULL)
		code = cli_usage(cli, "name the list once");
	if (code == 0)
		code = cli_conf(cli);
	if (code == 0 && cli->operands_len == 1)
		name = cli->operands[0];
	if (code == 0 && name != NULL)
		code = list_need(cli, name, SOURCE_NET, &list);
	if (limit == UINT64_MAX)
		limit = cli->json ? 0 : SHOWN; /* a program wants all, a person a screen or two */
	return code != 0 ? code : show_lists(cli, list, limit);
}
