/* SPDX-License-Identifier: ISC */
#include "spf/spf.h"

#include "base/macro.h"
#include "dns/message.h"
#include "spf/macro.h"

enum { DOMAIN_MAX = 253, EXPANDED_MAX = 8192, EXPLANATION_MAX = 1024 };

/* One run. The scope is the request's, with the domain of the record that is read. */
struct evaluation {
	const struct spf_request *request;
	const struct spf_answers *answers;
	struct arena *arena;
	struct spf_outcome *outcome;
	struct spf_scope scope;
	bool is_inside; /* of an include, whose explanation does not count */
};

/* What a term says; the last three end the evaluation. */
enum match { MATCH_NO, MATCH_YES, MATCH_TEMPERROR, MATCH_PERMERROR, MATCH_UNANSWERED };

static enum spf_result check_host(struct evaluation *e, struct span domain);

static enum match match_fault(struct evaluation *e, enum spf_cause cause)
{
	e->outcome->cause = cause;
	return MATCH_PERMERROR;
}

static enum spf_result result_of(enum match match)
{
	return match == MATCH_TEMPERROR   ? SPF_TEMPERROR
	       : match == MATCH_PERMERROR ? SPF_PERMERROR
					  : SPF_UNANSWERED;
}

/* ---- questions ---- */

/* NULL: it has to be asked first. */
static const struct spf_answer *look_up(
	struct evaluation *e, const struct dns_name *name, uint16_t type)
{
	for (size_t i = 0; i < e->answers->len; i++) {
		const struct spf_question *question = &e->answers->items[i].question;

		if (question->type == type && dns_name_equal(&question->name, name))
			return &e->answers->items[i];
	}
	e->outcome->question = (struct spf_question){*name, type};
	return NULL;
}

/* The same for a term: MATCH_YES when there are records. */
static enum match look_up_term(struct evaluation *e, const struct dns_name *name, uint16_t type,
	const struct spf_answer **ret_answer)
{
	const struct spf_answer *answer = look_up(e, name, type);

	if (answer == NULL)
		return MATCH_UNANSWERED;
	if (answer->state == SPF_ANSWER_UNKNOWN) {
		e->outcome->question = answer->question;
		e->outcome->cause = SPF_CAUSE_DNS;
		return MATCH_TEMPERROR;
	}
	if (answer->state == SPF_ANSWER_VOID)
		return ++e->outcome->voids > SPF_VOIDS_MAX ? match_fault(e, SPF_CAUSE_VOIDS)
							   : MATCH_NO;
	*ret_answer = answer;
	return MATCH_YES;
}

/* Before the first question of a term (section 4.6.4). */
static enum match count_term(struct evaluation *e)
{
	return ++e->outcome->terms > SPF_TERMS_MAX ? match_fault(e, SPF_CAUSE_TERMS) : MATCH_YES;
}

static uint16_t address_type(const struct evaluation *e)
{
	return ip_is_v4(e->request->client) ? DNS_A : DNS_AAAA;
}

/* ---- names ---- */

/* Whatever octets macros brought, a backslash too. E_PARSE: an empty label, or one too long. */
static int domain_to_name(struct span text, struct dns_name *ret_name)
{
	struct dns_name name = {.len = 0};

	if (text.len != 0 && text.ptr[text.len - 1] == '.')
		text = span_first(text, text.len - 1);
	if (text.len == 0 || text.len > DOMAIN_MAX)
		return E_PARSE;
	do {
		struct span label = span_first(text, span_find(text, '.'));

		if (label.len == 0 || label.len > DNS_LABEL_MAX)
			return E_PARSE;
		name.wire[name.len] = (uint8_t)label.len;
		memcpy(name.wire + name.len + 1, label.ptr, label.len);
		name.len = (uint8_t)(name.len + 1 + label.len);
		if (label.len == text.len)
			break;
		text = span_from(text, label.len + 1);
	} while (true); /* an empty rest is an empty label */
	name.wire[name.len++] = 0;
	*ret_name = name;
	return 0;
}

/* Labels go from the left until it fits (section 7.3). */
static struct span shortened(struct span domain)
{
	while (domain.len > DOMAIN_MAX)
		domain = span_from(domain, span_find(domain, '.') + 1);
	return domain;
}

/* ---- names of the client that are confirmed (sections 5.5 and 7.3) ---- */

static bool is_client_at(const struct evaluation *e, const struct spf_answer *answer)
{
	for (size_t i = 0; answer->state == SPF_ANSWER_FOUND && i < answer->count; i++) {
		if (ip_equal(answer->addresses[i], e->request->client))
			return true;
	}
	return false;
}

