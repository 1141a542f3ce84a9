/* SPDX-License-Identifier: ISC */
/*
 * Plays scenarios: files of lines that say how a site is set up, what the world looks like, who
 * sends, and what happens. All in one process, against the gate's own decision: facts, verdict,
 * reply text; no sockets, no waiting, and a clock that moves when the file says so.
 * tests/scenario/README.md tells the lines.
 */
#include <unistd.h>

#include "conf/code.h"
#include "gate/verdict.h"
#include "list/snapshot_write.h"
#include "words.h"

enum {
	HOSTS_MAX = 64,
	NAMES_MAX = 8,
	LISTINGS_MAX = 64,
	FILTERS_MAX = 8,
	CLOCK_START_S = 1795300000
};

struct host {
	struct ip ip;
	enum fact_state ptr;
	size_t names_len;
	struct name_fact names[NAMES_MAX];
	enum fact_state confirmed;
	struct dnsbl_fact dnsbls[FACTS_DNSBLS_MAX];
	bool has_spf;
	struct spf_outcome spf;
	enum sender_state sender;
};

struct listing {
	const char *list;
	struct source source;
	int64_t until_s;
	const char *reason;
};

struct player {
	const char *path;
	unsigned line;
	unsigned failures;
	unsigned expectations;
	struct arena *arena;
	int64_t now_s;
	struct conf conf;
	struct conf_check checks[CHECK_COUNT];
	size_t dnsbls_len;
	struct conf_dnsbl dnsbls[FACTS_DNSBLS_MAX];
	struct conf_filter filters[FACTS_DNSBLS_MAX][FILTERS_MAX];
	struct conf_list lists[LISTS_MAX];
	const char *domains[16];
	struct prefix networks[16];
	size_t hosts_len;
	struct host hosts[HOSTS_MAX];
	size_t listings_len;
	struct listing listings[LISTINGS_MAX];
	struct view *view;
	bool stale; /* the view does not hold the listings of the moment */
};

static const struct conf_sublist sublist = {.name = "manual", .policy = "by-hand"};

static void complain(struct player *p, const char *format, const char *detail)
{
	fprintf(stderr, "%s:%u: ", p->path, p->line);
	fprintf(stderr, "%s %s\n", format, detail);
	p->failures++;
}

static int parse_mode(const char *word)
{
	static const char *const names[] = {"observe", "tag", "enforce"};

	return words_find(names, COUNTOF(names), word);
}

static int parse_action(const char *word)
{
	static const char *const names[] = {"off", "tag", "score", "reject", "allow", "defer"};

	return words_find(names, COUNTOF(names), word);
}

/* ---- the site ---- */

static void site_add_list(struct player *p, const char *name, enum holds holds)
{
	p->lists[p->conf.lists_len++] = (struct conf_list){.name = name,
		.holds = holds,
		.action = ACTION_REJECT,
		.sublists_len = 1,
		.sublists = &sublist};
}

static void site_init(struct player *p)
{
	static const struct conf_check defaults[] = {
#define CHECK(id, name, action_, weight_, title, meaning, remedy) \
	{.key = name, .action = action_, .weight = weight_},
#include "catalogue/checks.def"
#undef CHECK
	};

	memcpy(p->checks, defaults, sizeof(p->checks));
	p->now_s = CLOCK_START_S;
	p->conf = (struct conf){.hostname = "mx.example.net",
		.contact = "postmaster@example.net",
		.portal_url = "https://mail.example.net/why",
		.has_mode = true,
		.mode = MODE_ENFORCE,
		.fail_open = true,
		.own_domains = p->domains,
		.own_networks = p->networks,
		.checks_len = CHECK_COUNT,
		.checks = p->checks,
		.score_tag_at = 4,
		.score_reject_at = 8,
		.dnsbls = p->dnsbls,
		.lists = p->lists};
	site_add_list(p, "main", LIST_OF_ADDRESSES);
	site_add_list(p, "names", LIST_OF_DOMAINS);
	site_add_list(p, "allow", LIST_OF_ADDRESSES);
	p->stale = true;
}

/* given check no-ptr score 3 [observe] */
static bool given_check(struct player *p, char **w, size_t n)
{
	int id = n >= 2 ? check_find(span_text(w[0])) : -1;
	int action = n >= 2 ? parse_action(w[1]) : -1;

	if (id < 0 || action < 0)
		return false;
	p->checks[id].action = (enum action)action;
	for (size_t i = 2; i < n; i++) {
		int mode = parse_mode(w[i]);

		if (mode >= 0) {
			p->checks[id].has_mode = true;
			p->checks[id].mode = (enum mode)mode;
		} else {
			p->checks[id].weight = atoi(w[i]);
		}
	}
	return true;
}

