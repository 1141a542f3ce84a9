/* SPDX-License-Identifier: ISC */
#include "rbldata/dataset.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "rbldata/build.h"
#include "rbldata/subzone.h"

/* A plain data set has one subset; a combined one has one for each $DATASET. */
struct rbl_dataset {
	atomic_uint refs;
	enum rbl_type type;
	struct rbl_head head;
	struct rbl_subset **subsets;
	size_t subsets_len, subsets_size;
	struct rbl_subzones subzones;
};

/* ---- Loading ---- */

struct dataset_loader {
	struct rbl_dataset *dataset;
	struct rbl_reader *reader;
	struct rbl_builder *builder; /* of the current subset; NULL before the first $DATASET */
};

static int subset_finish(struct dataset_loader *loader)
{
	struct rbl_dataset *dataset = loader->dataset;
	AUTO(rbl_subset) *subset = NULL;
	int r = 0;

	if (loader->builder == NULL)
		return 0;
	r = rbl_builder_finish(loader->builder, loader->reader, &subset);
	if (r == 0)
		r = mem_grow_try(&dataset->subsets, &dataset->subsets_size,
			dataset->subsets_len + 1, sizeof(struct rbl_subset *));
	if (r < 0)
		return r;
	dataset->subsets[dataset->subsets_len++] = TAKE(subset);
	rbl_builder_free(&loader->builder);
	return 0;
}

static int dataset_take_entry(
	void *arg, const struct rbl_section *section, const struct rbl_entry *entry, uint64_t line)
{
	struct dataset_loader *loader = arg;

	(void)section;
	return rbl_builder_entry(loader->builder, entry, line);
}

static int dataset_take_plain(
	void *arg, const struct rbl_section *section, struct rbl_plain_lines *lines)
{
	struct dataset_loader *loader = arg;

	/* A combined file begins each time outside all its subsets. */
	return section->type != RBL_COMBINED ? rbl_builder_plain(loader->builder, lines) : 0;
}

static int dataset_take_record(void *arg, const struct rbl_section *section, struct span line,
	struct rbl_offence *ret_offence)
{
	struct dataset_loader *loader = arg;
	struct rbl_ttl_rules rules = {rbl_reader_options(loader->reader), section->scope.ttl_s};

	return rbl_generic_add(loader->builder->generic, line, &rules, ret_offence);
}

static struct span word_next(struct span *rest)
{
	struct span word;

	*rest = span_trim(*rest);
	word = span_first(*rest, 0);
	while (word.len < rest->len && !rbl_is_blank(rest->ptr[word.len]))
		word.len++;
	*rest = span_from(*rest, word.len);
	return word;
}

/* Without a comment, which begins a word. */
static struct span without_comment(struct span words)
{
	for (size_t i = 0; i < words.len; i++) {
		if (rbl_is_comment(words.ptr[i]) && (i == 0 || rbl_is_blank(words.ptr[i - 1])))
			return span_first(words, i);
	}
	return words;
}

/* "@" is the zone itself. In wire form without the root label; its length, or E_PARSE. */
static int subzone_name(struct span word, uint8_t wire[RBL_NAME_SIZE])
{
	struct rbl_cursor cursor = rbl_cursor_of(word);
	int len;

	if (span_equal_text(word, "@"))
		return 0;
	len = rbl_name_read(&cursor, wire);
	for (int i = 0; i < len; i++)
		wire[i] = ascii_lower(wire[i]); /* lengths are below 64, letters are not */
	return len > 0 ? len - 1 : len;
}

/* A subzone that is no name is told of and left out. */
static int subzones_connect(struct dataset_loader *loader, struct span words, unsigned kinds,
	struct rbl_offence *offence)
{
	struct span word = word_next(&words);
	int r = 0;

	if (word.len == 0)
		offence->text = "no subzone: what follows answers nowhere";
	for (; word.len != 0 && r == 0; word = word_next(&words)) {
		uint8_t wire[RBL_NAME_SIZE];
		int len = subzone_name(word, wire);

		if (len >= 0) {
			r = rbl_subzones_connect(&loader->dataset->subzones,
				span_of(wire, (size_t)len), (uint32_t)loader->dataset->subsets_len,
				kinds);
			continue;
		}
		offence->text = "invalid domain name";
		offence->at = word.ptr;
	}
	return r;
}

