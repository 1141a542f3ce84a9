/* SPDX-License-Identifier: ISC */
/*
 * Prints stockade-messages(7) from the tables that the program itself reads, so that the page cannot tell of another reply,
 * check or event than there is.
 */
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "catalogue/catalogue.h"
#include "conf/conf.h"

static const struct {
	const char *name;
	const char *meaning;
} events[] = {
#define EVENT(id, level, name, meaning) {name, meaning},
#include "base/events.def"
#undef EVENT
};

static const struct {
	enum action action;
	int weight;
} defaults[] = {
#define CHECK(id, key, action, weight, title, meaning, remedy) {action, weight},
#include "catalogue/checks.def"
#undef CHECK
};

/* A line of text: no request, no escape. */
static void text(const char *line)
{
	if (line[0] == '.' || line[0] == '\'')
		fputs("\\&", stdout);
	for (; *line != '\0'; line++) {
		if (*line == '\\')
			fputs("\\e", stdout);
		else
			putchar(*line);
	}
	putchar('\n');
}

static void item(const char *key)
{
	printf(".It Sy %s\n", key);
}

static void print_head(void)
{
	puts(".\\\" SPDX-License-Identifier: ISC\n"
	     ".Dd November 22, 2026\n"
	     ".Dt STOCKADE-MESSAGES 7\n"
	     ".Os\n"
	     ".Sh NAME\n"
	     ".Nm stockade-messages\n"
	     ".Nd checks, refusals and log events of stockade\n"
	     ".Sh DESCRIPTION\n"
	     "Each word below is the same in the configuration, in replies, in the log, on the pages\n"
	     "and in the output of\n"
	     ".Nm stockade Cm explain .\n"
	     "Every refusal that a person can look up ends with the address of the page that tells why\n"
	     "and what to do; its last part is the incident number.\n"
	     "Replies that begin with 4 are temporary: the sending server tries again by itself.");
}

static void print_checks(void)
{
	puts(".Sh CHECKS\n"
	     "In the order in which the gate asks them.\n"
	     "All of them are evaluated; the first that refuses decides.\n"
	     ".Bl -tag -width Ds");
	for (int id = 0; id < CHECK_COUNT; id++) {
		const struct check_words *words = check_words_get((enum check_id)id);

		item(words->key);
		text(words->meaning);
		puts(".br");
		printf("To repair it: ");
		text(words->remedy);
		puts(".br");
		printf("By default:\n.Cm %s .\n", action_name(defaults[id].action));
	}
	puts(".El\n"
	     "The check\n"
	     ".Sy relay-denied\n"
	     "holds whatever its setting, and no allowance sets it aside; in modes observe and tag the\n"
	     "mail server behind the gate decides, which does not relay for strangers.\n"
	     "What DNS could not tell is never a permanent refusal.");
}

static void print_refusals(void)
{
	puts(".Sh REFUSALS\n"
	     "Words in braces are replaced.\n"
	     "Bytes of strangers that are not printable ASCII are shown as question marks.\n"
	     ".Bl -tag -width Ds");
	for (int id = 0; id < REFUSAL_COUNT; id++) {
		const struct refusal *refusal = refusal_get((enum refusal_id)id);

		item(refusal->key);
		printf("%u %s ", refusal->code, refusal->enhanced);
		text(refusal->text);
	}
	puts(".El");
}

static void print_events(void)
{
	puts(".Sh LOG EVENTS\n"
	     "The field\n"
	     ".Sy event\n"
	     "of a line in the log.\n"
	     ".Bl -tag -width Ds");
	for (size_t i = 0; i < COUNTOF(events); i++) {
		item(events[i].name);
		text(events[i].meaning);
	}
	puts(".El");
}

int main(void)
{
	print_head();
	print_checks();
	print_refusals();
	print_events();
	puts(".Sh SEE ALSO\n"
	     ".Xr stockade 1 ,\n"
	     ".Xr stockade.yaml 5\n"
	     ".Sh STANDARDS\n"
	     ".Rs\n.%R RFC 3463\n.%T Enhanced Mail System Status Codes\n.Re\n"
	     ".Pp\n"
	     ".Rs\n.%R RFC 5321\n.%T Simple Mail Transfer Protocol\n.Re\n"
	     ".Pp\n"
	     ".Rs\n.%R RFC 7372\n.%T Email Authentication Status Codes\n.Re");
	return 0;
}
