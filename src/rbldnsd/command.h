/* SPDX-License-Identifier: ISC */
#pragma once
/* The command line of rbldnsd, read as rbldnsd reads it: what it says, not yet done. Pure but for
 * getopt's global state: main thread. Text points into argv. */
#include "rbldata/dataset.h"
#include "rbldnsd/plan.h"

enum { RBL_BINDS_MAX = 20, RBL_CHECK_S = 60, RBL_THREADS_MAX = 64 };

/* What version.bind and version.server (class CH) are answered with. */
enum rbl_version { RBL_VERSION_FULL, RBL_VERSION_NAME, RBL_VERSION_REFUSED };
enum rbl_family { RBL_FAMILY_ANY, RBL_FAMILY_V4, RBL_FAMILY_V6 };

/* A file that is written: -l and -s. */
struct rbl_output {
	const char *path; /* NULL: none; "-" (-l only): standard output */
	bool plus; /* began with "+": -l: not buffered; -s: what is new since the last line */
};

struct rbl_command {
	bool help;
	bool stays;     /* -n: does not become a daemon */
	bool quick;     /* -q: reads the data when it serves already, and quietly */
	bool dump;      /* -d */
	bool authority; /* -A: name servers with every positive answer; -a, and otherwise: not */
	enum rbl_version version;
	enum rbl_family family;
	const char *user, *root, *folder, *pid_file, *facility; /* NULL: not given */
	struct rbl_output log, stats;
	uint32_t check_s; /* 0: files are looked at after SIGHUP only */
	unsigned threads; /* --threads, for each address; 0: one for each core */
	struct rbl_options options;
	size_t binds_len;
	const char *binds[RBL_BINDS_MAX]; /* "host" or "host/port", as given */
	struct rbl_plan *plan;
};

/* argv[0] is the program. With help, nothing else need be right. E_USAGE, or as rbl_plan_new. */
int rbl_command_parse(int argc, char **argv, struct rbl_command *ret_command, struct fault *why);
void rbl_command_done(struct rbl_command *command);
