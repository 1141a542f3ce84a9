/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "sets/names.h"
#include "zone/test_entries.h"
#include "zone/walk_priv.h"

/*
 * Domains.
 *
 * We answer by the nearest entry at or above a name. A secondary has no entries: it has names and
 * wildcards, and a wildcard does not reach below any name that exists (RFC 4592 section 3.3.1). So
 * wherever a name has to stand, what it inherits is written out beside it: an answer of its own,
 * and a wildcard for the names below that nothing is nearer to.
 *
 *   listed      .example.net           the name and all below it: answer A
 *   excluded    .good.example.net
 *   listed      bad.good.example.net   that name alone: A
 *   listed      x.y.example.net        that name alone, for another reason: B
 *
 * gives, in the order of the walk (names read from their last label on, what is above first):
 *
 *   example.net            A
 *   *.example.net          A
 *   good.example.net       nothing, but there, so that *.example.net covers nothing of it
 *   bad.good.example.net   A
 *   y.example.net          A    not an entry, but above one: *.example.net does not reach here
 *   *.y.example.net        A
 *   x.y.example.net        B
 *   *.x.y.example.net      A
 *
 * How: entries come in that order (match_next_domain). One that says nothing else than would hold
 * without it makes no name: whether it is there depends on how the list came about, not on what it
 * says (is_significant). For one that does, names are due from the topmost one above it that the
 * walk has not passed (first_due, by the entry before: `path`) down to itself, for each first the
 * name, then the wildcard below it. At x.y.example.net `path` is bad.good.example.net, which lies
 * below net and example.net; so y.example.net is the first that is due, then x.y.example.net. Nodes
 * without an answer are left out, but for the entry itself.
 *
 * A region is walked in the same way from its name on (root_len), as if everything above had been
 * passed; a change makes a region of the changed name with all below it, and of each name above,
 * which may exist because of it (zone/diff.c). The test entry has a place of its own in the order,
 * since no list holds it.
 */
enum due { DUE_NOTHING, DUE_SELF, DUE_BELOW };

static const char *const test_name = "test";

static struct span parent_of(struct span name)
{
	span_split(&name, '.');
	return name;
}

bool domain_is_within(struct span name, struct span above)
{
	size_t rest = name.len - above.len;

	return name.len >= above.len && span_equal(span_from(name, rest), above) &&
	       (rest == 0 || above.len == 0 || name.ptr[rest - 1] == '.');
}

static bool is_significant(const struct zone_walk *walk, struct span name)
{
	struct zone_match above, own, below;

	if (zone_test_domain(name) && (walk->within & walk->binding->alive) != 0)
		return true;
	match_below_domain(walk->binding, parent_of(name), walk->within, &above);
	match_at_domain(walk->binding, name, walk->within, &own);
	if (!match_equal(&own, &above))
		return true;
	match_below_domain(walk->binding, name, walk->within, &below);
	return !match_equal(&below, &above);
}

int domain_compare(struct span a, struct span b)
{
	uint8_t key_a[NAME_KEY_SIZE], key_b[NAME_KEY_SIZE];

	return span_compare(span_of(key_a, (size_t)name_key(a, key_a)),
		span_of(key_b, (size_t)name_key(b, key_b)));
}

/* The next entry of all sublists, and the test entry at its place. */
static bool walk_next_entry(struct zone_walk *walk, char next[VIEW_NAME_SIZE])
{
	bool found = match_next_domain(walk->binding, span_text(walk->name), next);

	if (!walk->tested &&
		(!found || domain_compare(span_text(test_name), span_text(next)) <= 0)) {
		walk->tested = true;
		strcpy(next, test_name);
		found = true;
	}
	return found;
}

/* The next one that makes a difference, inside the region. */
static bool walk_next_name(struct zone_walk *walk, struct span root)
{
	char next[VIEW_NAME_SIZE];

	while (walk_next_entry(walk, next)) {
		struct span name = span_text(next);

		if (!domain_is_within(name, root))
			return false;
		strcpy(walk->name, next);
		walk->differs = is_significant(walk, name);
		if (walk->differs)
			return true;
	}
	return false;
}

