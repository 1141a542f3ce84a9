/* SPDX-License-Identifier: ISC */
/*
 * `list export`: a list as a file that rbldnsd serves with our answers. The listings come from the keeper and are painted
 * here as a snapshot is, so that what is written is what the DNS role answers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "cli/list_change.h"
#include "cli/list_export.h"
#include "list/snapshot.h"
#include "list/snapshot_write.h"
#include "list/view.h"

enum { PAGE = 1000 };

struct export_request {
	const char *list_name, *sublist, *format_name, *file;
	enum rbl_type format;
	const struct conf_list *list;
};

/* ---- The list as a view ---- */

static int sublist_index(const struct conf_list *list, const char *name)
{
	for (size_t i = 0; i < list->sublists_len; i++) {
		if (strcmp(list->sublists[i].name, name) == 0)
			return (int)i;
	}
	return E_ABSENT;
}

/* A sublist that the configuration no longer has is not served either. */
static int listing_add(struct snapshot_writer *writer, const struct conf_list *list,
	const struct bus_listing *listing, int64_t now_s)
{
	int sublist = sublist_index(list, listing->sublist);

	if (sublist < 0 || (listing->until_s != 0 && listing->until_s <= now_s) ||
		listing->source == NULL)
		return 0;
	return snapshot_writer_add(writer, 0,
		&(struct list_entry){*listing->source, (uint8_t)sublist, listing->excluded,
			listing->until_s, span_text(listing->reason)});
}

static int listings_fetch(
	struct cli *cli, const struct conf_list *list, struct snapshot_writer *writer)
{
	struct bus_query query = {.what = BUS_QUERY_LISTINGS, .list = list->name, .limit = PAGE};
	int64_t now_s = clock_now_s();
	bool more = true;
	int code = keeper_open(cli);

	while (more && code == 0) {
		AUTO(bus_answer) *answer = NULL;
		int r = 0;

		code = keeper_ask(cli, &query, &answer);
		for (size_t i = 0; code == 0 && r == 0 && i < answer->listings_len; i++) {
			r = listing_add(writer, list, &answer->listings[i], now_s);
			query.after_id = answer->listings[i].id;
		}
		if (r < 0)
			return cli_fail(cli, r, "cannot export '%s': %s", list->name, err_text(r));
		more = code == 0 && answer->more && answer->listings_len != 0;
	}
	return code;
}

struct painted_list {
	struct image image;
	struct view *view;
};

static void painted_list_free(struct painted_list **painted)
{
	view_free(&(*painted)->view);
	image_done(&(*painted)->image);
}

static int list_paint(struct cli *cli, const struct conf_list *list, struct painted_list *painted)
{
	AUTO(snapshot_writer) *writer = snapshot_writer_new(1, clock_now_s());
	struct span *names = arena_alloc(cli->arena, list->sublists_len * sizeof(*names));
	struct fault why;
	int code, r;

	for (size_t i = 0; i < list->sublists_len; i++)
		names[i] = span_text(list->sublists[i].name);
	r = snapshot_writer_add_list(writer, span_text(list->name), names, list->sublists_len);
	if (r < 0)
		return cli_fail(cli, r, "cannot export '%s': %s", list->name, err_text(r));
	code = listings_fetch(cli, list, writer);
	if (code != 0)
		return code;
	r = snapshot_writer_image(writer, &painted->image, &why);
	if (r == 0)
		r = view_open_bytes(span_of(painted->image.bytes, painted->image.len), false,
			&painted->view, &why);
	return r < 0 ? cli_fail(cli, r, "%s", why.text) : 0;
}

/* ---- The file ---- */

static const struct zone *zone_of_list(const struct zone_table *table, const char *list)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		if (!table->zones[i].is_combined &&
			span_equal_text(table->zones[i].lists[0].name, list))
			return &table->zones[i];
	}
	return NULL;
}

static uint32_t within_of(const struct zone *zone, const char *sublist)
{
	for (size_t i = 0; sublist != NULL && i < zone->sublists_len; i++) {
		if (span_equal_text(zone->sublists[i].name, sublist))
			return UINT32_C(1) << i;
	}
	return zone->all;
}

static void heading_write(const struct export *export, const struct export_request *request)
{
	char now[CLOCK_TEXT_SIZE];

	fprintf(export->out, "# %s%s%s, %s UTC, for rbldnsd: %s\n", request->list->name,
		request->sublist != NULL ? "/" : "",
		request->sublist != NULL ? request->sublist : "",
		clock_print_minute(clock_now_s(), now), rbl_type_name(request->format));
	fprintf(export->out, "$TTL %" PRIu32 "\n", export->binding->zone->ttl_s);
}

