/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The TXT string of a listing: "Listed: 3 trap hits; https://mail.example.org/why/198.51.100.9".
 * Pure; any thread.
 */
#include "base/arena.h"
#include "base/ip.h"
#include "conf/txt_template.h"

enum { ZONE_TEXT_MAX = 255 };

/* The source that a text names. */
struct text_subject {
	bool is_net;
	struct prefix net; /* an address alone: 128 bits */
	struct span domain;
};

/* A template (conf/txt_template.h), read once: no part names a list, sublist or code any more. */
struct zone_template {
	size_t parts_len;
	const struct txt_part *parts;
};

/* A template as it is written, and what its words stand for as soon as it is read. */
struct zone_template_source {
	struct span text;
	struct span list, sublist, code;
};

/* The parts live in the arena. E_PARSE. */
int zone_template_init(struct zone_template *template, const struct zone_template_source *source,
	struct arena *arena, struct fault *why);

/* Whether texts of this template differ by what is listed. */
bool zone_template_names_source(const struct zone_template *template);

/* What its words stand for when a text is made. */
struct zone_text_values {
	struct span portal_url, reason;
	struct text_subject subject;
};

/*
 * At most ZONE_TEXT_MAX octets, printable ASCII only. What is too long is cut where it hurts least:
 * first the reason, with "..." behind it; then the page is that of the portal; then the end. What a
 * stranger put into a domain is percent-encoded.
 */
size_t zone_text(const struct zone_template *template, const struct zone_text_values *values,
	uint8_t out[ZONE_TEXT_MAX]);
