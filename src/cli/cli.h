/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The command line: a table of verbs (verbs.def) and what they share: global options, the
 * configuration, text on stdout (results) and stderr (remarks), exit codes. One process, one verb,
 * one thread; everything of a run lives in cli->arena.
 *
 * Exit codes: `lookup` 0 not listed, 1 listed, 2 error; every other verb sysexits.h, by
 * err_exit_code.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/conf.h"

enum { EXIT_USAGE = 64, EXIT_BAD_DATA = 65, EXIT_UNAVAILABLE = 69, EXIT_CONFIG = 78 };

struct cli;
struct control;

struct verb {
	const char *name;            /* "list add" */
	int (*run)(struct cli *cli); /* the exit code */
	bool changes;                /* knows -n and -y */
	const char *synopsis;        /* behind the name: "SOURCE... --reason WORDS" */
	const char *summary;         /* one line */
	const char *help;            /* options and an example, a line each; "" for none */
};

#define VERB(name, function, changes, synopsis, summary, help) int function(struct cli *cli);
#define VERB_ABOVE(name, function, changes, synopsis, summary, help)
#include "cli/verbs.def"
#undef VERB_ABOVE
#undef VERB

struct cli {
	const char *program; /* argv[0]: `stockade run` starts itself again */
	size_t verbs_len;
	const struct verb *verbs; /* all of them, in the order of `stockade help` */
	const struct verb *verb;  /* the one that runs, with its arguments; argv[0] is the verb */
	int argc;
	char **argv;
	size_t operands_len; /* by cli_parse */
	const char *const *operands;
	const char *conf_path;
	bool json, quiet, utc, color, dry_run, yes;
	struct arena *arena;
	struct conf *conf;       /* by cli_conf */
	struct control *control; /* by keeper_open */
};

/* An option of a verb. TEXT: const char *; COUNT: uint64_t; DURATION: int64_t ms; FLAG: bool. */
struct cli_option {
	const char *name; /* "--list" */
	enum { OPTION_TEXT, OPTION_COUNT, OPTION_DURATION, OPTION_FLAG } kind;
	void *value; /* untouched when the option is not given */
};

/* Takes the options before the verb: how many words they are, or -1 after a message on stderr. */
int cli_take_globals(struct cli *cli, int argc, char **argv);

/* Takes the options of the verb (ended by a row without a name; NULL: none), global ones as well,
 * as "--name value" or "--name=value" ("--" ends them), and min to max operands, in any order. 0,
 * or an exit code after a message on stderr. */
int cli_parse(struct cli *cli, const struct cli_option *options, size_t min, size_t max);

/* The configuration; its complaints go to stderr. 0, or an exit code. */
int cli_conf(struct cli *cli);

/* Remarks, to stderr, unless --quiet; failures, always. Both end the line. */
void cli_remark(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int cli_fail(const struct cli *cli, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_print_usage(const struct verb *verb, FILE *out);

/* Says what will happen and asks on the terminal whether to go ahead: true for y, and with -y.
 * Without a terminal and -y: false, after a message on stderr. */
bool cli_confirm(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs the verb that the command line names, one of cli->verbs; fills in the rest of *cli. */
int cli_main(struct cli *cli, int argc, char **argv);
