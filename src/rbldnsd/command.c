/* SPDX-License-Identifier: ISC */
#include "rbldnsd/command.h"

#include <getopt.h>
#include <stddef.h>

#include "base/macro.h"
#include "rbldata/special.h"

enum { OPTION_THREADS = 0x100 };

static const char short_options[] = ":u:r:b:w:t:c:p:nel:qs:h46dvaAfF:Cx:X:";
static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"threads", required_argument, NULL, OPTION_THREADS},
	{NULL, 0, NULL, 0},
};

/* "90", "90s", "5m", "2h", "3d", "1w". */
static int time_parse(struct span text, uint32_t *ret_time_s)
{
	uint64_t unit = text.len != 0 ? rbl_unit_seconds(text.ptr[text.len - 1]) : 0, count;

	if (unit != 0)
		text = span_first(text, text.len - 1);
	else
		unit = 1;
	if (span_parse_u64(text, UINT32_MAX, &count) < 0 || count * unit > UINT32_MAX)
		return E_PARSE;
	*ret_time_s = (uint32_t)(count * unit);
	return 0;
}

/* "default:least:most", each of which may be left out. */
static int ttl_parse(const char *text, struct rbl_options *options, struct fault *why)
{
	uint32_t *const parts[] = {
		&options->ttl_default_s, &options->ttl_min_s, &options->ttl_max_s};
	struct span rest = span_text(text);
	uint32_t otherwise;

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		struct span part = span_split(&rest, ':');

		if (part.len != 0 && time_parse(part, parts[i]) < 0)
			return fault_set(
				why, E_USAGE, "invalid value for -t (ttl) option: '%s'", text);
	}
	otherwise = options->ttl_default_s != 0 ? options->ttl_default_s : RBL_TTL_DEFAULT_S;
	if (rest.len != 0 || (*text != ':' && options->ttl_default_s == 0))
		return fault_set(why, E_USAGE, "invalid ttl (-t) value '%s'", text);
	if ((options->ttl_max_s != 0 &&
		    (options->ttl_min_s > options->ttl_max_s || otherwise > options->ttl_max_s)) ||
		otherwise < options->ttl_min_s)
		return fault_set(why, E_USAGE, "inconsistent def:min:max ttl: %u:%u:%u", otherwise,
			options->ttl_min_s, options->ttl_max_s);
	return 0;
}

static struct rbl_output output_parse(const char *text)
{
	bool plus = *text == '+';

	text += plus;
	return (struct rbl_output){.path = *text != '\0' ? text : NULL, .plus = plus};
}

static int threads_parse(const char *text, unsigned *ret_threads, struct fault *why)
{
	uint64_t count;

	if (span_parse_u64(span_text(text), RBL_THREADS_MAX, &count) < 0 || count == 0)
		return fault_set(why, E_USAGE, "--threads: '%s' is not a number from 1 to %d", text,
			RBL_THREADS_MAX);
	*ret_threads = (unsigned)count;
	return 0;
}

/* Options that are a word or a yes. -f says what is always so: answers go on during a reload. */
static const struct plain_option {
	char letter;
	enum { PLAIN_YES, PLAIN_NO, PLAIN_WORD, PLAIN_NOTHING } kind;
	size_t at; /* in struct rbl_command */
} plain_options[] = {
	{'u', PLAIN_WORD, offsetof(struct rbl_command, user)},
	{'r', PLAIN_WORD, offsetof(struct rbl_command, root)},
	{'w', PLAIN_WORD, offsetof(struct rbl_command, folder)},
	{'p', PLAIN_WORD, offsetof(struct rbl_command, pid_file)},
	{'F', PLAIN_WORD, offsetof(struct rbl_command, facility)},
	{'n', PLAIN_YES, offsetof(struct rbl_command, stays)},
	{'q', PLAIN_YES, offsetof(struct rbl_command, quick)},
	{'d', PLAIN_YES, offsetof(struct rbl_command, dump)},
	{'h', PLAIN_YES, offsetof(struct rbl_command, help)},
	{'e', PLAIN_YES, offsetof(struct rbl_command, options.host_bits)},
	{'C', PLAIN_YES, offsetof(struct rbl_command, options.no_gzip)},
	{'A', PLAIN_YES, offsetof(struct rbl_command, authority)},
	{'a', PLAIN_NO, offsetof(struct rbl_command, authority)},
	{'f', PLAIN_NOTHING, 0},
};

