/* SPDX-License-Identifier: ISC */
#include "base/macro.h"
#include "cli/cli.h"
#include "demo/demo.h"

static const struct verb verbs[] = {
#define VERB(name, function, changes, synopsis, summary, help) \
	{name, function, changes, synopsis, summary, help},
#define VERB_ABOVE VERB
#include "cli/verbs.def"
#undef VERB_ABOVE
#undef VERB
};

int main(int argc, char **argv)
{
	struct cli cli = {.verbs_len = COUNTOF(verbs), .verbs = verbs};

	return cli_main(&cli, argc, argv);
}