/* Where the next name to the left begins. */
static size_t label_before(const char *name, size_t at)
{
	at -= at != 0; /* the dot */
	while (at != 0 && name[at - 1] != '.')
		at--;
	return at;
}

/* The topmost name above `name` that has not been passed yet: not above the last one, and below the
 * root. */
static size_t first_due(const struct zone_walk *walk)
{
	struct span name = span_text(walk->name);
	struct span path = span_text(walk->path);
	size_t at = name.len - walk->root_len;

	do {
		at = label_before(walk->name, at);
	} while (at != 0 && path.len != 0 && domain_is_within(path, span_from(name, at)));
	return at;
}

/* ---- nodes ---- */

static bool node_name_domain(const struct zone_walk *walk, struct zone_node *node)
{
	struct span rest = node->domain;
	bool fits = !node->below || node_put_label(node, span_text("*"));

	while (fits && rest.len != 0)
		fits = node_put_label(node, span_split(&rest, '.'));
	return fits && node_end_owner(walk, node);
}

/* The node of a name itself or below it; false: there is none. */
static bool node_of_domain(
	const struct zone_walk *walk, struct span name, bool below, struct zone_node *node)
{
	struct zone_match other;

	node->owner_len = 0;
	node->first = 0;
	node->bits = 0;
	node->domain = name;
	node->below = below;
	if (below)
		match_below_domain(walk->binding, name, walk->within, &node->match);
	else
		match_at_domain(walk->binding, name, walk->within, &node->match);
	if (node->match.len == 0) {
		match_below_domain(walk->binding, name, walk->within, &other);
		if (below || !walk->differs || name.ptr != (const uint8_t *)walk->name ||
			other.len != 0)
			return false;
	}
	node->subject = match_subject_domain(walk->binding, name, walk->within, &node->match);
	return node_name_domain(walk, node);
}

/* The test entry has its own place in the order, also when it is above another one. */
static bool due_is_passed(const struct zone_walk *walk, struct span name)
{
	return walk->due_at != 0 && zone_test_domain(name);
}

static void due_pass(struct zone_walk *walk)
{
	if (walk->due == DUE_SELF) {
		walk->due = DUE_BELOW;
	} else if (walk->due_at != 0) {
		walk->due_at = label_before(walk->name, walk->due_at);
		walk->due = DUE_SELF;
	} else {
		strcpy(walk->path, walk->name);
		walk->due = DUE_NOTHING;
	}
}

bool walk_next_domain(struct zone_walk *walk, struct zone_node *node)
{
	char root[VIEW_NAME_SIZE] = "";

	if (walk->root_len != 0)
		strcpy(root, walk->name + strlen(walk->name) - walk->root_len);
	for (;;) {
		struct span name;
		bool below = walk->due == DUE_BELOW, found;

		if (walk->due == DUE_NOTHING) {
			if (walk->alone || !walk_next_name(walk, span_text(root)))
				return false;
			walk->due_at = first_due(walk);
			walk->due = DUE_SELF;
			continue;
		}
		name = span_from(span_text(walk->name), walk->due_at);
		found = !due_is_passed(walk, name) && node_of_domain(walk, name, below, node);
		due_pass(walk);
		if (found)
			return true;
	}
}

/* ---- one region ---- */

static bool has_significant_below(const struct zone_walk *walk, struct span name)
{
	char at[VIEW_NAME_SIZE], next[VIEW_NAME_SIZE];

	snprintf(at, sizeof(at), "%.*s", (int)name.len, (const char *)name.ptr);
	while (match_next_domain(walk->binding, span_text(at), next)) {
		if (!domain_is_within(span_text(next), name))
			return false;
		if (is_significant(walk, span_text(next)))
			return true;
		strcpy(at, next);
	}
	return false;
}

void walk_begin_domain(struct zone_walk *walk, const struct zone_region *region)
{
	struct span name = span_text(region->domain);

	strcpy(walk->name, region->domain);
	strcpy(walk->path, region->domain);
	walk->root_len = name.len;
	walk->tested = true;
	walk->alone = !region->whole;
	walk->differs = is_significant(walk, name);
	if (walk->differs || has_significant_below(walk, name))
		walk->due = DUE_SELF; /* due_at 0: the name itself */
}
