/* SPDX-License-Identifier: ISC */
/* `list export`: a list as a file that rbldnsd serves with our answers. The listings come from the
 * keeper and are painted here as a snapshot is, so that what is written is what the DNS role
 * answers. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "cli/keeper_client.h"
#include "cli/list_export_lines.h"
#include "cli/list_target.h"
#include "list/snapshot.h"
#include "list/snapshot_write.h"
#include "list/view.h"

struct export_request {
	struct list_target target;
	const char *format_name, *file;
	enum rbl_type format;
	const struct zone_table *table;
	const struct view *view;
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

struct listing_sink {
	struct snapshot_writer *writer;
	const struct conf_list *list;
	int64_t now_s;
};

/* A sublist that the configuration no longer has is not served either. */
static int sink_take(const struct bus_run *run, void *arg)
{
	const struct listing_sink *sink = arg;
	int sublist = sublist_index(sink->list, run->shared.sublist);
	struct list_entry entry = {.sublist = (uint8_t)sublist,
		.excluded = run->shared.excluded,
		.until_s = run->shared.until_s,
		.reason = span_text(run->shared.reason)};
	int r = 0, found = 0;

	if (sublist < 0 || (entry.until_s != 0 && entry.until_s <= sink->now_s))
		return 0;
	for (size_t i = 0; r == 0 && found != E_ABSENT; i++) {
		found = bus_run_source(run, i, &entry.source);
		if (found == 0)
			r = snapshot_writer_add(sink->writer, 0, &entry);
	}
	return r;
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
	struct listing_sink sink = {writer, list, clock_now_s()};
	struct fault why;
	int code, r;

	for (size_t i = 0; i < list->sublists_len; i++)
		names[i] = span_text(list->sublists[i].name);
	r = snapshot_writer_add_list(writer, span_text(list->name), names, list->sublists_len);
	if (r < 0)
		return cli_fail(cli, r, "cannot export '%s': %s", list->name, err_text(r));
	code = keeper_open(cli);
	if (code == 0)
		code = keeper_walk_runs(cli, list->name, sink_take, &sink);
	if (code != 0)
		return code < 0 ? cli_fail(cli, code, "cannot export '%s': %s", list->name,
					  err_text(code))
				: code;
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

	fprintf(export->out, "# %s%s%s, %s UTC, for rbldnsd: %s\n", request->target.list->name,
		request->target.sublist != NULL ? "/" : "",
		request->target.sublist != NULL ? request->target.sublist : "",
		clock_print_minute(clock_now_s(), now), rbl_type_name(request->format));
	fprintf(export->out, "$TTL %" PRIu32 "\n", export->binding->zone->ttl_s);
}

static int export_write(struct cli *cli, const struct export_request *request, FILE *out)
{
	struct zone_binding *binding = arena_alloc(cli->arena, sizeof(*binding));
	struct export *export = arena_alloc(cli->arena, sizeof(*export));
	const struct zone *zone = zone_of_list(request->table, request->target.list->name);
	int code;

	zone_bind(binding, request->table, zone, request->view);
	*export = (struct export){.cli = cli,
		.list_name = request->target.list->name,
		.format = request->format,
		.binding = binding,
		.within = within_of(zone, request->target.sublist),
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
		export->lines == 1 ? "entry" : "entries", request->target.list->name);
	return 0;
}

/* Whoever may write to the folder may have put a link there, for root to follow. */
static int part_open(struct cli *cli, const char *file, const char *part, FILE **ret_out)
{
	struct stat before, stale;
	bool is_there = lstat(file, &before) == 0;
	int fd;

	if (is_there && !S_ISREG(before.st_mode))
		return cli_fail(cli, E_EXISTS, "'%s' is a link, or no file", file);
	if (lstat(part, &stale) == 0 && S_ISREG(stale.st_mode))
		unlink(part); /* of an export that was interrupted */
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return cli_fail(cli, err_from_errno(errno), "cannot create '%s': %s", part,
			err_text(err_from_errno(errno)));
	/* As the file that it replaces; an owner is kept by root alone. */
	if (is_there && ((fchown(fd, before.st_uid, before.st_gid) < 0 && errno != EPERM) ||
				fchmod(fd, before.st_mode & 0777) < 0))
		cli_remark(cli, "'%s' does not get the owner and mode of the file before", file);
	*ret_out = fdopen(fd, "w");
	return 0;
}

/* rbldnsd looks at its files when it likes: it has to find the old one or the new one. */
static int export_to_file(struct cli *cli, const struct export_request *request)
{
	const char *part = arena_format(cli->arena, "%s.part", request->file);
	FILE *out = NULL;
	int code = part_open(cli, request->file, part, &out);

	if (code != 0)
		return code;
	code = export_write(cli, request, out);
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

static int export_run(struct cli *cli, struct export_request *request)
{
	struct painted_list painted = {0};
	__attribute__((cleanup(painted_list_free), unused)) struct painted_list *owner = &painted;
	AUTO(zone_table) *table = NULL;
	struct fault why;
	int r = zone_table_new(cli->conf, &table, &why), code;

	if (r < 0)
		return cli_fail(cli, r, "%s", why.text);
	if (zone_of_list(table, request->target.list->name) == NULL)
		return cli_fail(cli, E_ABSENT, "the list '%s' has no zone, so no codes and texts",
			request->target.list->name);
	code = list_paint(cli, request->target.list, &painted);
	if (code != 0)
		return code;
	request->table = table;
	request->view = painted.view;
	if (request->file != NULL)
		return export_to_file(cli, request);
	code = export_write(cli, request, stdout);
	if (code == 0 && fflush(stdout) != 0)
		code = cli_fail(cli, E_IO, "cannot write the list");
	return code;
}

static int request_check(struct cli *cli, struct export_request *request)
{
	bool holds_domains;
	int code = list_target_find(cli, &request->target, SOURCE_NET);

	if (code != 0)
		return code;
	holds_domains = request->target.list->holds == LIST_OF_DOMAINS;
	if (request->format_name == NULL)
		request->format_name = holds_domains ? "dnset" : "ip4set";
	if (rbl_type_parse(span_text(request->format_name), &request->format) < 0 ||
		request->format >= RBL_GENERIC)
		return cli_usage(cli,
			"--format is one of ip4set, ip4tset, ip4trie, ip6tset, ip6trie, dnset");
	if (holds_domains != (request->format == RBL_DNSET))
		return cli_usage(cli, "the list '%s' holds %s, and %s has none",
			request->target.list->name, holds_domains ? "domains" : "addresses",
			request->format_name);
	return 0;
}

int verb_list_export(struct cli *cli)
{
	struct export_request request = {0};
	const struct cli_option options[] = {
		{"--format", OPTION_TEXT, &request.format_name},
		{"--sublist", OPTION_TEXT, &request.target.sublist},
		{0},
	};
	int code = cli_parse(cli, options, 1, 2);

	if (code == 0)
		code = cli_conf(cli);
	if (code != 0)
		return code;
	request.target.name = cli->operands[0];
	request.file = cli->operands_len == 2 ? cli->operands[1] : NULL;
	code = request_check(cli, &request);
	return code != 0 ? code : export_run(cli, &request);
}
