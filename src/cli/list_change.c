/* SPDX-License-Identifier: ISC */
/* The verbs that change lists by hand: list add, list rm, allow, delist, undo. Each is one event with author and reason. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/suggest.h"
#include "cli/list_change.h"

enum { WIDE_V4_BITS = IP_V4_BITS + 16, WIDE_V6_BITS = 32 };

int list_need(
	struct cli *cli, const char *name, enum source_kind kind, const struct conf_list **ret_list)
{
	struct suggest meant;
	size_t count = 0;

	if (name != NULL) {
		*ret_list = conf_list_find(cli->conf, span_text(name));
		if (*ret_list != NULL)
			return 0;
		meant = (struct suggest){.word = span_text(name)};
		for (size_t i = 0; i < cli->conf->lists_len; i++)
			suggest_offer(&meant, span_text(cli->conf->lists[i].name));
		return cli_usage(cli, "there is no list '%s'%s", name, suggest_hint(&meant));
	}
	for (size_t i = 0; i + 1 < cli->conf->lists_len; i++) {
		const struct conf_list *list = &cli->conf->lists[i];

		if ((list->holds == LIST_OF_DOMAINS) == (kind == SOURCE_DOMAIN)) {
			*ret_list = list;
			count++;
		}
	}
	return count == 1 ? 0 : cli_usage(cli, "say which list: --list NAME");
}

bool list_holds(const struct conf_list *list, enum source_kind kind)
{
	return list->zone == NULL || (list->holds == LIST_OF_DOMAINS) == (kind == SOURCE_DOMAIN);
}

int sublist_check(struct cli *cli, const struct conf_list *list, const char *name)
{
	for (size_t i = 0; name != NULL && i < list->sublists_len; i++) {
		if (strcmp(list->sublists[i].name, name) == 0)
			return 0;
	}
	return name == NULL ? 0
			    : cli_usage(cli, "the list '%s' has no sublist '%s'", list->name, name);
}

int reason_check(struct cli *cli, const char *reason)
{
	if (reason == NULL || reason[strspn(reason, " \t")] == '\0')
		return cli_usage(cli, "say why: --reason \"...\" (it is kept and shown)");
	return 0;
}

bool source_is_wide(const struct source *source)
{
	return source->kind == SOURCE_NET &&
	       source->net.bits < (ip_is_v4(source->net.ip) && source->net.bits >= IP_V4_BITS
						  ? WIDE_V4_BITS
						  : WIDE_V6_BITS);
}

/* A slip of the finger in a prefix length hits many: asked about, once. */
static int confirm_wide(struct cli *cli, const struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[SOURCE_TEXT_SIZE];

		if (!cli->dry_run && source_is_wide(&sources[i]))
			return cli_confirm(cli, "%s is a very large network; go ahead",
				       source_print(&sources[i], text))
				       ? 0
				       : EXIT_USAGE;
	}
	return 0;
}

static int kinds_check(
	struct cli *cli, const struct conf_list *list, const struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[SOURCE_TEXT_SIZE];

		if (!list_holds(list, sources[i].kind))
			return cli_fail(cli, E_PARSE,
				"the list '%s' holds %s, and '%s' is not one of them", list->name,
				list->holds == LIST_OF_DOMAINS ? "domains" : "addresses",
				source_print(&sources[i], text));
	}
	return 0;
}

struct addition {
	const char *list, *sublist, *reason;
	int64_t for_ms;
	bool excluded;
};

static int addition_send(
	struct cli *cli, const struct addition *addition, const struct source *sources)
{
	struct bus_command command = {.what = BUS_COMMAND_ADD,
		.reason = addition->reason,
		.sources = {addition->list, addition->sublist, sources, cli->operands_len},
		.add.excluded = addition->excluded};

	if (addition->for_ms != 0)
		command.add.until_s = clock_now_s() + addition->for_ms / 1000;
	return keeper_change_print(cli, &command);
}

/* `list add` and `allow`: the second is an addition to the list of that name. */
static int add_verb(struct cli *cli, struct addition *addition)
{
	const struct conf_list *list = NULL;
	struct source *sources = NULL;
	int code = reason_check(cli, addition->reason);

	if (code == 0)
		code = cli_conf(cli);
	if (code == 0)
		code = sources_parse(cli, &sources);
	if (code == 0)
		code = list_need(cli, addition->list, sources[0].kind, &list);
	if (code == 0)
		code = sublist_check(cli, list, addition->sublist);
	if (code == 0)
		code = kinds_check(cli, list, sources, cli->operands_len);
	if (code == 0)
		code = confirm_wide(cli, sources, cli->operands_len);
	if (code != 0)
		return code;
	addition->list = list->name;
	return addition_send(cli, addition, sources);
}

int verb_list_add(struct cli *cli)
{
	struct addition addition = {0};
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &addition.list},
		{"--sublist", OPTION_TEXT, &addition.sublist},
		{"--reason", OPTION_TEXT, &addition.reason},
		{"--for", OPTION_DURATION, &addition.for_ms},
		{"--except", OPTION_FLAG, &addition.excluded},
		{0},
	};
	int code = cli_parse(cli, options, 1, SOURCES_OF_COMMAND_MAX);

	return code != 0 ? code : add_verb(cli, &addition);
}

int verb_allow(struct cli *cli)
{
	struct addition addition = {.list = "allow"};
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &addition.reason},
		{"--for", OPTION_DURATION, &addition.for_ms},
		{0},
	};
	int code = cli_parse(cli, options, 1, SOURCES_OF_COMMAND_MAX);

	return code != 0 ? code : add_verb(cli, &addition);
}

/* list NULL: from every list but the allow list. */
static int removal_send(struct cli *cli, const char *list, const char *sublist, const char *reason)
{
	struct source *sources = NULL;
	int code = sources_parse(cli, &sources);
	struct bus_command command = {.what = BUS_COMMAND_REMOVE,
		.reason = reason,
		.sources = {list, sublist, sources, cli->operands_len}};

	return code != 0 ? code : keeper_change_print(cli, &command);
}

int verb_list_rm(struct cli *cli)
{
	const char *name = NULL, *sublist = NULL, *reason = NULL;
	const struct cli_option options[] = {
		{"--list", OPTION_TEXT, &name},
		{"--sublist", OPTION_TEXT, &sublist},
		{"--reason", OPTION_TEXT, &reason},
		{0},
	};
	const struct conf_list *list = NULL;
	int code = cli_parse(cli, options, 1, SOURCES_OF_COMMAND_MAX);

	if (code == 0)
		code = reason_check(cli, reason);
	if (code == 0 && name == NULL)
		code = cli_usage(
			cli, "say which list: --list NAME (`stockade delist` is for all of them)");
	if (code == 0)
		code = cli_conf(cli);
	if (code == 0)
		code = list_need(cli, name, SOURCE_NET, &list);
	if (code == 0)
		code = sublist_check(cli, list, sublist);
	return code != 0 ? code : removal_send(cli, list->name, sublist, reason);
}

int verb_delist(struct cli *cli)
{
	const char *reason = NULL;
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &reason},
		{0},
	};
	int code = cli_parse(cli, options, 1, SOURCES_OF_COMMAND_MAX);

	if (code == 0)
		code = reason_check(cli, reason);
	return code != 0 ? code : removal_send(cli, NULL, NULL, reason);
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
	code = reason_check(cli, command.reason);
	return code != 0 ? code : keeper_change_print(cli, &command);
}
