/* SPDX-License-Identifier: ISC */
#include "smtpd/health.h"

#include <inttypes.h>
#include <time.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/client.h"
#include "process/role.h"
#include "resolve/resolver.h"

enum { REPORT_EVERY_MS = 2000, EXPIRES_SOON_S = 7 * 86400 };

struct smtpd_health {
	uint32_t magic;
	const struct role_context *context;
	const struct resolver *resolver;
	const struct consult *consult;
	const struct smtpd_server *server; /* NULL: not yet */
	struct bus_client *bus;
	struct timer look;
	bool probed;
	struct backend_finding backend;
	int64_t certificate_expires_s; /* 0: there is none */
};

/* Names live as long as the report. */
struct report {
	struct arena *arena;
	struct bus_condition *conditions;
	size_t len;
};

static void report_add(struct report *report, struct bus_condition condition)
{
	condition.name = arena_copy_string(report->arena, condition.name);
	report->conditions[report->len++] = condition;
}

static void report_resolver(const struct smtpd_health *health, struct report *report)
{
	static const char *const texts[] = {[LISTS_REACHED] = "ok",
		[LISTS_FILTERED] =
			"keeps 127.0.0.0/8 away: no third-party list counts; exempt their zones there",
		[LISTS_UNREACHED] =
			"answers, but finds none of the third-party lists, nor anything else",
		[LISTS_REWRITTEN] =
			"has addresses for names that do not exist: no third-party list counts; let run.resolver be one of your own"};
	enum lists_reach reach = consult_lists_reach(health->consult);
	bool down = resolver_is_down(health->resolver);
	char name[ENDPOINT_TEXT_SIZE];

	report_add(report, (struct bus_condition){.kind = "resolver",
				   .name = endpoint_print(health->context->conf->resolver, name),
				   .well = !down && reach == LISTS_REACHED,
				   .text = down ? "does not answer: checks by DNS decide nothing"
						: texts[reach]});
}

static void report_backend(const struct smtpd_health *health, struct report *report)
{
	static const char *const texts[] = {[PROBE_SAFE] = "ok, does not relay for strangers",
		[PROBE_RELAYS] = "relays for strangers: no mail passes",
		[PROBE_UNCLEAR] =
			"has not said yet whether it relays: clients are told to come again",
		[PROBE_AWAY] =
			"could not be asked yet whether it relays: clients are told to come again"};
	static const char no_ipv6[] =
		"has not said yet whether it relays for IPv6 clients: they are told to come again";
	enum relay_probe_result result = health->backend.result;
	bool lacks_ipv6 = result == PROBE_SAFE && health->backend.no_ipv6;
	char name[ENDPOINT_TEXT_SIZE];

	if (health->probed)
		report_add(report,
			(struct bus_condition){.kind = "backend",
				.name = endpoint_print(health->context->conf->backend, name),
				.well = result == PROBE_SAFE && !lacks_ipv6,
				.text = lacks_ipv6 ? no_ipv6 : texts[result]});
}

static const char *certificate_text(struct arena *arena, int64_t expires_s, int64_t now_s)
{
	struct tm at = {0};
	time_t expires = (time_t)expires_s;

	gmtime_r(&expires, &at);
	return arena_format(arena, "%s on %04d-%02d-%02d%s", expires_s <= now_s ? "ended" : "ends",
		at.tm_year + 1900, at.tm_mon + 1, at.tm_mday,
		expires_s - now_s < EXPIRES_SOON_S
			? ": put a newer one in its place, then systemctl reload stockade"
			: "");
}

/* Its certificate, or that one is missing: mail passes as before, which is no reason for an alarm
 * every night. */
static void report_tls(const struct smtpd_health *health, struct report *report)
{
	const struct conf *conf = health->context->conf;
	int64_t now_s = loop_now_s(health->context->loop);

	if (health->certificate_expires_s != 0)
		report_add(report,
			(struct bus_condition){.kind = "tls",
				.name = "certificate",
				.well = health->certificate_expires_s - now_s >= EXPIRES_SOON_S,
				.text = certificate_text(
					report->arena, health->certificate_expires_s, now_s)});
	else if (health->backend.offers_tls && conf->tls_certificate == NULL)
		report_add(report,
			(struct bus_condition){.kind = "tls",
				.name = "gate.tls",
				.well = true,
				.text = "warning: no certificate, though the mail server offers STARTTLS: clients of the gate are not offered it"});
}

static const char *load_text(struct arena *arena, const struct smtpd_load *load)
{
	const char *much = load->is_stressed ? "nearly full, so times are short"
			   : load->is_felt   ? "was full within the last five minutes"
					     : "ok";
	const char *text = arena_format(arena, "%s: sessions %u %%, mail server %u %%, DNS %u %%",
		much, load->sessions, load->backends, load->questions);

	if (!load->is_felt)
		text = much;
	if (load->refused.connections + load->refused.mail == 0)
		return text;
	return arena_format(arena,
		"%s; refused since its start: connections %" PRIu64 ", mail for a while %" PRIu64,
		text, load->refused.connections, load->refused.mail);
}

