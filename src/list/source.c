/* SPDX-License-Identifier: ISC */
#include "list/source.h"

#include <idn2.h>
#include <stdio.h>

#include "base/hostname.h"
#include "base/macro.h"
#include "base/public_suffix.h"

/* A text that can only be meant as an address: with a colon or slash, or all digits and dots. */
static bool looks_like_net(struct span s)
{
	bool digits_only = true;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == ':' || s.ptr[i] == '/')
			return true;
		if (s.ptr[i] != '.' && !ascii_is_digit(s.ptr[i]))
			digits_only = false;
	}
	return digits_only;
}

/* To A-labels after UTS 46 (non-transitional: the sharp s stays itself). */
static int name_to_ascii(struct span name, char text[DOMAIN_SIZE], struct fault *why)
{
	char utf8[DOMAIN_SIZE * 2];
	char *ascii = NULL;
	int r;

	if (name.len >= sizeof(utf8) || span_find(name, '\0') != name.len)
		return fault_set(why, E_PARSE, "this is not a domain name");
	memcpy(utf8, name.ptr, name.len);
	utf8[name.len] = '\0';
	r = idn2_to_ascii_8z(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (r != IDN2_OK)
		return fault_set(why, E_PARSE, "'%s' is not an international domain name: %s", utf8,
			idn2_strerror(r));
	if (strlen(ascii) > HOSTNAME_MAX)
		r = fault_set(why, E_PARSE, "'%s' is too long for a domain name", utf8);
	else
		strcpy(text, ascii);
	idn2_free(ascii);
	return r;
}

static int domain_parse(struct span s, struct source *ret_source, struct fault *why)
{
	bool with_below = s.len > 0 && s.ptr[0] == '.';
	struct span name = span_from(s, with_below);
	char ascii[DOMAIN_SIZE];
	size_t at = 0;

	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!span_is_ascii(name)) {
		int r = name_to_ascii(name, ascii, why);

		if (r < 0)
			return r;
		name = span_text(ascii);
	}
	if (name.len > 2 && name.ptr[0] == '*' && name.ptr[1] == '.')
		return fault_set(why, E_PARSE,
			"'%.*s': write '.%.*s' for a domain and everything below it", (int)s.len,
			s.ptr, (int)name.len - 2, name.ptr + 2);
	if (hostname_labels(name) == 0)
		return fault_set(why, E_PARSE, "'%.*s' is not an address, a network or a domain",
			(int)(s.len < HOSTNAME_MAX ? s.len : HOSTNAME_MAX), s.ptr);
	*ret_source = (struct source){.kind = SOURCE_DOMAIN};
	if (with_below)
		ret_source->domain[at++] = '.';
	for (size_t i = 0; i < name.len; i++)
		ret_source->domain[at++] = (char)ascii_lower(name.ptr[i]);
	return 0;
}

int source_parse(struct span s, struct source *ret_source, struct fault *why)
{
	struct prefix net;
	int r;

	s = span_trim(s);
	if (s.len == 0)
		return fault_set(why, E_PARSE, "no address, network or domain given");
	if (!looks_like_net(s))
		return domain_parse(s, ret_source, why);
	if (s.len >= SOURCE_TEXT_SIZE)
		return fault_set(why, E_PARSE, "too long for an address or a network");
	r = prefix_parse(s, &net, why);
	if (r == 0)
		*ret_source = (struct source){.kind = SOURCE_NET, .net = net};
	return r;
}

const char *source_print(const struct source *source, char text[SOURCE_TEXT_SIZE])
{
	if (source->kind == SOURCE_NET)
		prefix_print(source->net, text);
	else
		snprintf(text, SOURCE_TEXT_SIZE, "%s", source->domain);
	return text;
}

bool source_equal(const struct source *a, const struct source *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == SOURCE_NET)
		return prefix_equal(a->net, b->net);
	return strcmp(a->domain, b->domain) == 0;
}

bool source_is_narrow(const struct source *source)
{
	if (source->kind == SOURCE_NET)
		return prefix_covers(ip_network_of(source->net.ip), source->net);
	return source->domain[0] != '\0' &&
	       !public_suffix_is(span_text(source->domain + (source->domain[0] == '.')));
}

/* Most names are ASCII already; others go through the list's own parser, so that both sides
 * fold alike. */
bool domain_fold(struct span domain, char text[DOMAIN_SIZE], struct span *ret_folded)
{
	struct source source;
	struct span kept = hostname_without_dot(domain);

	if (kept.len == 0 || kept.len >= DOMAIN_SIZE || kept.ptr[0] == '.' || kept.ptr[0] == '[')
		return false;
	for (size_t i = 0; i < kept.len; i++) {
		if (kept.ptr[i] >= 0x80) {
			if (source_parse(kept, &source, NULL) < 0 || source.kind != SOURCE_DOMAIN)
				return false;
			memcpy(text, source.domain, DOMAIN_SIZE);
			*ret_folded = span_text(text);
			return true;
		}
		text[i] = (char)ascii_lower(kept.ptr[i]);
	}
	*ret_folded = span_of(text, kept.len);
	return true;
}