/* "127.0.0.2*3,127.0.0.4-7": as the items of dnsbl[].codes */
static bool given_codes(struct player *p, struct conf_dnsbl *dnsbl, const char *codes)
{
	struct conf_filter *filters = p->filters[dnsbl - p->dnsbls];
	struct span rest = span_text(codes);

	dnsbl->codes = filters;
	dnsbl->codes_len = 0;
	while (rest.len != 0)
		if (dnsbl->codes_len == FILTERS_MAX ||
			filter_parse(span_split(&rest, ','), &filters[dnsbl->codes_len++], NULL) <
				0)
			return false;
	return true;
}

/* given dnsbl bl.demo.test Demo reject [codes 127.0.0.2] [weight 4] [mode observe] */
static bool given_dnsbl(struct player *p, char **w, size_t n)
{
	struct conf_dnsbl *dnsbl = &p->dnsbls[p->conf.dnsbls_len];
	int action = n >= 3 ? parse_action(w[2]) : -1;

	if (action < 0 || p->conf.dnsbls_len == FACTS_DNSBLS_MAX)
		return false;
	*dnsbl = (struct conf_dnsbl){
		.zone = w[0], .name = w[1], .action = (enum action)action, .weight = 1};
	given_codes(p, dnsbl, "127.0-254.*.*");
	for (size_t i = 3; i + 1 < n; i += 2) {
		if (strcmp(w[i], "codes") == 0) {
			if (!given_codes(p, dnsbl, w[i + 1]))
				return false;
		} else if (strcmp(w[i], "weight") == 0) {
			dnsbl->weight = atoi(w[i + 1]);
		} else if (strcmp(w[i], "mode") == 0 && parse_mode(w[i + 1]) >= 0) {
			dnsbl->has_mode = true;
			dnsbl->mode = (enum mode)parse_mode(w[i + 1]);
		} else {
			return false;
		}
	}
	p->conf.dnsbls_len++;
	return true;
}

static bool given(struct player *p, char **w, size_t n)
{
	if (n >= 3 && strcmp(w[0], "check") == 0)
		return given_check(p, w + 1, n - 1);
	if (n >= 4 && strcmp(w[0], "dnsbl") == 0)
		return given_dnsbl(p, w + 1, n - 1);
	if (n != 2)
		return n == 3 && strcmp(w[0], "score") == 0 &&
		       (p->conf.score_tag_at = atoi(w[1])) > 0 &&
		       (p->conf.score_reject_at = atoi(w[2])) > 0;
	if (strcmp(w[0], "mode") == 0 && parse_mode(w[1]) >= 0)
		p->conf.mode = (enum mode)parse_mode(w[1]);
	else if (strcmp(w[0], "own-domain") == 0 && p->conf.own_domains_len < COUNTOF(p->domains))
		p->domains[p->conf.own_domains_len++] = w[1];
	else if (strcmp(w[0], "own-network") == 0 &&
		 p->conf.own_networks_len < COUNTOF(p->networks) &&
		 prefix_parse(span_text(w[1]), &p->networks[p->conf.own_networks_len], NULL) == 0)
		p->conf.own_networks_len++;
	else if (strcmp(w[0], "hostname") == 0)
		p->conf.hostname = w[1];
	else if (strcmp(w[0], "contact") == 0)
		p->conf.contact = w[1];
	else if (strcmp(w[0], "if-we-fail") == 0)
		p->conf.fail_open = strcmp(w[1], "accept") == 0;
	else
		return false;
	return true;
}

/* ---- the world ---- */

static struct host *world_host(struct player *p, const char *text)
{
	struct ip ip;

	if (ip_parse(span_text(text), &ip) < 0)
		return NULL;
	for (size_t i = 0; i < p->hosts_len; i++)
		if (ip_equal(p->hosts[i].ip, ip))
			return &p->hosts[i];
	if (p->hosts_len == HOSTS_MAX)
		return NULL;
	/* nothing said: DNS has nothing on it, and no foreign list either */
	p->hosts[p->hosts_len] = (struct host){.ip = ip, .ptr = FACT_NO, .confirmed = FACT_NO};
	return &p->hosts[p->hosts_len++];
}

static void host_add_name(struct host *host, char **w, size_t n)
{
	enum fact_state confirmed = n == 3                             ? FACT_YES
				    : strcmp(w[3], "unconfirmed") == 0 ? FACT_NO
								       : FACT_TEMPORARY;

	host->ptr = FACT_YES;
	host->names[host->names_len++] = (struct name_fact){span_text(w[2]), confirmed};
	if (host->confirmed != FACT_YES)
		host->confirmed = confirmed;
}

