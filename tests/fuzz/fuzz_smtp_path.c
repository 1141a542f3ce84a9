/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/macro.h"
#include "smtp/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is printed is one line, and means the same again. */
static void check_mail(struct span params)
{
	struct smtp_mail again;
	struct smtp_mail mail;
	struct span printed;
	struct buf out;

	if (smtp_mail_parse(params, ~0u, &smtp_limits_default, &mail) < 0)
		return;
	buf_init(&out, 0);
	smtp_mail_print(&mail, ~0u, &out);
	printed = buf_span(&out);
	ASSERT(span_find(printed, '\n') == printed.len && span_find(printed, '\r') == printed.len);
	ASSERT(smtp_mail_parse(span_from(printed, 5), ~0u, &smtp_limits_default, &again) == 0);
	ASSERT(span_equal(mail.path.mailbox, again.path.mailbox) && mail.size == again.size);
	ASSERT(mail.body == again.body && mail.smtputf8 == again.smtputf8);
	buf_done(&out);
}

static void check_rcpt(struct span params)
{
	struct smtp_rcpt again;
	struct smtp_rcpt rcpt;
	struct span printed;
	struct buf out;

	if (smtp_rcpt_parse(params, ~0u, &smtp_limits_default, &rcpt) < 0)
		return;
	buf_init(&out, 0);
	smtp_rcpt_print(&rcpt, ~0u, &out);
	printed = buf_span(&out);
	ASSERT(span_find(printed, '\n') == printed.len && span_find(printed, '\r') == printed.len);
	ASSERT(smtp_rcpt_parse(span_from(printed, 5), ~0u, &smtp_limits_default, &again) == 0);
	ASSERT(span_equal(rcpt.path.domain, again.path.domain));
	ASSERT(span_equal(rcpt.path.mailbox, again.path.mailbox));
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_mail(span_of(data, size));
	check_rcpt(span_of(data, size));
	return 0;
}
