/* SPDX-License-Identifier: ISC */
#include "smtpd/backend_state.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"

struct backend_state {
	uint32_t magic;
	struct backend_target target; /* holds a reference to its conf */
	void (*probed)(enum relay_probe_result result, void *arg);
	void *arg;
	struct relay_probe *probe;
	struct timer probe_again;
	bool is_safe; /* does not relay */
	bool away_logged;
	struct smtp_offer offer;
};

static bool conf_same_backend(const struct conf *a, const struct conf *b)
{
	return a->backend.port == b->backend.port && ip_equal(a->backend.ip, b->backend.ip) &&
	       a->pass_client == b->pass_client;
}

static void state_probe_after(struct backend_state *state, int64_t after_ms)
{
	timer_set(&state->probe_again, loop_now_ms(state->target.loop) + after_ms);
}

static void state_log_relays(const struct backend_state *state, const char *reply)
{
	const struct conf *conf = state->target.conf;

	log_event(EV_BACKEND_RELAYS,
		LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("reply", reply),
			log_number("line", conf->backend_location.line),
			log_text("fix", relay_probe_advice(conf->pass_client))));
}

static void state_on_probed(enum relay_probe_result result, const struct smtp_offer *offer,
	const char *reply, void *arg)
{
	struct backend_state *state = OBJ(backend_state, arg);
	const struct smtpd_limits *limits = state->target.limits;

	state->is_safe = result == PROBE_SAFE;
	switch (result) {
	case PROBE_SAFE:
		state->away_logged = false;
		backend_state_up(state, state->target.conf, offer);
		state_probe_after(state, limits->probe_every_ms);
		break;
	case PROBE_RELAYS:
		state_log_relays(state, reply);
		break;
	case PROBE_AWAY:
		backend_state_away(state, state->target.conf, reply, 0);
		state_probe_after(state, limits->probe_again_ms);
		break;
	}
	state->probed(result, state->arg);
}

static void state_probe(struct backend_state *state)
{
	relay_probe_free(&state->probe);
	timer_clear(&state->probe_again);
	state->probe = relay_probe_new(&state->target, state_on_probed, state);
}

static void state_on_probe_again(struct timer *timer, void *arg)
{
	(void)timer;
	state_probe(OBJ(backend_state, arg));
}

struct backend_state *backend_state_new(const struct backend_target *target,
	void (*probed)(enum relay_probe_result result, void *arg), void *arg)
{
	struct backend_state *state = mem_new(backend_state);

	state->magic = (uint32_t)MAGIC_backend_state;
	state->target = *target;
	state->target.conf = conf_ref(target->conf);
	state->probed = probed;
	state->arg = arg;
	timer_init(&state->probe_again, target->loop, state_on_probe_again, state);
	state_probe(state);
	return state;
}

void backend_state_free(struct backend_state **state)
{
	struct backend_state *s = *state;

	if (s == NULL)
		return;
	relay_probe_free(&s->probe);
	timer_done(&s->probe_again);
	conf_unref(&s->target.conf);
	s->magic = 0;
	mem_free(s);
	*state = NULL;
}

void backend_state_set_conf(struct backend_state *state, const struct conf *conf)
{
	if (!conf_same_backend(state->target.conf, conf))
		state->is_safe = false;
	conf_unref(&state->target.conf);
	state->target.conf = conf_ref(conf);
	if (!state->is_safe)
		state_probe(state);
}

void backend_state_stop(struct backend_state *state)
{
	timer_clear(&state->probe_again);
}

bool backend_state_may_pass(const struct backend_state *state, const struct conf *conf)
{
	return state->is_safe && conf_same_backend(state->target.conf, conf);
}

const struct smtp_offer *backend_state_offer(const struct backend_state *state)
{
	return &state->offer;
}

void backend_state_up(
	struct backend_state *state, const struct conf *conf, const struct smtp_offer *offer)
{
	if (!conf_same_backend(state->target.conf, conf))
		return;
	state->offer = *offer;
	if (state->away_logged) /* it may have come back as another */
		state_probe_after(state, 0);
	state->away_logged = false;
}

void backend_state_away(
	struct backend_state *state, const struct conf *conf, const char *what, int error)
{
	bool is_ours = conf_same_backend(state->target.conf, conf);

	if (state->away_logged && is_ours)
		return;
	state->away_logged = is_ours;
	log_event(EV_BACKEND_DOWN,
		LOG_FIELDS(log_endpoint("backend", conf->backend), log_text("why", what),
			log_text("error", error < 0 ? err_text(error) : NULL)));
}
