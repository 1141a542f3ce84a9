/* SPDX-License-Identifier: ISC */
#include "keeper/command.h"

#include <string.h>

#include "unit.h"

/* The numbers of the oneof `what` of the protocol. */
static size_t cases_of_protocol(Stockade__Command__WhatCase *cases, size_t room)
{
	const ProtobufCMessageDescriptor *command = &stockade__command__descriptor;
	size_t len = 0;

	for (unsigned i = 0; i < command->n_fields; i++) {
		if ((command->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
			continue;
		assert_true(len < room);
		cases[len++] = (Stockade__Command__WhatCase)command->fields[i].id;
	}
	return len;
}

static void every_command_of_the_protocol_has_a_row(void **state)
{
	Stockade__Command__WhatCase cases[32];
	size_t len = cases_of_protocol(cases, 32);

	(void)state;
	assert_true(len >= 5);
	for (size_t i = 0; i < len; i++) {
		const struct command_kind *kind = command_kind_of(cases[i]);

		assert_int_equal(kind->what, cases[i]);
		assert_non_null(kind->run);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(kind->name, command_kind_of(cases[j])->name);
	}
}

static void a_command_that_is_none_of_them_is_refused(void **state)
{
	struct command_run run = {.kind = command_kind_of(STOCKADE__COMMAND__WHAT__NOT_SET)};

	(void)state;
	assert_int_equal(run.kind->run(&run), E_USAGE);
	assert_string_equal(run.item.why.text, "the command is empty");
}

static void only_few_sources_share_a_transaction(void **state)
{
	Stockade__Command command = STOCKADE__COMMAND__INIT;
	Stockade__ListAdd add = STOCKADE__LIST_ADD__INIT;
	const struct command_kind *kind = command_kind_of(STOCKADE__COMMAND__WHAT_ADD);

	(void)state;
	command.what_case = STOCKADE__COMMAND__WHAT_ADD;
	command.add = &add;
	add.n_sources = 1;
	assert_true(kind->is_small(&command));
	add.more = true; /* a part of an import */
	assert_false(kind->is_small(&command));
	add.more = false;
	add.n_sources = 1000;
	assert_false(kind->is_small(&command));
	assert_null(command_kind_of(STOCKADE__COMMAND__WHAT_UNDO)->is_small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_of_the_protocol_has_a_row),
		cmocka_unit_test(a_command_that_is_none_of_them_is_refused),
		cmocka_unit_test(only_few_sources_share_a_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