/* "type[:name] subzone subzone ..." */
static int dataset_take_dataset(void *arg, struct span words, struct rbl_section **ret_section,
	struct rbl_offence *ret_offence)
{
	struct dataset_loader *loader = arg;
	const struct rbl_section *file = rbl_reader_section(loader->reader);
	struct span word, name;
	enum rbl_type type;
	int r;

	words = without_comment(words);
	word = word_next(&words);
	name = span_split(&word, ':');
	if (rbl_type_parse(name, &type) < 0 || type == RBL_COMBINED || type == RBL_ACL) {
		ret_offence->text = "this type is unknown, or cannot stand in a combined file";
		return E_PARSE;
	}
	r = subset_finish(loader);
	if (r < 0)
		return r;
	loader->builder = rbl_builder_new(type);
	loader->builder->section->scope.ttl_s = file->scope.ttl_s;
	rbl_texts_copy(&file->scope.texts, &loader->builder->section->scope.texts);
	*ret_section = loader->builder->section;
	return subzones_connect(loader, words, rbl_type_kinds(type), ret_offence);
}

static void loader_free(struct dataset_loader **loader)
{
	rbl_dataset_unref(&(*loader)->dataset);
	rbl_reader_free(&(*loader)->reader);
	rbl_builder_free(&(*loader)->builder);
}

int rbl_dataset_load(
	const struct rbl_load *load, struct rbl_dataset **ret_dataset, struct fault *why)
{
	struct dataset_loader loader = {.dataset = mem_new(rbl_dataset)};
	__attribute__((cleanup(loader_free), unused)) struct dataset_loader *owner = &loader;
	const struct rbl_taker taker = {dataset_take_entry, dataset_take_plain, dataset_take_record,
		dataset_take_dataset, &loader};
	int r = 0;

	atomic_init(&loader.dataset->refs, 1);
	loader.dataset->type = load->type;
	loader.reader = rbl_reader_new(load->type, load->options, load->now_s, &taker);
	rbl_reader_report_to(loader.reader, load->report);
	if (load->type != RBL_COMBINED) {
		loader.builder = rbl_builder_new(load->type);
		loader.builder->section = rbl_reader_section(loader.reader);
	}
	for (size_t i = 0; i < load->files_len && r == 0; i++)
		r = rbl_reader_file(loader.reader, load->files[i], why);
	if (r < 0)
		return r;
	r = subset_finish(&loader);
	if (r < 0)
		return fault_set(why, r, "%s: %s", load->files[0], err_text(r));
	loader.dataset->head = rbl_reader_take_head(loader.reader);
	*ret_dataset = TAKE(loader.dataset);
	return 0;
}

/* ---- Holding ---- */

struct rbl_dataset *rbl_dataset_ref(struct rbl_dataset *dataset)
{
	if (dataset != NULL)
		atomic_fetch_add_explicit(&dataset->refs, 1, memory_order_relaxed);
	return dataset;
}

void rbl_dataset_unref(struct rbl_dataset **dataset)
{
	struct rbl_dataset *d = *dataset;

	*dataset = NULL;
	if (d == NULL || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < d->subsets_len; i++)
		rbl_subset_free(&d->subsets[i]);
	mem_free(d->subsets);
	rbl_subzones_done(&d->subzones);
	mem_free((void *)(uintptr_t)d->head.ns);
	mem_free(d);
}

const struct rbl_head *rbl_dataset_head(const struct rbl_dataset *dataset)
{
	return &dataset->head;
}

uint64_t rbl_dataset_entries(const struct rbl_dataset *dataset)
{
	uint64_t entries = 0;

	for (size_t i = 0; i < dataset->subsets_len; i++)
		entries += dataset->subsets[i]->entries;
	return entries;
}

