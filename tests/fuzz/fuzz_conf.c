/* SPDX-License-Identifier: ISC */
/*
 * The configuration: any text is a configuration or a list of complaints, and what is printed of a
 * configuration reads back as one. Administrators are no strangers, but their files come from
 * templates, editors and cut transfers.
 */
#include "base/buf.h"
#include "base/macro.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses 512 bytes of its own after some syntax errors; a process reads few such
 * files. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

static void check_printed(const struct conf *conf, bool defaults)
{
	AUTO(conf) *again = NULL;
	struct conf_report report;
	struct buf text;

	buf_init(&text, 0);
	conf_print(conf, defaults, &text);
	ASSERT(conf_load_text(
		       &(struct conf_source){"again", buf_span(&text)}, 0, &again, &report) == 0);
	conf_report_done(&report);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(conf) *conf = NULL;
	struct conf_report report;
	struct buf words;
	int r = conf_load_text(
		&(struct conf_source){"fuzz", span_of(data, size)}, 0, &conf, &report);

	buf_init(&words, 0);
	conf_report_print(&report, "fuzz", &words);
	ASSERT((r < 0) == (report.errors_len != 0) && (r < 0) == (conf == NULL));
	buf_done(&words);
	conf_report_done(&report);
	if (r < 0)
		return 0;
	check_printed(conf, false);
	check_printed(conf, true);
	return 0;
}
