/* SPDX-License-Identifier: ISC */
/* Reading the published state without anybody's help: the newest list-<serial>.snap in the folder of the snapshots. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "cli/lookup.h"

/* RFC 1982: serials are ordered on a circle. */
static bool serial_is_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(0x80000000);
}

static bool snapshot_serial(const char *name, uint32_t *ret_serial)
{
	struct span rest = span_text(name);
	uint64_t serial;

	if (!span_has_prefix_nocase(rest, "list-") ||
		!span_has_suffix_nocase(rest, span_text(".snap")))
		return false;
	rest = span_of(rest.ptr + 5, rest.len - 10);
	if (span_parse_u64(rest, UINT32_MAX, &serial) < 0)
		return false;
	*ret_serial = (uint32_t)serial;
	return true;
}

int snapshot_open_newest(const char *folder, struct view **ret_view, struct fault *why)
{
	char path[4096] = "";
	struct dirent *entry;
	uint32_t newest = 0, serial;
	DIR *dir = opendir(folder);

	if (dir == NULL) {
		int r = err_from_errno(errno);

		return fault_set(why, r, "cannot read '%s': %s", folder, err_text(r));
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!snapshot_serial(entry->d_name, &serial) ||
			(path[0] != '\0' && !serial_is_newer(serial, newest)))
			continue;
		newest = serial;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
	}
	closedir(dir);
	if (path[0] == '\0')
		return fault_set(why, E_ABSENT, "no snapshot in '%s'", folder);
	return view_open(path, ret_view, why);
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
