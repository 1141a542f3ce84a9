/* SPDX-License-Identifier: ISC */
#include "smtpd/health.h"

#include "base/arena.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "bus/client.h"
#include "process/role.h"
#include "resolve/resolver.h"
#include "stockade.pb-c.h"

enum { REPORT_EVERY_MS = 2000 };

struct smtpd_health {
	uint32_t magic;
	const struct role_context *context;
	const struct resolver *resolver;
	const struct consult *consult;
	struct bus_client *bus;
	struct timer look;
	bool probed;
	enum relay_probe_result backend;
};

static Stockade__Condition *add(
	struct arena *arena, Stockade__Health *health, const char *kind, const char *name)
{
	Stockade__Condition *condition = arena_alloc(arena, sizeof(*condition));

	stockade__condition__init(condition);
	condition->kind = (char *)kind;
	condition->name = arena_copy_string(arena, name);
	health->conditions[health->n_conditions++] = condition;
	return condition;
}

static void add_resolver(
	const struct smtpd_health *health, struct arena *arena, Stockade__Health *said)
{
	char name[ENDPOINT_TEXT_SIZE];
	Stockade__Condition *condition =
		add(arena, said, "resolver", endpoint_print(health->context->conf->resolver, name));

	condition->well = !resolver_is_down(health->resolver);
	condition->words =
		(char *)(condition->well ? "ok" : "does not answer: checks by DNS decide nothing");
}

static void add_backend(
	const struct smtpd_health *health, struct arena *arena, Stockade__Health *said)
{
	static const char *const words[] = {[PROBE_SAFE] = "ok, does not relay for strangers",
		[PROBE_RELAYS] = "relays for strangers: no mail passes",
		[PROBE_AWAY] =
			"could not be asked yet whether it relays: clients are told to come again"};
	char name[ENDPOINT_TEXT_SIZE];
	Stockade__Condition *condition;

	if (!health->probed)
		return;
	condition =
		add(arena, said, "backend", endpoint_print(health->context->conf->backend, name));
	condition->well = health->backend == PROBE_SAFE;
	condition->words = (char *)words[health->backend];
}

static const char *dnsbl_words(struct arena *arena, const struct dnsbl_health *health)
{
	switch (dnsbl_health_state(health)) {
	case DNSBL_UNTRIED:
		return "is being tried";
	case DNSBL_SUSPENDED:
		return arena_format(arena, "not used: %s", dnsbl_test_text(health->last_test));
	case DNSBL_PAUSED:
		return "not asked for a while: it does not answer";
	case DNSBL_HEALTHY:
		break;
	}
	return "ok";
}

static void add_dnsbl(
	const struct smtpd_health *health, size_t i, struct arena *arena, Stockade__Health *said)
{
	const struct dnsbl_health *state = consult_dnsbl_health(health->consult, i);
	Stockade__Condition *condition;

	if (state == NULL)
		return; /* off */
	condition = add(arena, said, "dnsbl", health->context->conf->dnsbls[i].name);
	condition->well = dnsbl_health_state(state) == DNSBL_UNTRIED ||
			  dnsbl_health_state(state) == DNSBL_HEALTHY;
	condition->words = (char *)dnsbl_words(arena, state);
	condition->since_s = state->since_s;
}

static void smtpd_health_report(struct smtpd_health *health)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Health said = STOCKADE__HEALTH__INIT;
	size_t dnsbls = health->context->conf->dnsbls_len;

	said.conditions = arena_alloc(arena, (dnsbls + 2) * sizeof(*said.conditions));
	add_resolver(health, arena, &said);
	add_backend(health, arena, &said);
	for (size_t i = 0; i < dnsbls; i++)
		add_dnsbl(health, i, arena, &said);
	bus_client_tell(health->bus, &said);
}

static void smtpd_health_on_timer(struct timer *timer, void *arg)
{
	struct smtpd_health *health = OBJ(smtpd_health, arg);

	smtpd_health_report(health);
	timer_set(timer, loop_now_ms(timer->loop) + REPORT_EVERY_MS);
}

void smtpd_health_backend(struct smtpd_health *health, enum relay_probe_result result)
{
	health->probed = true;
	health->backend = result;
	smtpd_health_report(health);
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