/* The PTR names, at most ten of them. What DNS does not tell counts as if there were none. */
static enum match look_up_ptr(struct evaluation *e, const struct spf_answer **ret_answer)
{
	static const char v4[] = "in-addr.arpa", v6[] = "ip6.arpa";
	struct dns_name suffix, name;

	ASSERT(dns_name_parse(span_text(ip_is_v4(e->request->client) ? v4 : v6), &suffix) == 0 &&
		dns_name_reverse(e->request->client, &suffix, &name) == 0);
	*ret_answer = look_up(e, &name, DNS_PTR);
	return *ret_answer == NULL                        ? MATCH_UNANSWERED
	       : (*ret_answer)->state == SPF_ANSWER_FOUND ? MATCH_YES
							  : MATCH_NO;
}

/* How well a name serves for a domain: it is that name, below it, or another one. */
static int closeness(const struct dns_name *name, const struct dns_name *domain)
{
	return dns_name_equal(name, domain) ? 2 : dns_name_is_below(name, domain) ? 1 : 0;
}

/* The closest one that is confirmed; NULL: there is none. `least`: of that closeness. */
static enum match find_validated(struct evaluation *e, const struct dns_name *domain, int least,
	const struct dns_name **ret_name)
{
	const struct spf_answer *ptr, *address;
	enum match match = look_up_ptr(e, &ptr);
	int best = least - 1;

	*ret_name = NULL;
	for (size_t i = 0; match == MATCH_YES && i < ptr->count && i < SPF_NAMES_MAX; i++) {
		int close = closeness(&ptr->names[i], domain);

		if (close <= best)
			continue;
		address = look_up(e, &ptr->names[i], address_type(e));
		if (address == NULL)
			return MATCH_UNANSWERED;
		if (is_client_at(e, address)) {
			*ret_name = &ptr->names[i];
			best = close;
		}
	}
	return match == MATCH_UNANSWERED ? match : *ret_name != NULL ? MATCH_YES : MATCH_NO;
}

/* ---- macros ---- */

/* The letter p, where it is wanted. */
static enum match fill_validated(struct evaluation *e, struct span text)
{
	char printed[DNS_NAME_TEXT_SIZE];
	const struct dns_name *name;
	struct dns_name domain;
	enum match match;

	e->scope.validated = span_text("unknown");
	if (!spf_macro_has_validated(text) || domain_to_name(e->scope.domain, &domain) < 0)
		return MATCH_YES;
	match = find_validated(e, &domain, 0, &name);
	if (match == MATCH_YES)
		e->scope.validated = arena_copy(e->arena, span_text(dns_name_print(name, printed)));
	return match == MATCH_UNANSWERED ? match : MATCH_YES;
}

static enum match expand(struct evaluation *e, struct span text, struct span *ret_expanded)
{
	enum match match = fill_validated(e, text);
	struct buf out;

	if (match != MATCH_YES)
		return match;
	buf_init(&out, EXPANDED_MAX);
	spf_macro_expand(text, &e->scope, &out);
	match = out.bad ? match_fault(e, SPF_CAUSE_LONG) : MATCH_YES;
	*ret_expanded = arena_copy(e->arena, buf_span(&out));
	buf_done(&out);
	return match;
}

/* The domain that a term names. MATCH_NO: it cannot be a name in DNS (section 4.8). */
static enum match target_of(struct evaluation *e, struct span macro, struct dns_name *ret_name)
{
	struct span domain = e->scope.domain;
	enum match match = macro.len != 0 ? expand(e, macro, &domain) : MATCH_YES;

	if (match != MATCH_YES)
		return match;
	return domain_to_name(shortened(domain), ret_name) < 0 ? MATCH_NO : MATCH_YES;
}

/* ---- mechanisms (section 5) ---- */

static enum match match_addresses(
	struct evaluation *e, const struct dns_name *name, const struct spf_term *term)
{
	uint8_t bits = ip_is_v4(e->request->client) ? term->v4_bits : term->v6_bits;
	const struct spf_answer *answer;
	enum match match = look_up_term(e, name, address_type(e), &answer);

	if (match != MATCH_YES)
		return match;
	for (size_t i = 0; i < answer->count; i++) {
		if (prefix_has(prefix_of(answer->addresses[i], bits), e->request->client))
			return MATCH_YES;
	}
	return MATCH_NO;
}

static enum match match_mx(
	struct evaluation *e, const struct dns_name *name, const struct spf_term *term)
{
	const struct spf_answer *answer;
	enum match match = look_up_term(e, name, DNS_MX, &answer);