/* dns 192.0.2.7 ptr mail.good.test [unconfirmed|error] | and NAME ... | ptr error | ptr none */
static bool world_dns(struct player *p, char **w, size_t n)
{
	bool first = n >= 3 && strcmp(w[1], "ptr") == 0;
	bool more = n >= 3 && strcmp(w[1], "and") == 0;
	struct host *host = first || more ? world_host(p, w[0]) : NULL;

	if (host == NULL || (more && host->names_len == NAMES_MAX))
		return false;
	if (first) {
		host->names_len = 0;
		host->confirmed = FACT_NO;
	}
	if (first && strcmp(w[2], "none") == 0) {
		host->ptr = FACT_NO;
	} else if (first && strcmp(w[2], "error") == 0) {
		host->ptr = FACT_TEMPORARY;
		host->confirmed = FACT_TEMPORARY;
	} else {
		host_add_name(host, w, n);
	}
	return true;
}

/* What the list answers, read as the gate does. */
static bool world_answer(
	const struct conf_dnsbl *dnsbl, const char *answer, struct dnsbl_fact *fact)
{
	struct span rest = span_text(answer);
	enum dnsbl_reading reading;
	struct ip addresses[8];
	size_t count = 0;

	while (rest.len != 0)
		if (count == COUNTOF(addresses) ||
			ip_parse(span_split(&rest, ','), &addresses[count++]) < 0)
			return false;
	reading = dnsbl_read(dnsbl, addresses, count, &fact->hit);
	fact->list_error = reading == DNSBL_BROKEN;
	fact->state = reading == DNSBL_LISTED ? FACT_YES : FACT_NO;
	return true;
}

/* dnsbl bl.demo.test 192.0.2.7 127.0.0.2,127.0.0.4 | error | suspended */
static bool world_dnsbl(struct player *p, char **w, size_t n)
{
	struct host *host = n == 3 ? world_host(p, w[1]) : NULL;
	bool known = false;

	for (size_t i = 0; host != NULL && i < p->conf.dnsbls_len; i++) {
		struct dnsbl_fact *fact = &host->dnsbls[i];

		if (strcmp(p->dnsbls[i].zone, w[0]) != 0)
			continue;
		*fact = (struct dnsbl_fact){.state = FACT_TEMPORARY};
		if (strcmp(w[2], "suspended") == 0) {
			fact->state = FACT_YES;
			fact->list_error = true;
		} else if (strcmp(w[2], "error") != 0 && !world_answer(&p->dnsbls[i], w[2], fact)) {
			return false;
		}
		known = true;
	}
	return known;
}

/* spf 192.0.2.7 fail | pass | temperror | ...: what the sender's domain says of this client */
static bool world_spf(struct player *p, char **w, size_t n)
{
	struct host *host = n == 2 ? world_host(p, w[0]) : NULL;

	for (int result = SPF_NONE; host != NULL && result <= SPF_PERMERROR; result++) {
		if (strcmp(spf_result_name((enum spf_result)result), w[1]) != 0)
			continue;
		host->has_spf = true;
		host->spf.result = (enum spf_result)result;
		return true;
	}
	return false;
}

/* sender 192.0.2.7 reachable | missing | null-mx | unknown: the domain it sends for */
static bool world_sender(struct player *p, char **w, size_t n)
{
	static const char *const names[] = {[SENDER_UNKNOWN] = "unknown",
		[SENDER_REACHABLE] = "reachable",
		[SENDER_MISSING] = "missing",
		[SENDER_NULL_MX] = "null-mx"};
	struct host *host = n == 2 ? world_host(p, w[0]) : NULL;

	for (size_t state = SENDER_UNKNOWN; host != NULL && state < COUNTOF(names); state++) {
		if (strcmp(names[state], w[1]) != 0)
			continue;
		host->sender = (enum sender_state)state;
		return true;
	}
	return false;
}

/* list main 198.51.100.0/24 [for 24h] ["reason"]; allow 192.0.2.9 [for 1h] ["reason"] */
static bool world_list(struct player *p, const char *list, char **w, size_t n)
{
	struct listing *listing = &p->listings[p->listings_len];

	if (n < 1 || p->listings_len == LISTINGS_MAX ||
		source_parse(span_text(w[0]), &listing->source, NULL) < 0)
		return false;
	listing->list = list;
	listing->until_s = 0;
	listing->reason = "by hand";
	for (size_t i = 1; i < n; i++) {
		if (strcmp(w[i], "for") == 0 && i + 1 < n)
			listing->until_s = p->now_s + words_duration_ms(w[++i]) / 1000;
		else
			listing->reason = w[i];
	}
	p->listings_len++;
	p->stale = true;
	return true;
}

