/* SPDX-License-Identifier: ISC */
#include "store/key.h"

#include "base/macro.h"

/* "bad.example" <-> "example.bad". */
static size_t reverse_labels(struct span name, uint8_t *out)
{
	size_t len = 0, end = name.len;

	for (size_t i = name.len + 1; i-- > 0;) {
		if (i != 0 && name.ptr[i - 1] != '.')
			continue;
		if (len != 0)
			out[len++] = '.';
		memcpy(out + len, name.ptr + i, end - i);
		len += end - i;
		end = i != 0 ? i - 1 : 0;
	}
	return len;
}

struct key key_of(const struct source *source)
{
	struct key key = {.bits = source->net.bits};
	struct span name = span_text(source->domain);

	if (source->kind == SOURCE_NET) {
		memcpy(key.bytes, source->net.ip.b, sizeof(source->net.ip.b));
		key.len = sizeof(source->net.ip.b);
		return key;
	}
	key.bits = KEY_NAME;
	if (name.len != 0 && name.ptr[0] == '.') {
		key.bits = KEY_BELOW;
		name = span_from(name, 1);
	}
	key.len = reverse_labels(name, key.bytes);
	return key;
}

int key_to_source(struct span bytes, int bits, struct source *ret_source)
{
	struct source source;
	uint8_t *domain = (uint8_t *)source.domain;
	struct ip ip;

	if (bits >= 0 && bits <= 128 && bytes.len == sizeof(ip.b)) {
		memcpy(ip.b, bytes.ptr, sizeof(ip.b));
		*ret_source =
			(struct source){.kind = SOURCE_NET, .net = prefix_of(ip, (unsigned)bits)};
		return 0;
	}
	if ((bits != KEY_BELOW && bits != KEY_NAME) || bytes.len == 0 ||
		bytes.len + 2 > DOMAIN_SIZE)
		return E_CORRUPT;
	source = (struct source){.kind = SOURCE_DOMAIN};
	if (bits == KEY_BELOW)
		*domain++ = '.';
	reverse_labels(bytes, domain);
	*ret_source = source;
	return 0;
}

/* '/' comes after '.': names below "example.bad" lie from "example.bad." to "example.bad/". */
bool key_within(const struct source *source, struct key_bounds *ret_range)
{
	struct key key = key_of(source);

	if (key.bits == KEY_NAME)
		return false;
	*ret_range = (struct key_bounds){key, key, key.bits, 128};
	if (key.bits != KEY_BELOW) {
		struct ip last = prefix_last(source->net);

		memcpy(ret_range->last.bytes, last.b, sizeof(last.b));
		return true;
	}
	ret_range->first.bytes[ret_range->first.len++] = '.';
	ret_range->last.bytes[ret_range->last.len++] = '/';
	ret_range->bits_min = KEY_BELOW;
	ret_range->bits_max = KEY_NAME;
	return true;
}

/* An IPv6 network, ::/0 included, lists no IPv4 address, so an IPv4 one has 33 lengths at most. */
static bool net_covering(struct prefix net, unsigned step, struct key *ret_key)
{
	unsigned bits = (prefix_is_v4(net) ? IP_V4_BITS : 0) + step;

	if (bits > net.bits)
		return false;
	*ret_key = key_of(&(struct source){.kind = SOURCE_NET, .net = prefix_of(net.ip, bits)});
	return true;
}

/* For "example.bad.www": ".example", ".bad.example", ".www.bad.example", at last the name alone. */
static bool domain_covering(const struct key *key, unsigned step, struct key *ret_key)
{
	unsigned dots = 0;
	size_t len = 0;

	for (size_t i = 0; i < key->len; i++)
		dots += key->bytes[i] == '.';
	if (step > dots + 1)
		return false;
	*ret_key = *key;
	ret_key->bits = step == dots + 1 ? KEY_NAME : KEY_BELOW;
	if (step >= dots)
		return true;
	for (unsigned labels = 0; key->bytes[len] != '.' || labels++ != step; len++)
		continue;
	ret_key->len = len;
	return true;
}

bool key_covering(const struct source *source, unsigned step, struct key *ret_key)
{
	struct key key = key_of(source);

	return source->kind == SOURCE_NET ? net_covering(source->net, step, ret_key)
					  : domain_covering(&key, step, ret_key);
}