	if (match != MATCH_YES)
		return match;
	if (answer->count > SPF_NAMES_MAX)
		return match_fault(e, SPF_CAUSE_MX_NAMES);
	match = MATCH_NO;
	for (size_t i = 0; match == MATCH_NO && i < answer->count; i++)
		match = match_addresses(e, &answer->names[i], term);
	return match;
}

static enum match match_ptr(struct evaluation *e, const struct dns_name *name)
{
	const struct dns_name *found;

	return find_validated(e, name, 1, &found);
}

static enum match match_exists(struct evaluation *e, const struct dns_name *name)
{
	const struct spf_answer *answer;

	return look_up_term(e, name, DNS_A, &answer);
}

/* Section 5.2: what the other domain says, but for what it is silent about. */
static enum match match_include(struct evaluation *e, struct span macro)
{
	struct span outer = e->scope.domain, domain;
	bool was_inside = e->is_inside;
	enum match match = expand(e, macro, &domain);
	enum spf_result result;

	if (match != MATCH_YES)
		return match;
	e->is_inside = true;
	result = check_host(e, shortened(domain));
	e->is_inside = was_inside;
	e->scope.domain = outer;
	switch (result) {
	case SPF_PASS:
		return MATCH_YES;
	case SPF_FAIL:
	case SPF_SOFTFAIL:
	case SPF_NEUTRAL:
		return MATCH_NO;
	case SPF_TEMPERROR:
		return MATCH_TEMPERROR;
	case SPF_NONE:
		return match_fault(e, SPF_CAUSE_NO_RECORD);
	case SPF_PERMERROR:
		return MATCH_PERMERROR;
	case SPF_UNANSWERED:
		break;
	}
	return MATCH_UNANSWERED;
}

static enum match match_by_name(
	struct evaluation *e, const struct dns_name *name, const struct spf_term *term)
{
	switch (term->mechanism) {
	case SPF_A:
		return match_addresses(e, name, term);
	case SPF_MX:
		return match_mx(e, name, term);
	case SPF_PTR:
		return match_ptr(e, name);
	default:
		return match_exists(e, name);
	}
}

static enum match match_by_dns(struct evaluation *e, const struct spf_term *term)
{
	struct dns_name name;
	enum match match = count_term(e);

	if (match == MATCH_YES && term->mechanism == SPF_INCLUDE)
		return match_include(e, term->domain);
	if (match == MATCH_YES)
		match = target_of(e, term->domain, &name);
	return match == MATCH_YES ? match_by_name(e, &name, term) : match;
}

static enum match match_term(struct evaluation *e, const struct spf_term *term)
{
	bool is_v4 = ip_is_v4(e->request->client);

	switch (term->mechanism) {
	case SPF_ALL:
		return MATCH_YES;
	case SPF_IP4:
		return is_v4 && prefix_has(term->network, e->request->client) ? MATCH_YES
									      : MATCH_NO;
	case SPF_IP6:
		return !is_v4 && prefix_has(term->network, e->request->client) ? MATCH_YES
									       : MATCH_NO;
	default:
		return match_by_dns(e, term);
	}
}

/* ---- a record ---- */

/* Section 6.2. Whatever is wrong with it leaves the result as it is. */
static enum match explain(struct evaluation *e, struct span macro)
{
	const struct spf_answer *answer;
	enum spf_cause cause = e->outcome->cause;
	struct span expanded;
	struct dns_name name;
	enum match match = macro.len != 0 && !e->is_inside ? target_of(e, macro, &name) : MATCH_NO;

	if (match == MATCH_YES) {
		answer = look_up(e, &name, DNS_TXT);
		match = answer == NULL ? MATCH_UNANSWERED
			: answer->state == SPF_ANSWER_FOUND && answer->count == 1 &&
					spf_macro_check(answer->texts[0], SPF_IN_EXPLANATION) == 0
				? expand(e, answer->texts[0], &expanded)
				: MATCH_NO;
	}
	if (match == MATCH_YES && expanded.len <= EXPLANATION_MAX && span_is_ascii(expanded))
		e->outcome->explanation = expanded;
	e->outcome->cause = cause;
	return match;
}

static enum spf_result decide(
	struct evaluation *e, const struct spf_record *record, const struct spf_term *term)
{
	if (!e->is_inside) {
		e->outcome->what = term->text;
		e->outcome->domain = e->scope.domain;
	}
	if (term->result == SPF_FAIL && explain(e, record->explanation) == MATCH_UNANSWERED)
		return SPF_UNANSWERED;
	return term->result;
}

