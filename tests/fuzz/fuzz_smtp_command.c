/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "smtp/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	unsigned commands;
	unsigned limits;
	unsigned verbs; /* a sum that depends on each */
};

/* Reads all commands; at most step new bytes are shown at a time. */
static struct outcome read_all(struct span input, size_t step)
{
	struct smtp_parser parser;
	struct outcome outcome = {0};
	size_t start = 0;
	size_t end = 0;

	smtp_parser_init(&parser, &smtp_limits_default);
	for (;;) {
		struct smtp_command command;
		uint64_t octets;
		bool last;
		size_t used = 0;
		int r = smtp_parser_next(
			&parser, span_first(span_from(input, start), end - start), &command, &used);

		ASSERT(used <= end - start && (r != 0 || used != 0 || end - start <= 2048));
		start += used;
		outcome.limits += r == E_LIMIT;
		if (r == 1) {
			outcome.commands++;
			outcome.verbs = outcome.verbs * 31 + command.verb + command.unclean;
			ASSERT(command.unclean ||
				span_find(command.params, 0) == command.params.len);
			if (smtp_chunk_parse(command.params, &octets, &last) == 0)
				ASSERT(command.params.len != 0 && octets <= INT64_MAX);
		}
		if (r == 0 && end == input.len)
			return outcome;
		if (r == 0)
			end = end + step < input.len ? end + step : input.len;
	}
}

/* The cuts between pieces do not matter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = read_all(span_of(data, size), size + 1);
	struct outcome bytes = read_all(span_of(data, size), 1);

	ASSERT(whole.commands == bytes.commands && whole.limits == bytes.limits);
	ASSERT(whole.verbs == bytes.verbs);
	return 0;
}
