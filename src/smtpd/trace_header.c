/* SPDX-License-Identifier: ISC */
#include "smtpd/trace_header.h"

#include <time.h>

#include "gate/helo.h"
#include "list/incident.h"
#include "smtp/path.h"

enum { SHOWN_MAX = 255 };

/* Bytes that mean something in a header field's structure (RFC 5322 section 3.2.3) become '?', as
 * do all that are not printable ASCII; brackets too, since readers take what stands in them for the
 * address of the client. */
static void print_shown(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len && i < SHOWN_MAX; i++) {
		uint8_t byte = s.ptr[i];
		bool plain = ascii_is_alpha(byte) || ascii_is_digit(byte) ||
			     (byte != 0 && strchr(".-_:", byte) != NULL);

		buf_append_byte(out, plain ? byte : '?');
	}
}

static void print_helo(const struct smtp_client *client, struct buf *out)
{
	struct ip ip = {0};

	if (helo_parse(client->helo, &ip) == HELO_LITERAL && ip_equal(ip, client->source.ip))
		smtp_literal_print(ip, out);
	else if (client->helo.len != 0)
		print_shown(client->helo, out);
	else
		buf_append_text(out, "unknown");
}

/* Not strftime: the names of days and months are those of RFC 5322, whatever the locale. */
static void print_date(int64_t now_s, struct buf *out)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)now_s;
	struct tm t = {0};

	gmtime_r(&now, &t);
	buf_append_format(out, "%.3s, %d %.3s %d %02d:%02d:%02d +0000", days + 3 * t.tm_wday,
		t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* RFC 3848, RFC 6531 section 4.3. */
static const char *trace_header_protocol(const struct trace_header *trace)
{
	if (trace->smtputf8)
		return trace->tls != NULL ? "UTF8SMTPS" : "UTF8SMTP";
	if (!trace->client->extended)
		return "SMTP";
	return trace->tls != NULL ? "ESMTPS" : "ESMTP";
}

static void print_agreed(const struct tls_facts *tls, struct buf *out)
{
	buf_append_format(out, "\r\n\t(using %s with cipher %s (%d/%d bits))", tls->version,
		tls->cipher, tls->bits, tls->cipher_bits);
}

void trace_header_print_received(const struct trace_header *trace, struct buf *out)
{
	const struct smtp_client *client = trace->client;

	buf_append_text(out, "Received: from ");
	print_helo(client, out);
	buf_append_text(out, " (");
	if (client->name_state == SMTP_NAME_KNOWN && client->name.len != 0)
		print_shown(client->name, out);
	else
		buf_append_text(out, "unknown");
	buf_append_byte(out, ' ');
	smtp_literal_print(client->source.ip, out);
	buf_append_byte(out, ')');
	if (trace->tls != NULL)
		print_agreed(trace->tls, out);
	buf_append_format(out, "\r\n\tby %s (Stockade) with %s id %s;\r\n\t", trace->hostname,
		trace_header_protocol(trace), trace->id);
	print_date(trace->now_s, out);
	buf_append_text(out, "\r\n");
}

void trace_header_print_tag(const char *what, const char *rule, uint64_t incident, struct buf *out)
{
	char text[INCIDENT_TEXT_SIZE];

	buf_append_format(out, "X-Stockade: %s; rule=%s", what, rule);
	if (incident != 0)
		buf_append_format(out, "; incident=%s", incident_number_print(incident, text));
	buf_append_text(out, "\r\n");
}

void trace_header_print_tls(const struct tls_facts *tls, struct buf *out)
{
	buf_append_format(out, "X-Stockade-TLS: %s; cipher=%s; bits=%d\r\n", tls->version,
		tls->cipher, tls->bits);
}

void trace_header_print_client(struct ip ip, struct buf *out)
{
	char text[IP_TEXT_SIZE];

	buf_append_format(out, "X-Stockade-Client-IP: %s\r\n", ip_print(ip, text));
}

static void print_spf(const struct facts *facts, struct buf *out)
{
	enum spf_result result;

	if (facts->spf == NULL)
		return;
	result = facts->spf->result == SPF_UNANSWERED ? SPF_TEMPERROR : facts->spf->result;
	buf_append_format(out, ";\r\n\tspf=%s smtp.%s=", spf_result_name(result),
		facts->sender.len != 0 ? "mailfrom" : "helo");
	print_shown(facts_spf_domain(facts), out);
}

/* Of the entries of one zone: the first that fits, or the first. */
static size_t entry_of_zone(const struct conf *conf, const struct facts *facts, const char *zone)
{
	size_t best = facts->dnsbls_len;

	for (size_t i = facts->dnsbls_len; i-- > 0;) {
		bool is_allow = conf->dnsbls[i].action == ACTION_ALLOW;

		if (!is_allow || strcmp(conf->dnsbls[i].zone, zone) != 0)
			continue;
		if (best == facts->dnsbls_len || facts->dnsbls[i].state == FACT_YES ||
			facts->dnsbls[best].state != FACT_YES)
			best = i;
	}
	return best;
}

/* RFC 8904. A key in the zone is nobody's business but ours. */
static void print_dnswl(
	const struct conf_dnsbl *list, const struct dnsbl_fact *fact, struct buf *out)
{
	const uint8_t *code = fact->hit.code;
	const char *result = "temperror";

	if (!fact->list_error && fact->state == FACT_YES)
		result = "pass";
	else if (!fact->list_error && fact->state == FACT_NO)
		result = "none";
	buf_append_format(out, ";\r\n\tdnswl=%s dns.zone=", result);
	print_shown(span_text(list->zone_shown), out);
	if (strcmp(result, "pass") == 0)
		buf_append_format(
			out, " policy.ip=%u.%u.%u.%u", code[0], code[1], code[2], code[3]);
}

void trace_header_print_results(const struct conf *conf, const struct facts *facts, struct buf *out)
{
	struct buf results;

	buf_init(&results, 0);
	print_spf(facts, &results);
	for (size_t i = 0; i < facts->dnsbls_len; i++)
		if (facts->dnsbls[i].asked && entry_of_zone(conf, facts, conf->dnsbls[i].zone) == i)
			print_dnswl(&conf->dnsbls[i], &facts->dnsbls[i], &results);
	if (buf_len(&results) != 0) {
		buf_append_format(out, "Authentication-Results: %s", conf->hostname);
		buf_append(out, buf_span(&results));
		buf_append_text(out, "\r\n");
	}
	buf_done(&results);
}