static enum spf_result blame(struct evaluation *e, struct span what, enum match match)
{
	if (e->outcome->what.len == 0) { /* the innermost is the cause */
		e->outcome->what = what;
		e->outcome->domain = e->scope.domain;
	}
	return result_of(match);
}

/* Section 6.1: the record of another domain in place of this one. */
static enum spf_result redirect(struct evaluation *e, struct span macro)
{
	struct span domain;
	enum match match = count_term(e);
	enum spf_result result;

	if (match == MATCH_YES)
		match = expand(e, macro, &domain);
	if (match != MATCH_YES)
		return blame(e, macro, match);
	result = check_host(e, shortened(domain));
	return result == SPF_NONE ? blame(e, macro, match_fault(e, SPF_CAUSE_NO_RECORD)) : result;
}

static enum spf_result evaluate_record(struct evaluation *e, const struct spf_record *record)
{
	struct span rest = record->terms;
	struct spf_term term;

	while (spf_record_next(&rest, &term)) {
		enum match match = match_term(e, &term);

		if (match == MATCH_YES)
			return decide(e, record, &term);
		if (match != MATCH_NO)
			return blame(e, term.text, match);
	}
	return record->redirect.len != 0 ? redirect(e, record->redirect) : SPF_NEUTRAL;
}

/* Section 4.5: one record there is, or none. MATCH_NO: none. */
static enum match select_record(
	struct evaluation *e, const struct spf_answer *answer, struct span *ret_text)
{
	size_t count = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (!spf_record_is(answer->texts[i]))
			continue;
		*ret_text = answer->texts[i];
		count++;
	}
	return count > 1 ? match_fault(e, SPF_CAUSE_RECORDS) : count == 1 ? MATCH_YES : MATCH_NO;
}

static enum spf_result evaluate_answer(struct evaluation *e, const struct spf_answer *answer)
{
	struct span text, wrong = {NULL, 0};
	struct spf_record record;
	enum match match = select_record(e, answer, &text);

	if (match == MATCH_NO)
		return SPF_NONE;
	if (match == MATCH_YES && spf_record_read(text, &record, &wrong) == 0)
		return evaluate_record(e, &record);
	if (match == MATCH_YES)
		match = match_fault(e, SPF_CAUSE_SYNTAX);
	return blame(e, wrong, match);
}

/* Section 4.3: a name of at least two labels; an address literal is none. */
static bool is_domain(struct span domain, struct dns_name *ret_name)
{
	return domain.len != 0 && domain.ptr[0] != '[' && domain_to_name(domain, ret_name) == 0 &&
	       dns_name_label_count(ret_name) > 1;
}

static enum spf_result check_host(struct evaluation *e, struct span domain)
{
	const struct spf_answer *answer;
	struct dns_name name;

	if (!is_domain(domain, &name))
		return SPF_NONE;
	answer = look_up(e, &name, DNS_TXT);
	if (answer == NULL)
		return SPF_UNANSWERED;
	e->scope.domain = domain;
	switch (answer->state) {
	case SPF_ANSWER_FOUND:
		return evaluate_answer(e, answer);
	case SPF_ANSWER_VOID:
		return SPF_NONE;
	case SPF_ANSWER_UNKNOWN:
		break;
	}
	e->outcome->question = answer->question;
	e->outcome->cause = SPF_CAUSE_DNS;
	return SPF_TEMPERROR;
}

/* "@" belongs to the domain when the local part is quoted and holds one, so the last one counts;
 * without a local part it is "postmaster" (section 4.3). */
static void set_sender(struct spf_scope *scope, struct span sender)
{
	size_t at = sender.len;

	while (at != 0 && sender.ptr[at - 1] != '@')
		at--;
	scope->local = at > 1 ? span_first(sender, at - 1) : span_text("postmaster");
	scope->sender_domain = span_from(sender, at);
}

void spf_evaluate(const struct spf_request *request, const struct spf_answers *answers,
	struct arena *arena, struct spf_outcome *ret_outcome)
{
	struct evaluation e = {
		.request = request,
		.answers = answers,
		.arena = arena,
		.outcome = ret_outcome,
		.scope = {.client = request->client,
			.helo = request->helo,
			.receiver = request->receiver,
			.now_s = request->now_s},
	};

	*ret_outcome = (struct spf_outcome){.result = SPF_NONE};
	set_sender(&e.scope, request->sender.len != 0 ? request->sender : request->helo);
	ret_outcome->result = check_host(&e, e.scope.sender_domain);
}
