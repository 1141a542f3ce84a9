/* SPDX-License-Identifier: ISC */
/* The end of a list: announced, emptied, or taken back; and what is left to do by hand. */
#include "base/macro.h"
#include "cli/keeper_client.h"
#include "cli/list_target.h"
#include "list/retirement.h"

enum { NOTICE_DAYS = 60 };

/* The plan, as RFC 6471 section 3.4 has it; --json and --quiet leave it out. */
static void print_plan(
	const struct cli *cli, const struct conf_list *list, enum retirement_step step)
{
	if (step == RETIREMENT_ANNOUNCE)
		cli_remark(cli,
			"next: tell the users by web page, mailing lists and vendors; then `stockade list retire %s --empty`",
			list->name);
	else if (step == RETIREMENT_EMPTY)
		cli_remark(cli,
			"next: keep '%s' served so for some months; then delegate it to names with addresses in TEST-NET "
			"(192.0.2.1, TTL 604800), never to a third party, and keep the domain registered",
			list->zone);
}

int verb_list_retire(struct cli *cli)
{
	struct list_target target = {0};
	int64_t notice_ms = 0;
	bool empty = false, undo = false, skip_notice = false;
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &target.reason},
		{"--notice", OPTION_DURATION, &notice_ms},
		{"--empty", OPTION_FLAG, &empty},
		{"--undo", OPTION_FLAG, &undo},
		{"--skip-notice", OPTION_FLAG, &skip_notice},
		{0},
	};
	struct bus_command command = {.what = BUS_COMMAND_RETIRE};
	struct bus_list_retire *retire = &command.retire;
	int code = cli_parse(cli, options, 1, 1);

	if (code == 0)
		code = cli_check_reason(cli, target.reason);
	if (code == 0 && empty && undo)
		code = cli_usage(cli, "--empty and --undo are two different steps");
	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	target.name = cli->operands[0];
	code = list_target_find(cli, &target, SOURCE_NET);
	if (code != 0)
		return code;
	if (target.list->zone == NULL)
		return cli_usage(cli, "the list '%s' is not published", target.list->name);
	command.reason = target.reason;
	*retire = (struct bus_list_retire){.list = target.list->name,
		.step = empty  ? RETIREMENT_EMPTY
			: undo ? RETIREMENT_BACK
			       : RETIREMENT_ANNOUNCE,
		.notice_s = notice_ms != 0 ? notice_ms / 1000 : INT64_C(86400) * NOTICE_DAYS,
		.skip_notice = skip_notice};
	if (empty && !cli->dry_run &&
		!cli_confirm(cli, "all listings of '%s' will end", target.list->name))
		return EXIT_USAGE;
	code = keeper_change_print(cli, &command);
	if (code == 0)
		print_plan(cli, target.list, retire->step);
	return code;
}