size_t rbl_dataset_memory(const struct rbl_dataset *dataset)
{
	size_t bytes = sizeof(*dataset);

	for (size_t i = 0; i < dataset->subsets_len; i++)
		bytes += rbl_subset_memory(dataset->subsets[i]);
	return bytes + rbl_subzones_memory(&dataset->subzones);
}

const char *rbl_dataset_summary(const struct rbl_dataset *dataset, char text[RBL_SUMMARY_SIZE])
{
	uint64_t excluded = 0;
	int len = snprintf(
		text, RBL_SUMMARY_SIZE, "%" PRIu64 " entries", rbl_dataset_entries(dataset));

	for (size_t i = 0; i < dataset->subsets_len; i++)
		excluded += dataset->subsets[i]->excluded;
	if (excluded != 0)
		len += snprintf(text + len, RBL_SUMMARY_SIZE - (size_t)len,
			", %" PRIu64 " exclusions", excluded);
	if (dataset->type == RBL_COMBINED)
		snprintf(text + len, RBL_SUMMARY_SIZE - (size_t)len,
			", %zu data sets in %zu subzones", dataset->subsets_len,
			dataset->subzones.count);
	return text;
}

/* ---- Asking ---- */

static unsigned query_combined(const struct rbl_dataset *dataset,
	const struct rbl_question *question, const struct rbl_sink *sink)
{
	const struct rbl_subzone *subzone = rbl_subzones_find(&dataset->subzones, question);
	unsigned found = rbl_subzones_have_below(&dataset->subzones, question) ? RBL_BELOW : 0;
	struct rbl_question below;

	if (subzone == NULL)
		return found;
	rbl_question_below(question, subzone->labels, subzone->kinds, &below);
	for (size_t i = 0; i < subzone->subsets_len; i++)
		found |= rbl_subset_query(dataset->subsets[subzone->subsets[i]], &below, sink);
	return below.labels == 0 ? found | RBL_FOUND : found;
}

unsigned rbl_dataset_query(const struct rbl_dataset *dataset, const struct rbl_question *question,
	const struct rbl_sink *sink)
{
	if (dataset->type == RBL_COMBINED)
		return query_combined(dataset, question, sink);
	return rbl_subset_query(dataset->subsets[0], question, sink);
}

void rbl_dataset_prefetch(
	const struct rbl_dataset *dataset, const struct rbl_question *question, unsigned step)
{
	_Static_assert((int)RBL_DATASET_FETCHES == (int)RBL_FETCHES, "a step for each of index.h");
	if (dataset->type != RBL_COMBINED)
		rbl_subset_prefetch(dataset->subsets[0], question, step);
}

void rbl_dataset_walk(const struct rbl_dataset *dataset,
	void (*call)(void *arg, struct span subzone, const struct rbl_subset *subset), void *arg)
{
	if (dataset->type != RBL_COMBINED)
		call(arg, span_of(NULL, 0), dataset->subsets[0]);
	for (size_t i = 0; i < dataset->subzones.len; i++) {
		const struct rbl_subzone *subzone = &dataset->subzones.items[i];

		for (size_t j = 0; j < subzone->subsets_len; j++)
			call(arg, span_of(subzone->name, subzone->name_len),
				dataset->subsets[subzone->subsets[j]]);
	}
}

/* ---- acl ---- */

struct rbl_verdict rbl_dataset_verdict(const struct rbl_dataset *acl, struct ip client)
{
	struct rbl_verdict verdict = {.action = RBL_PASS};

	if (acl->type != RBL_ACL)
		return verdict;
	verdict = rbl_subset_verdict(acl->subsets[0], client);
	verdict.acl = acl;
	return verdict;
}

struct rbl_verdict rbl_verdict_join(struct rbl_verdict global, struct rbl_verdict zone)
{
	return zone.action > global.action ? zone : global;
}

void rbl_verdict_answer(const struct rbl_verdict *verdict, struct ip client, unsigned want,
	const struct rbl_sink *sink)
{
	char text[IP_TEXT_SIZE];

	if (verdict->action == RBL_ALWAYS)
		rbl_subset_give(verdict->acl->subsets[0], verdict->value,
			(struct rbl_wish){want, span_text(ip_print(client, text))}, sink);
}
