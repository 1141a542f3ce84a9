/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "grey/mailbox.h"

static void a_sender_without_what_changes(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"Joe@Example.ORG", "joe@example.org"},
		{"joe@Example.ORG.", "joe@example.org"},
		{"prvs=1234abcdef=joe@example.org", "joe@example.org"},
		{"PRVS=0732e0f7f3=joe+x@example.org", "joe@example.org"},
		{"msprvs1=17500abcDEF=bounces-1@example.org", "bounces-#@example.org"},
		{"btv1==5012ab==joe@example.org", "joe@example.org"},
		{"SRS0=HHH=TT=example.org=joe@forwarder.example", "joe@example.org"},
		{"srs0+HHH=TT=Example.ORG=joe+1@forwarder.example", "joe@example.org"},
		{"SRS1=GGG=first.example==HHH=TT=example.org=joe@second.example",
			"joe@example.org"},
		{"SRS0=HHH=TT=example.org=prvs=1234abcdef=joe@forwarder.example",
			"joe@example.org"},
		{"list+joe=example.org@lists.example", "list@lists.example"},
		{"owner-list-7-joe=example.org@lists.example", "owner-list-#@lists.example"},
		{"announce-return-42-jd=example.org@l.example", "announce-return-#@l.example"},
		{"0100018c5e1f3a2b-000000@ses.example", "#-#@ses.example"},
		{"bounce-20240131@example.org", "bounce-#@example.org"},
		{"+joe@example.org", "+joe@example.org"},
		{"a=b@example.org", "a=b@example.org"},
		{"joe@b\xc3\xbc"
		 "cher.example",
			"joe@xn--bcher-kva.example"},
		{"joe@[192.0.2.1]", "joe@[192.0.2.1]"},
		/* what only begins like a mark is none */
		{"prvs=joe@example.org", "prvs=joe@example.org"},
		{"prvs=1=@example.org", "prvs=#=@example.org"},
		{"SRS0=HHH=TT=example.org@f.example", "srs#=hhh=tt=example.org@f.example"},
		{"SRS1=GGG=first.example=@f.example", "srs#=ggg=first.example=@f.example"},
		{"SRS0@f.example", "srs#@f.example"},
		{"postmaster", "postmaster@"},
		{"facade@example.org", "facade@example.org"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		char text[GREY_MAILBOX_SIZE];
		struct span shown = grey_sender_print(span_text(cases[i][0]), text);

		if (!span_equal_text(shown, cases[i][1]))
			fail_msg("<%s> becomes <%.*s>", cases[i][0], (int)shown.len, shown.ptr);
	}
}

static void a_recipient_is_whom_it_names(void **state)
{
	char text[GREY_MAILBOX_SIZE];

	(void)state;
	assert_true(span_equal_text(grey_recipient_print(span_text("Joe+Shop42@Example.org"), text),
		"joe+shop42@example.org"));
}

static void length_is_bounded(void **state)
{
	char text[GREY_MAILBOX_SIZE], mailbox[2000];

	(void)state;
	memset(mailbox, 'x', sizeof(mailbox));
	assert_true(
		grey_sender_print(span_of(mailbox, sizeof(mailbox)), text).len < GREY_MAILBOX_SIZE);
	mailbox[1000] = '@';
	assert_true(
		grey_sender_print(span_of(mailbox, sizeof(mailbox)), text).len < GREY_MAILBOX_SIZE);
	assert_true(grey_recipient_print(span_of(mailbox, sizeof(mailbox)), text).len <
		    GREY_MAILBOX_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_without_what_changes),
		cmocka_unit_test(a_recipient_is_whom_it_names),
		cmocka_unit_test(length_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
