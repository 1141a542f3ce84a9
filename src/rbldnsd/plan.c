/* SPDX-License-Identifier: ISC */
#include "rbldnsd/plan.h"

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "rbldata/name.h"

struct plan_build {
	struct rbl_plan *plan;
	struct fault *why;
};

/* Comma and colon separate files, so that "a:b" is two files: as rbldnsd reads them. */
static size_t files_split(struct arena *arena, const char *text, const char **files)
{
	size_t len = 0;

	while (*text != '\0') {
		size_t end = strcspn(text, ",:");

		if (end != 0 && files != NULL)
			files[len] = arena_format(arena, "%.*s", (int)end, text);
		len += end != 0;
		text += end + (text[end] != '\0');
	}
	return len;
}

/* The place of a data set "type:file,file" among the sources: of the same words, or a new one. */
static int plan_source(struct plan_build *build, const char *words, size_t *ret_source)
{
	struct rbl_plan *plan = build->plan;
	struct rbl_source *source = &plan->sources[plan->sources_len];
	size_t type_len = strcspn(words, ":");
	const char **files;

	if (words[type_len] == '\0')
		return fault_set(
			build->why, E_PARSE, "invalid zone data specification '%s'", words);
	for (size_t i = 0; i < plan->sources_len; i++) {
		if (strcmp(plan->sources[i].name, words) == 0) {
			*ret_source = i;
			return 0;
		}
	}
	if (rbl_type_parse(span_of(words, type_len), &source->type) < 0)
		return fault_set(
			build->why, E_ABSENT, "unknown dataset type '%.*s'", (int)type_len, words);
	words += type_len + 1;
	source->files_len = files_split(plan->arena, words, NULL);
	if (source->files_len == 0)
		return fault_set(build->why, E_PARSE, "missing filenames for %s",
			rbl_type_name(source->type));
	files = arena_alloc(plan->arena, source->files_len * sizeof(*files));
	files_split(plan->arena, words, files);
	source->files = files;
	source->name = arena_format(plan->arena, "%s:%s", rbl_type_name(source->type), words);
	*ret_source = plan->sources_len++;
	return 0;
}

static struct rbl_plan_zone *plan_zone(struct plan_build *build, const struct dns_name *apex)
{
	struct rbl_plan *plan = build->plan;
	char text[DNS_NAME_TEXT_SIZE];
	struct rbl_plan_zone *zone;

	for (size_t i = 0; i < plan->zones_len; i++) {
		if (dns_name_equal(&plan->zones[i].apex, apex))
			return &plan->zones[i];
	}
	zone = &plan->zones[plan->zones_len++];
	zone->apex = *apex;
	for (size_t i = 0; i < apex->len; i++)
		zone->apex.wire[i] = ascii_lower(apex->wire[i]); /* lengths are below letters */
	zone->name = arena_copy_string(plan->arena, dns_name_print(&zone->apex, text));
	zone->acl = RBL_NO_ACL;
	return zone;
}

static int plan_connect(
	struct plan_build *build, const struct dns_name *apex, size_t source, size_t specs_len)
{
	struct rbl_plan *plan = build->plan;
	struct rbl_plan_zone *zone = plan_zone(build, apex);

	if (plan->sources[source].type == RBL_ACL) {
		if (zone->acl != RBL_NO_ACL)
			return fault_set(build->why, E_CONFLICT,
				"repeated ACL definition for zone '%s'", zone->name);
		zone->acl = (int)source;
		return 0;
	}
	if (zone->sources == NULL)
		zone->sources = arena_alloc(plan->arena, specs_len * sizeof(*zone->sources));
	zone->sources[zone->sources_len++] = source;
	return 0;
}

static int plan_global(struct plan_build *build, const char *spec, size_t source)
{
	struct rbl_plan *plan = build->plan;

	if (plan->sources[source].type != RBL_ACL)
		return fault_set(build->why, E_PARSE, "missing domain name in '%s'", spec);
	if (plan->acl != RBL_NO_ACL)
		return fault_set(build->why, E_CONFLICT, "global acl specified more than once");
	plan->acl = (int)source;
	return 0;
}

/* As names in the data are read: dots too many are passed over. */
static int apex_read(struct span text, struct dns_name *apex)
{
	struct rbl_cursor cursor = rbl_cursor_of(text);
	int len = rbl_name_read(&cursor, apex->wire);

	if (len < 0 || cursor.ptr != cursor.end)
		return E_PARSE;
	apex->len = (uint8_t)len;
	return 0;
}

static int plan_take(struct plan_build *build, const char *spec, size_t specs_len)
{
	size_t name_len = strcspn(spec, ":");
	struct dns_name apex = {.len = 1};
	size_t source = 0;
	int r;

	if (spec[name_len] == '\0')
		return fault_set(build->why, E_PARSE, "invalid zone spec '%s'", spec);
	if (name_len != 0 && apex_read(span_of(spec, name_len), &apex) < 0)
		return fault_set(
			build->why, E_PARSE, "invalid domain name '%.*s'", (int)name_len, spec);
	r = plan_source(build, spec + name_len + 1, &source);
	if (r < 0)
		return r;
	return apex.len == 1 ? plan_global(build, spec, source)
			     : plan_connect(build, &apex, source, specs_len);
}

static int plan_check(const struct plan_build *build)
{
	const struct rbl_plan *plan = build->plan;

	for (size_t i = 0; i < plan->zones_len; i++) {
		if (plan->zones[i].sources_len == 0)
			return fault_set(build->why, E_CONFLICT, "missing data for zone '%s'",
				plan->zones[i].name);
	}
	return plan->zones_len != 0
		       ? 0
		       : fault_set(build->why, E_PARSE, "no zone(s) to service specified");
}

int rbl_plan_new(
	const char *const *specs, size_t len, struct rbl_plan **ret_plan, struct fault *why)
{
	AUTO(rbl_plan) *plan = mem_new(rbl_plan);
	struct plan_build build = {.plan = plan, .why = why};
	int r = 0;

	plan->arena = arena_new(0);
	plan->acl = RBL_NO_ACL;
	plan->sources = arena_alloc(plan->arena, (len + 1) * sizeof(*plan->sources));
	plan->zones = arena_alloc(plan->arena, (len + 1) * sizeof(*plan->zones));
	for (size_t i = 0; i < len && r == 0; i++)
		r = plan_take(&build, specs[i], len);
	if (r == 0)
		r = plan_check(&build);
	if (r == 0)
		*ret_plan = TAKE(plan);
	return r;
}

void rbl_plan_free(struct rbl_plan **plan)
{
	if (*plan == NULL)
		return;
	arena_free(&(*plan)->arena);
	mem_free(*plan);
	*plan = NULL;
}
