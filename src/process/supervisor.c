/* SPDX-License-Identifier: ISC */
#include "process/supervisor.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "process/lifecycle.h"
#include "process/reload.h"
#include "process/run_state_file.h"
#include "process/sd_notify.h"
#include "process/supervised.h"

enum { PATIENCE_MS = 25000 /* for the ends of sessions; below systemd's 90 s */ };

struct supervisor {
	uint32_t magic;
	int notify_fd; /* of who started us */
	struct timer patience, watchdog, tick;
	int64_t watchdog_ms;
	int exit_code;
	int64_t since_s;
	struct buf written; /* for `stockade status`, the last time */
	int64_t written_ms;
	bool unwritten; /* that it cannot be was said */
	struct supervision all;
};

static struct run_state supervisor_state(const struct supervisor *supervisor, int64_t now_ms)
{
	const struct supervision *all = &supervisor->all;
	struct run_state state = {.pid = getpid(), .since_s = supervisor->since_s};

	for (size_t i = 0; i < all->lives.len; i++) {
		if (all->lives.roles[i].wanted)
			state.roles[state.len++] = supervised_state(&all->roles[i], now_ms);
	}
	return state;
}

/* When there is something new, and otherwise now and then. */
static void supervisor_write_state(struct supervisor *supervisor)
{
	int64_t now_ms = loop_now_ms(supervisor->all.loop);
	struct run_state state = supervisor_state(supervisor, now_ms);
	struct fault why = {""};
	struct buf text;
	int r = 0;

	buf_init(&text, 0);
	run_state_print(&state, &text);
	if (!span_equal(buf_span(&text), buf_span(&supervisor->written)) ||
		now_ms - supervisor->written_ms >= RUN_STATE_EVERY_MS) {
		state.written_ms = supervisor->written_ms = now_ms;
		r = run_state_write(supervisor->all.conf, &state, &why);
		if (r < 0 && !supervisor->unwritten)
			log_event(EV_RUN_UNTOLD, LOG_FIELDS(log_text("why", why.text)));
		supervisor->unwritten = r < 0;
	}
	buf_done(&supervisor->written);
	supervisor->written = text;
}

/* What the line says, `stockade status` says by then, too. */
static void supervisor_on_settled(struct supervision *all)
{
	struct supervisor *supervisor = CONTAINEROF(all, struct supervisor, all);

	supervisor_write_state(supervisor);
	if (!lifecycles_report_ready(&all->lives))
		return;
	log_event(EV_RUN_READY, LOG_FIELDS(log_number("pid", getpid())));
	notify_send(supervisor->notify_fd, "READY=1");
}

static void supervisor_go_on_stopping(struct supervisor *supervisor)
{
	int64_t now_ms = loop_now_ms(supervisor->all.loop);

	for (size_t i = 0; i < supervisor->all.lives.len; i++) {
		struct supervised *supervised = &supervisor->all.roles[i];

		supervised_end_formers(supervised);
		supervised_act(supervised,
			lifecycle_stop(&supervisor->all.lives, supervised->life, now_ms));
	}
	if (!lifecycles_any_lives(&supervisor->all.lives))
		loop_stop(supervisor->all.loop);
}

static void supervisor_kill(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->all.lives.len; i++)
		supervised_kill(&supervisor->all.roles[i]);
}

static void supervisor_on_impatience(struct timer *timer, void *arg)
{
	(void)timer;
	supervisor_kill(OBJ(supervisor, arg));
}

static void supervisor_stop(struct supervisor *supervisor)
{
	if (supervisor->all.lives.stopping)
		return;
	lifecycles_stop(&supervisor->all.lives);
	notify_send(supervisor->notify_fd, "STOPPING=1");
	timer_set(&supervisor->patience, loop_now_ms(supervisor->all.loop) + PATIENCE_MS);
	supervisor_go_on_stopping(supervisor);
}

static void supervisor_on_hopeless(struct supervision *all, int exit_code)
{
	struct supervisor *supervisor = CONTAINEROF(all, struct supervisor, all);

	supervisor->exit_code = exit_code;
	supervisor_stop(supervisor);
}

static void supervisor_on_term(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	(void)number;
	if (supervisor->all.lives.stopping)
		supervisor_kill(supervisor); /* asked twice */
	supervisor_stop(supervisor);
}

static void supervisor_on_child(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	(void)number;
	for (size_t i = 0; i < supervisor->all.lives.len; i++)
		supervised_reap(&supervisor->all.roles[i]);
	if (supervisor->all.lives.stopping)
		supervisor_go_on_stopping(supervisor);
}

static void supervisor_on_hup(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);
	struct conf *conf = NULL;
	struct fault why = {""};
	int r;

	(void)number;
	if (supervisor->all.lives.stopping)
		return;
	r = supervision_load(supervisor->all.conf_path, &conf, &why);
	if (r == 0)
		r = supervision_adopt(&supervisor->all, conf, &why);
	log_event(r < 0 ? EV_CONFIG_BAD : EV_CONFIG_LOADED,
		LOG_FIELDS(log_text("file", supervisor->all.conf_path), log_text("why", why.text)));
	if (r < 0)
		conf_free(&conf);
	supervisor_write_state(supervisor);
}