static bool world_unlist(struct player *p, const char *list, char **w, size_t n)
{
	struct source source;

	if (n != 1 || source_parse(span_text(w[0]), &source, NULL) < 0)
		return false;
	for (size_t i = 0; i < p->listings_len; i++) {
		struct listing *listing = &p->listings[i];

		if (strcmp(listing->list, list) != 0 || !source_equal(&listing->source, &source))
			continue;
		*listing = p->listings[--p->listings_len];
		p->stale = true;
		return true;
	}
	return false;
}

/* The listings as the gate gets them: a snapshot file, mapped. */
static void world_refresh(struct player *p)
{
	struct snapshot_writer *writer;
	struct span name = span_text(sublist.name);
	char path[64];

	if (!p->stale)
		return;
	view_free(&p->view);
	writer = snapshot_writer_new(1, p->now_s);
	for (size_t i = 0; i < p->conf.lists_len; i++)
		ASSERT(snapshot_writer_add_list(writer, span_text(p->lists[i].name), &name, 1) ==
			(int)i);
	for (size_t i = 0; i < p->listings_len; i++) {
		const struct listing *l = &p->listings[i];

		for (size_t j = 0; j < p->conf.lists_len; j++)
			if (strcmp(p->lists[j].name, l->list) == 0)
				ASSERT(snapshot_writer_add(writer, (int)j,
					       &(struct list_entry){l->source, 0, false, l->until_s,
						       span_text(l->reason)}) == 0);
	}
	snprintf(path, sizeof(path), "/tmp/stockade-scenario-%d.snap", (int)getpid());
	ASSERT(snapshot_writer_finish(writer, path, NULL) == 0);
	snapshot_writer_free(&writer);
	ASSERT(view_open(path, &p->view, NULL) == 0);
	unlink(path);
	p->stale = false;
}

/* ---- a visitor ---- */

static const char *word_after(char **w, size_t n, const char *key)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (strcmp(w[i], key) == 0)
			return w[i + 1];
	return NULL;
}

static bool has_word(char **w, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(w[i], word) == 0)
			return true;
	return false;
}

static void visit_facts(struct player *p, char **w, size_t n, struct facts *facts)
{
	const struct host *host = world_host(p, w[0]);
	const char *helo = word_after(w, n, "helo");
	const char *from = word_after(w, n, "from");
	const char *to = word_after(w, n, "to");

	*facts = (struct facts){.client = host->ip,
		.spoke_early = has_word(w, n, "early"),
		.ptr = host->ptr,
		.names_len = host->names_len,
		.names = host->names,
		.confirmed = host->confirmed,
		.helo = span_text(helo != NULL ? helo : "mail.sender.test"),
		.sender = span_text(from != NULL && strcmp(from, "<>") != 0 ? from : ""),
		.sender_state = host->sender,
		.dnsbls_len = p->conf.dnsbls_len};
	if (host->has_spf)
		facts->spf = &host->spf;
	if (host->names_len != 0)
		facts->ptr_name = host->names[0].name;
	for (size_t i = host->names_len; i-- > 0;)
		if (host->names[i].confirmed == FACT_YES)
			facts->confirmed_name = host->names[i].name;
	for (size_t i = 0; i < p->conf.dnsbls_len; i++) {
		facts->dnsbls[i] = host->dnsbls[i];
		facts->dnsbls[i].asked = true;
		if (facts->dnsbls[i].state == FACT_UNKNOWN)
			facts->dnsbls[i].state = FACT_NO;
	}
	facts_set_recipient(facts, &p->conf, span_text(to));
	world_refresh(p);
	facts_look_up(facts, &p->conf, p->view, p->now_s);
}

/* What the client hears: "250", with "tag KEY" when the mail is marked; or the reply. would: what
 * enforce mode says. */
static void visit_outcome(struct player *p, const struct facts *facts, struct verdict *v,
	struct buf *reply, struct buf *outcome)
{
	verdict_decide(facts, &p->conf, p->now_s, v);
	verdict_print_reply(v, 1, reply);
	if (v->kind >= VERDICT_TEMPFAIL)
		buf_append(outcome, buf_span(reply));
	else
		buf_append_text(outcome, v->kind == VERDICT_TAG ? "250 tag" : "250");
}

static bool expect_one(const char *word, const struct verdict *v, const char *reply)
{
	if (v->decider != NULL && strcmp(word, check_words_get(v->decider->check)->key) == 0)
		return true;
	if (v->would >= VERDICT_TEMPFAIL && strcmp(word, refusal_get(v->refusal)->key) == 0)
		return true;
	return strstr(reply, word) != NULL;
}

