/* SPDX-License-Identifier: ISC */
/* Reading the published state without anybody's help: the newest file in the folder of the snapshots. */
#include <string.h>

#include "base/macro.h"
#include "cli/lookup.h"
#include "list/snapshot_folder.h"

/* The newest that can be read. Of several that cannot, the newest is what an administrator should hear of. */
int snapshot_open_newest(const char *folder, struct view **ret_view, struct fault *why)
{
	struct snapshot_file file = {.serial = 0};
	int damaged = snapshot_folder_next(folder, &file, ret_view, why);
	int r = damaged;

	while (r < 0 && file.serial != 0)
		r = snapshot_folder_next(folder, &file, ret_view, NULL);
	return r < 0 ? damaged : r;
}

static const char *code_text(struct cli *cli, const char *list, struct span sublist)
{
	const struct conf_list *conf = conf_list_find(cli->conf, span_text(list));
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; conf != NULL && i < conf->sublists_len; i++) {
		if (span_equal_text(sublist, conf->sublists[i].name))
			return arena_copy_string(
				cli->arena, ip_print(conf->sublists[i].code, text));
	}
	return "?";
}

static void result_add_hits(struct cli *cli, const struct view *view, int list,
	const struct hits *hits, struct lookup_result *result)
{
	const char *name = arena_string(cli->arena, view_list_name(view, list));

	for (size_t i = 0; i < hits->len; i++) {
		const struct hit *hit = &hits->items[i];
		struct span sublist = view_sublist_name(view, list, hit->sublist);

		if (strcmp(name, "allow") == 0) {
			result->allowed = true;
			result->allow_reason = arena_string(cli->arena, hit->reason);
			continue;
		}
		result->rows[result->len++] = (struct lookup_row){
			.list = name,
			.sublist = arena_string(cli->arena, sublist),
			.code = code_text(cli, name, sublist),
			.reason = arena_string(cli->arena, hit->reason),
			.until_s = hit->until_s,
			.incident = "-",
		};
	}
}

int lookup_in_snapshot(struct cli *cli, const struct source *source, struct lookup_result *result)
{
	AUTO(view) *view = NULL;
	struct fault why;
	int lists, r = snapshot_open_newest(cli->conf->lists_path, &view, &why);

	if (r < 0)
		return cli_fail(cli, r, "%s", why.text);
	lists = (int)view_list_count(view);
	*result = (struct lookup_result){
		.from_snapshot = true, .serial = view_serial(view), .allow_reason = ""};
	result->rows =
		arena_alloc(cli->arena, ((size_t)lists * SUBLISTS_MAX + 1) * sizeof(*result->rows));
	for (int i = 0; i < lists; i++) {
		struct hits hits;

		view_lookup(view, i, source, &hits);
		result_add_hits(cli, view, i, &hits, result);
	}
	return 0;
}
