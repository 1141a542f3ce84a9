/* SPDX-License-Identifier: ISC */
#include "portal/lookup.h"

#include <string.h>

#include "list/incident.h"

static bool is_decoration(uint8_t byte)
{
	return byte <= 0x20 || (byte != 0 && strchr("[](){}<>\"'`,;.!", byte) != NULL);
}

/* A leading dot means "and all below", and a leading colon starts an IPv6 address: both stay. */
static struct span without_decoration(struct span s)
{
	while (s.len != 0 && s.ptr[0] != '.' && is_decoration(s.ptr[0]))
		s = span_from(s, 1);
	while (s.len != 0 && is_decoration(s.ptr[s.len - 1]))
		s = span_first(s, s.len - 1);
	return s;
}

/* One label alone sends no mail. */
int lookup_parse_source(struct span typed, struct source *ret_source)
{
	struct source source;
	int r = source_parse(typed, &source, NULL);

	if (r < 0)
		return r == E_RANGE ? r : E_PARSE;
	if (!source_is_narrow(&source))
		return source.kind == SOURCE_NET ? E_LIMIT : E_PARSE;
	*ret_source = source;
	return 0;
}

int lookup_parse(struct span typed, struct lookup *ret_lookup)
{
	/* "https://mail.example.org/why/7K3M-..." is the usual thing to copy from a bounce. */
	size_t link = span_find_text(typed, "/why/");
	struct span s = without_decoration(link == typed.len ? typed : span_from(typed, link + 5));
	struct lookup lookup = {.kind = LOOKUP_INCIDENT};
	int r;

	if (s.len == 0)
		return E_ABSENT;
	r = incident_number_parse(s, &lookup.incident);
	if (r == E_PARSE) {
		/* Was an incident number meant? No dot, no colon, nothing a name would need. */
		if (span_is_word(s, "- "))
			return E_TRUNCATED;
		lookup.kind = LOOKUP_SOURCE;
		r = lookup_parse_source(s, &lookup.source);
	}
	if (r < 0)
		return r;
	*ret_lookup = lookup;
	return 0;
}

const char *lookup_advice(int error)
{
	switch (error) {
	case E_ABSENT:
		return "Nothing was typed. Enter the number or the address from the error message.";
	case E_CHECKSUM:
		return "This looks like an incident number, but a character seems mistyped. Please compare it with the error message.";
	case E_TRUNCATED:
		return "An incident number has twelve letters and digits, like 7K3M-9QXT-2FHH. Please compare it with the error message.";
	case E_RANGE:
		return "This looks like an address or a network, but a number in it does not fit. A network ends in zeros, like 198.51.100.0/24.";
	case E_LIMIT:
		return "This network is too large to look up here. Please ask about one of its addresses, or about a network of at most /24 (IPv4) or /48 (IPv6).";
	default:
		return "This is not an incident number, an address or a domain name. Please copy it from the error message.";
	}
}

const char *lookup_print(const struct lookup *lookup, struct arena *arena)
{
	char number[INCIDENT_TEXT_SIZE], source[SOURCE_TEXT_SIZE];

	if (lookup->kind == LOOKUP_INCIDENT)
		return arena_copy_string(arena, incident_number_print(lookup->incident, number));
	return arena_copy_string(arena, source_print(&lookup->source, source));
}
