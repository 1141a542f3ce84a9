/* SPDX-License-Identifier: ISC */
#include "zone/text.h"

#include <stdio.h>

/* "; " + URL + "/" + every octet of the longest domain percent-encoded. */
enum { LINK_MAX = 2 + ZONE_TEXT_MAX + 1 + 3 * 256, REASON_LEAST = 24 };

static bool text_is_plain(uint8_t byte)
{
	return ascii_is_alpha(byte) || ascii_is_digit(byte) || byte == '.' || byte == '-' ||
	       byte == '_' || byte == ':';
}

static size_t text_encode(struct span s, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (text_is_plain(s.ptr[i])) {
			out[len++] = (char)s.ptr[i];
			continue;
		}
		out[len++] = '%';
		out[len++] = hex[s.ptr[i] >> 4];
		out[len++] = hex[s.ptr[i] & 0xf];
	}
	return len;
}

/* "; https://mail.example.org/why/198.51.100.9"; empty without a portal. When the source makes it too long, the page
 * where it can be looked up has to do. */
static size_t text_link(
	struct span portal_url, const struct ip *ip, struct span domain, char link[LINK_MAX])
{
	size_t room = ZONE_TEXT_MAX - REASON_LEAST;
	char text[IP_TEXT_SIZE];
	size_t base;
	size_t len;

	if (portal_url.len == 0 || portal_url.len + 2 > room)
		return 0;
	memcpy(link, "; ", 2);
	memcpy(link + 2, portal_url.ptr, portal_url.len);
	base = 2 + portal_url.len;
	link[base] = '/';
	if (ip != NULL)
		domain = span_text(ip_print(*ip, text));
	len = base + 1 + text_encode(domain, link + base + 1);
	return len <= room ? len : base;
}

size_t zone_text(struct span portal_url, struct span reason, const struct ip *ip,
	struct span domain, uint8_t out[ZONE_TEXT_MAX])
{
	static const char head[] = "Listed: ";
	char link[LINK_MAX];
	size_t link_len = text_link(portal_url, ip, domain, link);
	size_t len = sizeof(head) - 1;

	memcpy(out, head, len);
	reason = span_first(reason, ZONE_TEXT_MAX - len - link_len);
	for (size_t i = 0; i < reason.len; i++)
		out[len++] = ascii_is_print(reason.ptr[i]) ? reason.ptr[i] : '?';
	memcpy(out + len, link, link_len);
	return len + link_len;
}