static void supervisor_on_watchdog(struct timer *timer, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	notify_send(supervisor->notify_fd, "WATCHDOG=1");
	timer_set(timer, loop_now_ms(supervisor->all.loop) + supervisor->watchdog_ms);
}

static void supervisor_start_watchdog(struct supervisor *supervisor)
{
	supervisor->watchdog_ms = supervisor->notify_fd >= 0 ? notify_watchdog_ms() : 0;
	if (supervisor->watchdog_ms != 0)
		supervisor_on_watchdog(&supervisor->watchdog, supervisor);
}

static void supervisor_on_tick(struct timer *timer, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);
	int64_t now_ms = loop_now_ms(supervisor->all.loop);

	lifecycles_tick(&supervisor->all.lives, now_ms);
	for (size_t i = 0; i < supervisor->all.lives.len; i++) {
		struct supervised *supervised = &supervisor->all.roles[i];
		supervised_tick(supervised, now_ms);
		if (role_is_keeper(supervised->role) && !supervisor->all.lives.stopping)
			supervised_keep_sockets(supervised, now_ms);
	}
	supervisor_write_state(supervisor);
	timer_set(timer, now_ms + TICK_MS);
}

static void supervisor_init(
	struct supervisor *supervisor, const struct role *const *roles, const char *conf_path)
{
	*supervisor = (struct supervisor){.magic = (uint32_t)MAGIC_supervisor,
		.all = {.conf_path = conf_path,
			.loop = loop_new(),
			.lock_fd = -1,
			.calls = {supervisor_on_settled, supervisor_on_hopeless}}};
	timer_init(
		&supervisor->patience, supervisor->all.loop, supervisor_on_impatience, supervisor);
	timer_init(&supervisor->watchdog, supervisor->all.loop, supervisor_on_watchdog, supervisor);
	timer_init(&supervisor->tick, supervisor->all.loop, supervisor_on_tick, supervisor);
	for (size_t i = 0; roles[i] != NULL; i++) {
		ASSERT(i < ROLES_MAX);
		supervised_init(&supervisor->all.roles[i], &supervisor->all, roles[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(supervisor->all.loop, SIGCHLD, supervisor_on_child, supervisor);
	loop_on_signal(supervisor->all.loop, SIGTERM, supervisor_on_term, supervisor);
	loop_on_signal(supervisor->all.loop, SIGINT, supervisor_on_term, supervisor);
	loop_on_signal(supervisor->all.loop, SIGHUP, supervisor_on_hup, supervisor);
}

static void supervisor_done(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->all.lives.len; i++)
		supervised_done(&supervisor->all.roles[i]);
	timer_done(&supervisor->patience);
	timer_done(&supervisor->watchdog);
	timer_done(&supervisor->tick);
	if (supervisor->all.lock_fd >= 0) {
		if (supervisor->all.conf != NULL)
			run_state_remove(supervisor->all.conf);
		close(supervisor->all.lock_fd);
	}
	buf_done(&supervisor->written);
	loop_free(&supervisor->all.loop);
	conf_free(&supervisor->all.conf);
}

/* Thousands of sessions need thousands of descriptors; the hard limit is the administrator's. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int supervisor_start(struct supervisor *supervisor, struct conf *conf, struct fault *why)
{
	int r;

	raise_descriptor_limit();
	supervisor->notify_fd = notify_connect();
	r = supervision_adopt(&supervisor->all, conf, why);
	if (r < 0)
		return r;
	supervisor->since_s = loop_now_s(supervisor->all.loop);
	supervisor_write_state(supervisor);
	supervisor_start_watchdog(supervisor);
	timer_set(&supervisor->tick, loop_now_ms(supervisor->all.loop) + TICK_MS);
	supervisor->all.lives.tick_ms = loop_now_ms(supervisor->all.loop);
	return 0;
}

int supervisor_run(const struct role *const *roles, const char *conf_path)
{
	struct supervisor *supervisor;
	struct conf *conf = NULL;
	struct fault why = {""};
	int code, r;

	log_open("run", LOG_INFO);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* it holds every secret */
	r = supervision_load(conf_path, &conf, &why);
	if (r < 0) {
		if (why.text[0] != '\0')
			log_event(EV_ROLE_FAILED,
				LOG_FIELDS(log_text("role", "run"), log_text("why", why.text)));
		return err_exit_code(r);
	}
	supervisor = mem_new(supervisor);
	supervisor_init(supervisor, roles, conf_path);
	r = supervisor_start(supervisor, conf, &why);
	if (r < 0) {
		log_event(EV_ROLE_FAILED,
			LOG_FIELDS(log_text("role", "run"), log_text("why", why.text)));
		conf_free(&conf);
	} else {
		loop_run(supervisor->all.loop);
		log_event(EV_ROLE_STOPPED, LOG_FIELDS(log_text("role", "run")));
	}
	code = r < 0 ? err_exit_code(r) : supervisor->exit_code;
	supervisor_done(supervisor);
	mem_free(supervisor);
	return code;
}