static int export_write(struct cli *cli, const struct export_request *request,
	const struct zone_table *table, const struct view *view, FILE *out)
{
	struct zone_binding *binding = arena_alloc(cli->arena, sizeof(*binding));
	struct export *export = arena_alloc(cli->arena, sizeof(*export));
	const struct zone *zone = zone_of_list(table, request->list->name);
	int code;

	zone_bind(binding, table, zone, view);
	*export = (struct export){.cli = cli,
		.list_name = request->list->name,
		.format = request->format,
		.binding = binding,
		.within = within_of(zone, request->sublist),
		.out = out};
	heading_write(export, request);
	code = export_lines(export);
	if (code != 0)
		return code;
	if (export->other_family != 0)
		cli_remark(cli, "left out: %" PRIu64 " %s of %s; export with --format %s",
			export->other_family, export->other_family == 1 ? "range" : "ranges",
			(rbl_type_kinds(request->format) & RBL_KIND_V4) != 0 ? "IPv6" : "IPv4",
			(rbl_type_kinds(request->format) & RBL_KIND_V4) != 0 ? "ip6trie"
									     : "ip4set");
	cli_remark(cli, "%" PRIu64 " %s of %s written", export->lines,
		export->lines == 1 ? "entry" : "entries", request->list->name);
	return 0;
}

/* rbldnsd looks at its files when it likes: it has to find the old one or the new one. */
static int export_to_file(struct cli *cli, const struct export_request *request,
	const struct zone_table *table, const struct view *view)
{
	const char *part = arena_format(cli->arena, "%s.part", request->file);
	FILE *out = fopen(part, "we");
	int code;

	if (out == NULL)
		return cli_fail(cli, err_from_errno(errno), "cannot create '%s': %s", part,
			err_text(err_from_errno(errno)));
	code = export_write(cli, request, table, view, out);
	if (code == 0 && (fflush(out) != 0 || fsync(fileno(out)) != 0))
		code = cli_fail(cli, E_IO, "cannot write '%s'", part);
	if (fclose(out) != 0 && code == 0)
		code = cli_fail(cli, E_IO, "cannot write '%s'", part);
	if (code == 0 && rename(part, request->file) != 0)
		code = cli_fail(cli, err_from_errno(errno), "cannot rename '%s' to '%s'", part,
			request->file);
	if (code != 0)
		unlink(part);
	return code;
}

static int export_run(struct cli *cli, const struct export_request *request)
{
	struct painted_list painted = {0};
	__attribute__((cleanup(painted_list_free), unused)) struct painted_list *owner = &painted;
	AUTO(zone_table) *table = NULL;
	struct fault why;
	int r = zone_table_new(cli->conf, &table, &why), code;

	if (r < 0)
		return cli_fail(cli, r, "%s", why.text);
	if (zone_of_list(table, request->list->name) == NULL)
		return cli_fail(cli, E_ABSENT, "the list '%s' has no zone, so no codes and texts",
			request->list->name);
	code = list_paint(cli, request->list, &painted);
	if (code != 0)
		return code;
	if (request->file != NULL)
		return export_to_file(cli, request, table, painted.view);
	code = export_write(cli, request, table, painted.view, stdout);
	if (code == 0 && fflush(stdout) != 0)
		code = cli_fail(cli, E_IO, "cannot write the list");
	return code;
}

static int request_check(struct cli *cli, struct export_request *request)
{
	bool holds_domains;
	int code = list_need(cli, request->list_name, SOURCE_NET, &request->list);

	if (code == 0)
		code = sublist_check(cli, request->list, request->sublist);
	if (code != 0)
		return code;
	holds_domains = request->list->holds == LIST_OF_DOMAINS;
	if (request->format_name == NULL)
		request->format_name = holds_domains ? "dnset" : "ip4set";
	if (rbl_type_parse(span_text(request->format_name), &request->format) < 0 ||
		request->format >= RBL_GENERIC)
		return cli_usage(cli,
			"--format is one of ip4set, ip4tset, ip4trie, ip6tset, ip6trie, dnset");
	if (holds_domains != (request->format == RBL_DNSET))
		return cli_usage(cli, "the list '%s' holds %s, and %s has none",
			request->list->name, holds_domains ? "domains" : "addresses",
			request->format_name);
	return 0;
}

int verb_list_export(struct cli *cli)
{
	struct export_request request = {0};
	const struct cli_option options[] = {
		{"--format", OPTION_TEXT, &request.format_name},
		{"--sublist", OPTION_TEXT, &request.sublist},
		{0},
	};
	int code = cli_parse(cli, options, 1, 2);

	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	request.list_name = cli->operands[0];
	request.file = cli->operands_len == 2 ? cli->operands[1] : NULL;
	code = request_check(cli, &request);
	return code != 0 ? code : export_run(cli, &request);
}
