/* SPDX-License-Identifier: ISC */
/* The verbs that change lists by hand: list add, list rm, allow, delist, undo. Each is one event
 * with author and reason. */

#include "base/clock.h"
#include "bus/frame.h"
#include "cli/keeper_client.h"
#include "cli/list_target.h"

struct addition {
	struct list_target target;
	int64_t for_ms;
	bool excluded;
};

/* Asked about, once. */
static int confirm_slips(struct cli *cli, const struct source *sources)
{
	for (size_t i = 0; i < cli->operands_len; i++) {
		const char *slip = source_is_slip(&sources[i]);
		char text[SOURCE_TEXT_SIZE];

		if (!cli->dry_run && slip != NULL)
			return cli_confirm(cli, "%s %s", source_print(&sources[i], text), slip)
				       ? 0
				       : EXIT_USAGE;
	}
	return 0;
}

static int kinds_check(struct cli *cli, const struct conf_list *list, const struct source *sources)
{
	for (size_t i = 0; i < cli->operands_len; i++) {
		char text[SOURCE_TEXT_SIZE];

		if (!list_holds(list, sources[i].kind))
			return cli_fail(cli, E_PARSE,
				"the list '%s' holds %s, and '%s' is not one of them", list->name,
				list->holds == LIST_OF_DOMAINS ? "domains" : "addresses",
				source_print(&sources[i], text));
	}
	return 0;
}

static int addition_send(
	struct cli *cli, const struct addition *addition, const struct source *sources)
{
	const struct list_target *target = &addition->target;
	struct bus_command command = {.what = BUS_COMMAND_ADD,
		.reason = target->reason,
		.sources = {target->list->name, target->sublist, sources, cli->operands_len},
		.add.excluded = addition->excluded};

	if (addition->for_ms != 0)
		command.add.until_s = clock_now_s() + addition->for_ms / 1000;
	return keeper_change_print(cli, &command);
}

/* `list add` and `allow`: the second is an addition to the list of that name. */
static int add_verb(struct cli *cli, struct addition *addition)
{
	struct list_target *target = &addition->target;
	struct source *sources = NULL;
	int code = cli_check_reason(cli, target->reason);

	if (code == 0)
		code = cli_conf(cli);
	if (code == 0)
		code = sources_parse(cli, &sources);
	if (code == 0)
		code = list_target_find(cli, target, sources[0].kind);
	if (code == 0)
		code = kinds_check(cli, target->list, sources);
	if (code == 0)
		code = confirm_slips(cli, sources);
	return code != 0 ? code : addition_send(cli, addition, sources);
}

int verb_list_add(struct cli *cli)
{
	struct addition addition = {0};
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &addition.target.name},
		{"--sublist", OPTION_TEXT, &addition.target.sublist},
		{"--reason", OPTION_TEXT, &addition.target.reason},
		{"--for", OPTION_DURATION, &addition.for_ms},
		{"--except", OPTION_FLAG, &addition.excluded},
		{0},
	};
	int code = cli_parse(cli, options, 1, MESSAGE_SOURCES_MAX);

	return code != 0 ? code : add_verb(cli, &addition);
}

int verb_allow(struct cli *cli)
{
	struct addition addition = {.target.name = "allow"};
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &addition.target.reason},
		{"--for", OPTION_DURATION, &addition.for_ms},
		{0},
	};
	int code = cli_parse(cli, options, 1, MESSAGE_SOURCES_MAX);

	return code != 0 ? code : add_verb(cli, &addition);
}

/* Without a list: from every list but the allow list. */
static int removal_send(struct cli *cli, const struct list_target *target)
{
	struct source *sources = NULL;
	int code = sources_parse(cli, &sources);
	struct bus_command command = {.what = BUS_COMMAND_REMOVE,
		.reason = target->reason,
		.sources = {target->list != NULL ? target->list->name : NULL, target->sublist,
			sources, cli->operands_len}};

	return code != 0 ? code : keeper_change_print(cli, &command);
}

int verb_list_rm(struct cli *cli)
{
	struct list_target target = {0};
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &target.name},
		{"--sublist", OPTION_TEXT, &target.sublist},
		{"--reason", OPTION_TEXT, &target.reason},
		{0},
	};
	int code = cli_parse(cli, options, 1, MESSAGE_SOURCES_MAX);

	if (code == 0)
		code = cli_check_reason(cli, target.reason);
	if (code == 0 && target.name == NULL)
		code = cli_usage(
			cli, "say which list: --list NAME (`stockade delist` is for all of them)");
	if (code == 0)
		code = cli_conf(cli);
	if (code == 0)
		code = list_target_find(cli, &target, SOURCE_NET);
	return code != 0 ? code : removal_send(cli, &target);
}

int verb_delist(struct cli *cli)
{
	struct list_target target = {0};
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &target.reason},
		{0},
	};
	int code = cli_parse(cli, options, 1, MESSAGE_SOURCES_MAX);

	if (code == 0)
		code = cli_check_reason(cli, target.reason);
	return code != 0 ? code : removal_send(cli, &target);
}

int verb_undo(struct cli *cli)
{
	struct bus_command command = {.what = BUS_COMMAND_UNDO};
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &command.reason},
		{0},
	};
	int code = cli_parse(cli, options, 1, 1);

	if (code != 0)
		return code;
	if (span_parse_u64(span_text(cli->operands[0]), INT64_MAX, &command.undo) < 0 ||
		command.undo == 0)
		return cli_usage(cli,
			"'%s' is not the number of an event (`stockade history` shows them)",
			cli->operands[0]);
	code = cli_check_reason(cli, command.reason);
	return code != 0 ? code : keeper_change_print(cli, &command);
}
