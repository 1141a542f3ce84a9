/* SPDX-License-Identifier: ISC */
#include "dns/access_keys.h"

#include <sodium.h>

#include "base/macro.h"
#include "base/mem.h"

/*
 * A table of places, twice as many as keys at least, in which a key stands at its hash or behind.
 * The hash has a secret key of its own, so that how long a search takes says nothing about how near
 * a guess was.
 */
struct access_keys {
	uint8_t secret[crypto_shorthash_KEYBYTES];
	size_t len;
	size_t size; /* of keys, which grows while the file is read */
	struct access_key *keys;
	size_t mask;
	uint32_t *places; /* number of a key and 1; 0: free */
};

static size_t key_place(const struct access_keys *keys, struct span label)
{
	uint64_t hash;

	crypto_shorthash((uint8_t *)&hash, label.ptr, label.len, keys->secret);
	return (size_t)hash & keys->mask;
}

static bool key_is(const struct access_key *key, struct span label)
{
	return key->key_len == label.len && sodium_memcmp(key->key, label.ptr, label.len) == 0;
}

const struct access_key *access_keys_find(const struct access_keys *keys, struct span label)
{
	if (label.len < ACCESS_KEY_MIN || label.len > ACCESS_KEY_MAX)
		return NULL;
	for (size_t at = key_place(keys, label); keys->places[at] != 0;
		at = (at + 1) & keys->mask) {
		const struct access_key *key = &keys->keys[keys->places[at] - 1];

		if (key_is(key, label))
			return key;
	}
	return NULL;
}

size_t access_keys_count(const struct access_keys *keys)
{
	return keys->len;
}

/* ---- reading ---- */

struct place {
	unsigned line;
	size_t column;
};

/* The next word of a line; empty at its end. */
static struct span word_next(struct span line, size_t *at, struct place *place)
{
	size_t begin = *at, end;

	while (begin < line.len && (line.ptr[begin] == ' ' || line.ptr[begin] == '\t'))
		begin++;
	for (end = begin; end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t';)
		end++;
	*at = end;
	place->column = begin + 1;
	return span_first(span_from(line, begin), end - begin);
}

static int complain(struct place place, struct fault *why, const char *text)
{
	return fault_set(why, E_PARSE, "%u:%zu: %s", place.line, place.column, text);
}

static int read_key(struct span word, struct place place, struct access_key *key, struct fault *why)
{
	if (word.len < ACCESS_KEY_MIN || word.len > ACCESS_KEY_MAX)
		return complain(place, why, "a key has 16 to 63 characters");
	for (size_t i = 0; i < word.len; i++) {
		key->key[i] = ascii_lower(word.ptr[i]);
		place.column += i != 0;
		if (!ascii_is_alpha(word.ptr[i]) && !ascii_is_digit(word.ptr[i]) &&
			word.ptr[i] != '-')
			return complain(place, why, "a key consists of letters, digits and '-'");
	}
	key->key_len = (uint8_t)word.len;
	return 0;
}

static int read_name(
	struct span word, struct place place, struct access_key *key, struct fault *why)
{
	if (word.len == 0)
		return complain(place, why, "the name behind the key is missing");
	if (word.len > ACCESS_NAME_MAX)
		return complain(place, why, "a name has 64 characters at most");
	for (size_t i = 0; i < word.len; i++) {
		place.column += i != 0;
		if (!ascii_is_print(word.ptr[i]))
			return complain(place, why, "a name consists of printable ASCII");
	}
	memcpy(key->name, word.ptr, word.len);
	key->name_len = (uint8_t)word.len;
	return 0;
}

static int read_quota(
	struct span word, struct place place, struct access_key *key, struct fault *why)
{
	uint64_t quota = UINT32_MAX;

	if (word.len == 0)
		return complain(place, why, "the quota is missing: a number of queries, or '-'");
	if (!span_equal_text(word, "-") && span_parse_u64(word, UINT32_MAX - 1, &quota) < 0)
		return complain(place, why, "the quota is a number of queries, or '-' for none");
	key->quota = (uint32_t)quota;
	return 0;
}

static int read_nothing(
	struct span word, struct place place, struct access_key *key, struct fault *why)
{
	(void)key;
	return word.len == 0 ? 0 : complain(place, why, "nothing belongs behind the quota");
}

static int read_line(struct span line, unsigned number, struct access_key *key, struct fault *why)
{
	static int (*const fields[])(struct span, struct place, struct access_key *,
		struct fault *) = {read_key, read_name, read_quota, read_nothing};
	struct place place = {.line = number};
	size_t at = 0;

	for (size_t i = 0; i < COUNTOF(fields); i++) {
		struct span word = word_next(line, &at, &place);
		int r = fields[i](word, place, key, why);

		if (r < 0)
			return r;
	}
	return 0;
}

static void keys_append(struct access_keys *keys, const struct access_key *key)
{
	mem_grow(&keys->keys, &keys->size, keys->len + 1, sizeof(*keys->keys));
	keys->keys[keys->len++] = *key;
}

static int keys_parse(
	struct access_keys *keys, struct span text, unsigned **lines, struct fault *why)
{
	size_t room = 0;

	for (unsigned number = 1; text.len != 0; number++) {
		struct span line = span_split_line(&text);
		struct access_key key = {.quota = 0};
		int r;

		line = span_trim(line).len != 0 ? line : span_first(line, 0);
		if (line.len == 0 || span_trim(line).ptr[0] == '#')
			continue;
		r = read_line(line, number, &key, why);
		if (r == 0 && keys->len == ACCESS_KEYS_MAX)
			r = fault_set(
				why, E_LIMIT, "%u:1: more than %d keys", number, ACCESS_KEYS_MAX);
		if (r < 0)
			return r;
		mem_grow(lines, &room, keys->len + 1, sizeof(**lines));
		(*lines)[keys->len] = number;
		keys_append(keys, &key);
	}
	return 0;
}

static int keys_index(struct access_keys *keys, const unsigned *lines, struct fault *why)
{
	size_t size = 16;

	while (size < keys->len * 2)
		size *= 2;
	keys->mask = size - 1;
	keys->places = mem_alloc_array(size, sizeof(*keys->places));
	for (size_t i = 0; i < keys->len; i++) {
		struct span label = span_of(keys->keys[i].key, keys->keys[i].key_len);
		const struct access_key *other = access_keys_find(keys, label);
		size_t at = key_place(keys, label);

		if (other != NULL)
			return fault_set(why, E_EXISTS, "%u:1: this key is that of line %u",
				lines[i], lines[other - keys->keys]);
		while (keys->places[at] != 0)
			at = (at + 1) & keys->mask;
		keys->places[at] = (uint32_t)i + 1;
	}
	return 0;
}

int access_keys_parse(struct span text, struct access_keys **ret_keys, struct fault *why)
{
	AUTO(access_keys) *keys = mem_new(access_keys);
	unsigned *lines = NULL;
	int r;

	crypto_shorthash_keygen(keys->secret);
	r = keys_parse(keys, text, &lines, why);
	if (r == 0)
		r = keys_index(keys, lines, why);
	mem_free(lines);
	if (r < 0)
		return r;
	*ret_keys = TAKE(keys);
	return 0;
}

void access_keys_free(struct access_keys **keys)
{
	struct access_keys *k = *keys;

	if (k == NULL)
		return;
	mem_free(k->keys);
	mem_free(k->places);
	mem_free(k);
	*keys = NULL;
}
