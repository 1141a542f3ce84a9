/* SPDX-License-Identifier: ISC */
/* The end of a list: announced, emptied, or taken back; and what is left to do by hand. */
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

struct retire_request {
	struct list_target target;
	int64_t notice_ms;
	bool empty, undo, skip_notice;
};

static int retire_send(struct cli *cli, const struct retire_request *request)
{
	const struct conf_list *list = request->target.list;
	enum retirement_step step = request->empty  ? RETIREMENT_EMPTY
				    : request->undo ? RETIREMENT_BACK
						    : RETIREMENT_ANNOUNCE;
	struct bus_command command = {.what = BUS_COMMAND_RETIRE,
		.reason = request->target.reason,
		.retire = {.list = list->name,
			.step = step,
			.notice_s = request->notice_ms != 0 ? request->notice_ms / 1000
							    : INT64_C(86400) * NOTICE_DAYS,
			.skip_notice = request->skip_notice}};
	int code;

	if (request->empty && !cli->dry_run &&
		!cli_confirm(cli, "all listings of '%s' will end", list->name))
		return EXIT_USAGE;
	code = keeper_change_print(cli, &command);
	if (code == 0)
		print_plan(cli, list, step);
	return code;
}

int verb_list_retire(struct cli *cli)
{
	struct retire_request request = {0};
	const struct cli_option options[] = {
		{"--reason", OPTION_TEXT, &request.target.reason},
		{"--notice", OPTION_DURATION, &request.notice_ms},
		{"--empty", OPTION_FLAG, &request.empty},
		{"--undo", OPTION_FLAG, &request.undo},
		{"--skip-notice", OPTION_FLAG, &request.skip_notice},
		{0},
	};
	int code = cli_parse(cli, options, 1, 1);

	if (code == 0)
		code = cli_check_reason(cli, request.target.reason);
	if (code == 0 && request.empty && request.undo)
		code = cli_usage(cli, "--empty and --undo are two different steps");
	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	request.target.name = cli->operands[0];
	code = list_target_find(cli, &request.target, SOURCE_NET);
	if (code == 0 && request.target.list->zone == NULL)
		code = cli_usage(cli, "the list '%s' is not published", request.target.name);
	return code != 0 ? code : retire_send(cli, &request);
}
