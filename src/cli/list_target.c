/* SPDX-License-Identifier: ISC */
#include "cli/list_target.h"

#include <string.h>

#include "base/suggest.h"
#include "base/utf8.h"
#include "bus/frame.h"

static int list_find(
	struct cli *cli, const char *name, enum source_kind kind, const struct conf_list **ret_list)
{
	struct suggest meant;
	size_t count = 0;

	if (name != NULL) {
		*ret_list = conf_list_find(cli->conf, span_text(name));
		if (*ret_list != NULL)
			return 0;
		meant = (struct suggest){.word = span_text(name)};
		for (size_t i = 0; i < cli->conf->lists_len; i++)
			suggest_offer(&meant, span_text(cli->conf->lists[i].name));
		return cli_usage(cli, "there is no list '%s'%s", name, suggest_hint(&meant));
	}
	for (size_t i = 0; i + 1 < cli->conf->lists_len; i++) {
		const struct conf_list *list = &cli->conf->lists[i];

		if ((list->holds == LIST_OF_DOMAINS) == (kind == SOURCE_DOMAIN)) {
			*ret_list = list;
			count++;
		}
	}
	return count == 1 ? 0 : cli_usage(cli, "say which list: --list NAME");
}

static int sublist_check(struct cli *cli, const struct conf_list *list, const char *name)
{
	for (size_t i = 0; name != NULL && i < list->sublists_len; i++) {
		if (strcmp(list->sublists[i].name, name) == 0)
			return 0;
	}
	return name == NULL ? 0
			    : cli_usage(cli, "the list '%s' has no sublist '%s'", list->name, name);
}

int list_target_find(struct cli *cli, struct list_target *target, enum source_kind kind)
{
	int code = list_find(cli, target->name, kind, &target->list);

	return code != 0 ? code : sublist_check(cli, target->list, target->sublist);
}

int cli_check_reason(struct cli *cli, const char *reason)
{
	if (reason == NULL || reason[strspn(reason, " \t")] == '\0')
		return cli_usage(cli, "say why: --reason \"...\" (it is kept and shown)");
	if (!utf8_is_text(span_text(reason)))
		return cli_usage(cli, "--reason: more than one line, or not plain text in UTF-8");
	if (strlen(reason) > MESSAGE_TEXT_MAX)
		return cli_usage(cli, "--reason: %zu octets long, the most is %d", strlen(reason),
			MESSAGE_TEXT_MAX);
	return 0;
}

bool list_holds(const struct conf_list *list, enum source_kind kind)
{
	return list->zone == NULL || (list->holds == LIST_OF_DOMAINS) == (kind == SOURCE_DOMAIN);
}

enum { WIDE_V4_BITS = IP_V4_BITS + 16, WIDE_V6_BITS = 32 };

const char *source_is_slip(const struct source *source)
{
	bool is_wide = source->kind == SOURCE_NET &&
		       source->net.bits < (prefix_is_v4(source->net) ? WIDE_V4_BITS : WIDE_V6_BITS);

	return is_wide ? "is a very large network" : NULL;
}
