/* SPDX-License-Identifier: ISC */
#include "grey/suspicion.h"

#include <stdio.h>
#include <string.h>

#include "base/macro.h"

unsigned suspicion_sum(const struct suspicion *suspicion)
{
	unsigned sum = suspicion->no_name || suspicion->generic_name ? 2 : 0;

	sum += suspicion->unconfirmed;
	sum += suspicion->no_spf_pass;
	sum += suspicion->helo_fault;
	sum += suspicion->listed ? 2 : 0;
	return sum < SUSPICION_MAX ? sum : SUSPICION_MAX;
}

const char *suspicion_print(const struct suspicion *suspicion, char text[SUSPICION_TEXT_SIZE])
{
	const struct {
		bool holds;
		const char *words;
	} reasons[] = {
		{suspicion->no_name, "no PTR record"},
		{suspicion->generic_name, "generic PTR"},
		{suspicion->unconfirmed, "PTR not confirmed"},
		{suspicion->no_spf_pass, "no SPF pass"},
		{suspicion->helo_fault, "HELO fault"},
		{suspicion->listed, "on a list"},
	};
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < COUNTOF(reasons); i++)
		if (reasons[i].holds)
			len += (size_t)snprintf(text + len, SUSPICION_TEXT_SIZE - len, "%s%s",
				len != 0 ? ", " : "", reasons[i].words);
	return text;
}
