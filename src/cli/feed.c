/* SPDX-License-Identifier: ISC */
/* `feed list`, `feed purge`, `feed accept`: the lists of other operators. */
#include <inttypes.h>

#include "base/macro.h"
#include "cli/keeper_client.h"
#include "cli/list_target.h"

static json_t *feed_json(const struct bus_feed_status *feed)
{
	return json_pack("{s:s, s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "feed", feed->name,
		"list", feed->list[0] != '\0' ? json_string(feed->list) : json_null(), "state",
		feed->state, "serial", (json_int_t)feed->serial, "entries",
		(json_int_t)feed->entries, "success", output_json_time(feed->success_s), "changed",
		output_json_time(feed->changed_s), "error",
		feed->error[0] != '\0' ? output_json_text(feed->error) : json_null(), "error-since",
		output_json_time(feed->error_s));
}

static void feed_add_row(
	const struct cli *cli, struct table *table, const struct bus_feed_status *feed)
{
	bool failed = feed->error[0] != '\0';
	const char *const cells[] = {feed->name,
		feed->list[0] != '\0' ? feed->list : "(not configured)", feed->state,
		arena_format(cli->arena, "%" PRIu32, feed->serial),
		arena_format(cli->arena, "%" PRIu64, feed->entries),
		output_time(cli, feed->success_s), failed ? feed->error : "-"};

	table_add_row(table, COUNTOF(cells), cells);
	table_color(table, COUNTOF(cells) - 1, failed ? "red" : "reset");
}

int verb_feed_list(struct cli *cli)
{
	struct bus_query query = {.what = BUS_QUERY_FEEDS};
	AUTO(bus_answer) *answer = NULL;
	int code = cli_parse(cli, NULL, 0, 0);

	if (code == 0)
		code = keeper_query(cli, &query, &answer);
	if (code != 0)
		return code;
	if (cli->json) {
		json_t *feeds = json_array();

		for (size_t i = 0; i < answer->feeds_len; i++)
			json_array_append_new(feeds, feed_json(&answer->feeds[i]));
		output_json(json_pack("{s:o}", "feeds", feeds));
	} else {
		AUTO(table) *table = table_new(cli);

		table_add_columns(
			cli, table, "FEED|LIST|STATE|SERIAL>|ENTRIES>|LAST SUCCESS@|ERROR");
		for (size_t i = 0; i < answer->feeds_len; i++)
			feed_add_row(cli, table, &answer->feeds[i]);
		table_print(table);
	}
	return 0;
}

static int feed_order(struct cli *cli, struct bus_command command)
{
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &command.reason},
		{0},
	};
	int code = cli_parse(cli, options, 1, 1);

	if (code == 0)
		code = cli_check_reason(cli, command.reason);
	if (code != 0)
		return code;
	command.feed = cli->operands[0];
	return keeper_change_print(cli, &command);
}

int verb_feed_purge(struct cli *cli)
{
	return feed_order(cli, (struct bus_command){.what = BUS_COMMAND_FEED_PURGE});
}

int verb_feed_accept(struct cli *cli)
{
	return feed_order(cli, (struct bus_command){.what = BUS_COMMAND_FEED_ACCEPT});
}