static void report_load(const struct smtpd_health *health, struct report *report)
{
	struct smtpd_load load;

	if (health->server == NULL)
		return;
	load = smtpd_server_load(health->server);
	report_add(report, (struct bus_condition){.kind = "gate",
				   .name = "limits",
				   .well = !load.is_felt,
				   .text = load_text(report->arena, &load)});
}

static const char *dnsbl_text(struct arena *arena, const struct dnsbl_health *health)
{
	switch (dnsbl_health_state(health)) {
	case DNSBL_UNTRIED:
		return "is being tried";
	case DNSBL_SUSPENDED:
		return arena_format(arena, "not used: %s", dnsbl_test_text(health->last_test));
	case DNSBL_PAUSED:
		return arena_format(arena, "not asked for a while: %s",
			health->last_test == DNSBL_TEST_UNHEARD ? dnsbl_test_text(health->last_test)
								: "it does not answer");
	case DNSBL_HEALTHY:
		break;
	}
	return "ok";
}

/* ", 3 answers under codes that no filter names: 127.0.0.77, ..." */
static const char *unnamed_text(struct arena *arena, const struct dnsbl_unnamed *unnamed)
{
	const char *codes = "";

	if (unnamed->answers == 0)
		return codes;
	for (size_t i = 0; i < unnamed->codes_len; i++) {
		const uint8_t *code = unnamed->codes[i];

		codes = arena_format(arena, "%s%s%u.%u.%u.%u", codes, i != 0 ? ", " : "", code[0],
			code[1], code[2], code[3]);
	}
	return arena_format(arena, ", %" PRIu64 " %s under codes that no filter names: %s%s",
		unnamed->answers, unnamed->answers == 1 ? "answer" : "answers", codes,
		unnamed->codes_len == DNSBL_UNNAMED_MAX ? " ..." : "");
}

/* Entries of one zone with one name are one list. */
static bool dnsbl_is_told(const struct conf *conf, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (conf->dnsbls[k].action != ACTION_OFF &&
			strcmp(conf->dnsbls[k].zone, conf->dnsbls[i].zone) == 0 &&
			strcmp(conf->dnsbls[k].name, conf->dnsbls[i].name) == 0)
			return true;
	return false;
}

static void report_dnsbl(const struct smtpd_health *health, size_t i, struct report *report)
{
	const struct conf *conf = health->context->conf;
	const struct dnsbl_health *state = consult_dnsbl_health(health->consult, i);

	if (state == NULL || conf->dnsbls[i].action == ACTION_OFF || dnsbl_is_told(conf, i))
		return;
	report_add(report, (struct bus_condition){.kind = "dnsbl",
				   .name = conf->dnsbls[i].name,
				   .well = dnsbl_health_state(state) == DNSBL_UNTRIED ||
					   dnsbl_health_state(state) == DNSBL_HEALTHY,
				   .text = arena_format(report->arena, "%s%s",
					   dnsbl_text(report->arena, state),
					   unnamed_text(report->arena, &state->unnamed)),
				   .since_s = state->since_s});
}

static void smtpd_health_report(struct smtpd_health *health)
{
	AUTO(arena) *arena = arena_new(0);
	size_t dnsbls = health->context->conf->dnsbls_len;
	struct report report = {.arena = arena,
		.conditions = arena_alloc(arena, (dnsbls + 4) * sizeof(*report.conditions))};

	report_resolver(health, &report);
	report_backend(health, &report);
	report_tls(health, &report);
	report_load(health, &report);
	for (size_t i = 0; i < dnsbls; i++)
		report_dnsbl(health, i, &report);
	bus_client_report(health->bus, &(struct bus_health){.conditions_len = report.len,
					       .conditions = report.conditions});
}

static void smtpd_health_on_timer(struct timer *timer, void *arg)
{
	struct smtpd_health *health = OBJ(smtpd_health, arg);

	smtpd_health_report(health);
	timer_set(timer, loop_now_ms(timer->loop) + REPORT_EVERY_MS);
}

void smtpd_health_watch(struct smtpd_health *health, const struct smtpd_server *server)
{
	health->server = server;
}

void smtpd_health_backend(struct smtpd_health *health, const struct backend_finding *finding)
{
	health->probed = true;
	health->backend = *finding;
	smtpd_health_report(health);
}

void smtpd_health_certificate(struct smtpd_health *health, int64_t expires_s)
{
	health->certificate_expires_s = expires_s;
}

struct smtpd_health *smtpd_health_new(const struct role_context *context,
	const struct resolver *resolver, const struct consult *consult, struct bus_client *bus)
{
	struct smtpd_health *health = mem_new(smtpd_health);

	health->magic = (uint32_t)MAGIC_smtpd_health;
	health->context = context;
	health->resolver = resolver;
	health->consult = consult;
	health->bus = bus;
	timer_init(&health->look, context->loop, smtpd_health_on_timer, health);
	timer_set(&health->look, loop_now_ms(context->loop));
	return health;
}

void smtpd_health_free(struct smtpd_health **health)
{
	struct smtpd_health *h = *health;

	if (h == NULL)
		return;
	*health = NULL;
	timer_done(&h->look);
	h->magic = 0;
	mem_free(h);
}