/* expect CODE [tag] [would CODE] WORD...: each WORD is the deciding check, the refusal's key, or
 * part of the reply. */
static void visit_expect(struct player *p, char **w, size_t n, const struct verdict *v,
	const char *reply, const char *outcome)
{
	size_t i = 1;

	p->expectations++;
	if (n == 0 || strncmp(outcome, w[0], strlen(w[0])) != 0) {
		complain(p, "the client hears", outcome);
		return;
	}
	if ((v->kind == VERDICT_TAG) != (i < n && strcmp(w[i], "tag") == 0))
		complain(p, "tagged or not: the client hears", outcome);
	i += i < n && strcmp(w[i], "tag") == 0;
	if (i + 1 < n && strcmp(w[i], "would") == 0) {
		if (strncmp(reply, w[i + 1], strlen(w[i + 1])) != 0)
			complain(p, "in enforce mode the client would hear", reply);
		i += 2;
	}
	for (; i < n; i++)
		if (!expect_one(w[i], v, reply))
			complain(p, "nothing of this in the verdict:", w[i]);
}

/* smtp 192.0.2.7 [early] [helo x] [from a@b] to c@d expect ... */
static bool visit(struct player *p, char **w, size_t n)
{
	struct buf reply;
	struct buf outcome;
	struct verdict v;
	struct facts facts;
	size_t expect = 0;

	while (expect < n && strcmp(w[expect], "expect") != 0)
		expect++;
	if (n == 0 || world_host(p, w[0]) == NULL || word_after(w, expect, "to") == NULL ||
		expect == n)
		return false;
	visit_facts(p, w, expect, &facts);
	buf_init(&reply, 0);
	buf_init(&outcome, 0);
	visit_outcome(p, &facts, &v, &reply, &outcome);
	visit_expect(p, w + expect + 1, n - expect - 1, &v, buf_cstr(&reply), buf_cstr(&outcome));
	buf_done(&reply);
	buf_done(&outcome);
	return true;
}

/* ---- a file ---- */

static bool play_clock(struct player *p, char **w, size_t n)
{
	int64_t by_ms = n == 1 && w[0][0] == '+' ? words_duration_ms(w[0] + 1) : -1;

	if (by_ms < 0)
		return false;
	p->now_s += by_ms / 1000;
	return true;
}

static bool play_words(struct player *p, char **w, size_t n)
{
	if (strcmp(w[0], "title") == 0)
		return n > 1;
	if (strcmp(w[0], "given") == 0)
		return given(p, w + 1, n - 1);
	if (strcmp(w[0], "dns") == 0)
		return world_dns(p, w + 1, n - 1);
	if (strcmp(w[0], "dnsbl") == 0)
		return world_dnsbl(p, w + 1, n - 1);
	if (strcmp(w[0], "spf") == 0)
		return world_spf(p, w + 1, n - 1);
	if (strcmp(w[0], "sender") == 0)
		return world_sender(p, w + 1, n - 1);
	if (strcmp(w[0], "list") == 0 && n > 2)
		return world_list(p, w[1], w + 2, n - 2);
	if (strcmp(w[0], "unlist") == 0 && n > 2)
		return world_unlist(p, w[1], w + 2, n - 2);
	if (strcmp(w[0], "allow") == 0)
		return world_list(p, "allow", w + 1, n - 1);
	if (strcmp(w[0], "clock") == 0)
		return play_clock(p, w + 1, n - 1);
	if (strcmp(w[0], "smtp") == 0)
		return visit(p, w + 1, n - 1);
	return false;
}

static void play_line(struct player *p, struct span line)
{
	char *words[WORDS_MAX];
	size_t count = words_split(p->arena, line, words);

	if (count != 0 && !play_words(p, words, count))
		complain(p, "not understood:", words[0]);
}

int main(int argc, char **argv)
{
	static struct player p;
	char line[1024];
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (file == NULL) {
		fprintf(stderr, "usage: %s scenario.scn\n", argv[0]);
		return 1;
	}
	p.path = argv[1];
	p.arena = arena_new(0);
	site_init(&p);
	while (fgets(line, sizeof(line), file) != NULL) {
		p.line++;
		play_line(&p, span_first(span_text(line), strcspn(line, "\n")));
	}
	fclose(file);
	view_free(&p.view);
	arena_free(&p.arena);
	printf("%u expectations, %u failures\n", p.expectations, p.failures);
	return p.failures == 0 && p.expectations != 0 ? 0 : 1;
}