static bool option_take_plain(struct rbl_command *command, int letter, const char *text)
{
	const struct plain_option *option = plain_options;
	const struct plain_option *end = plain_options + COUNTOF(plain_options);
	char *member;

	while (option < end && option->letter != letter)
		option++;
	if (option == end)
		return false;
	member = (char *)command + option->at;
	if (option->kind == PLAIN_WORD)
		memcpy(member, &text, sizeof(text));
	else if (option->kind != PLAIN_NOTHING)
		*(bool *)member = option->kind == PLAIN_YES;
	return true;
}

static int option_unknown(int argc, char **argv, struct fault *why)
{
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	if (optopt > 0 && optopt < OPTION_THREADS)
		return fault_set(why, E_USAGE, "invalid option -- '%c'; -h shows them", optopt);
	return fault_set(why, E_USAGE, "invalid option '%s'; -h shows them", word);
}

static int option_take(struct rbl_command *command, int option, const char *text, struct fault *why)
{
	if (option_take_plain(command, option, text))
		return 0;
	switch (option) {
	case 'b':
		if (command->binds_len == RBL_BINDS_MAX)
			return fault_set(why, E_USAGE, "too many addresses to listen on (%d max)",
				RBL_BINDS_MAX);
		command->binds[command->binds_len++] = text;
		return 0;
	case 't':
		return ttl_parse(text, &command->options, why);
	case 'l':
		command->log = output_parse(text);
		return 0;
	case 's':
		command->stats = output_parse(text);
		return 0;
	case OPTION_THREADS:
		return threads_parse(text, &command->threads, why);
	case 'c':
		if (time_parse(span_text(text), &command->check_s) < 0)
			return fault_set(
				why, E_USAGE, "invalid check interval (-c) value '%s'", text);
		return 0;
	case '4':
	case '6':
		command->family = option == '4' ? RBL_FAMILY_V4 : RBL_FAMILY_V6;
		return 0;
	case 'v':
		command->version = command->version == RBL_VERSION_FULL ? RBL_VERSION_NAME
									: RBL_VERSION_REFUSED;
		return 0;
	default:
		return fault_set(why, E_USAGE,
			"-%c: extensions are programs for rbldnsd's own inside; there is none here",
			option);
	}
}

int rbl_command_parse(int argc, char **argv, struct rbl_command *ret_command, struct fault *why)
{
	struct rbl_command command = {.check_s = RBL_CHECK_S};
	int option, r = 0;

	optind = 0; /* from the start, also when somebody has used getopt before */
	opterr = 0;
	while (r == 0 &&
		(option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == '?')
			r = option_unknown(argc, argv, why);
		else if (option == ':')
			r = optopt == OPTION_THREADS
				    ? fault_set(why, E_USAGE,
					      "option requires an argument -- 'threads'")
				    : fault_set(why, E_USAGE, "option requires an argument -- '%c'",
					      optopt);
		else
			r = option_take(&command, option, optarg, why);
	}
	if (r == 0 && !command.help && argc == optind)
		r = fault_set(why, E_USAGE, "no zone(s) to service specified (-h for help)");
	if (r == 0 && !command.help)
		r = rbl_plan_new((const char *const *)argv + optind, (size_t)(argc - optind),
			&command.plan, why);
	if (r == 0)
		*ret_command = command;
	return r;
}

void rbl_command_done(struct rbl_command *command)
{
	rbl_plan_free(&command->plan);
}
