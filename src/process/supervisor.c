/* SPDX-License-Identifier: ISC */
#include "process/supervisor.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "process/child.h"
#include "process/folders.h"
#include "process/handover.h"
#include "process/jail.h"
#include "process/lifecycle.h"
#include "process/sd_notify.h"
#include "process/sockets.h"

enum { PATIENCE_MS = 25000 }; /* for the ends of sessions; below systemd's 90 s */

struct supervised {
	uint32_t magic;
	struct supervisor *supervisor;
	const struct role *role;
	struct lifecycle *life;
	pid_t pid; /* 0: none */
	int handover_fd;
	struct timer again;
	struct sockets sockets;
};

struct supervisor {
	uint32_t magic;
	const char *conf_path;
	struct conf *conf;
	struct loop *loop;
	struct notify_listener *listener;
	int notify_fd; /* of who started us */
	struct timer patience, watchdog;
	int64_t watchdog_ms;
	int exit_code;
	struct lifecycles lives;
	struct supervised roles[ROLES_MAX]; /* lives.len of them */
};

static void supervised_act(struct supervised *supervised, enum life_action action);
static void supervisor_stop(struct supervisor *supervisor);

static struct log_field log_role_name(const struct supervised *supervised)
{
	return log_text("role", supervised->role->name);
}

static void supervisor_report_ready(struct supervisor *supervisor)
{
	if (!lifecycles_report_ready(&supervisor->lives))
		return;
	log_event(EV_RUN_READY, LOG_FIELDS(log_number("pid", getpid())));
	notify_send(supervisor->notify_fd, "READY=1");
}

static void supervisor_on_ready(pid_t pid, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	for (size_t i = 0; i < supervisor->lives.len; i++) {
		struct supervised *supervised = &supervisor->roles[i];

		if (supervised->pid == pid && supervised->life->life == LIFE_STARTING)
			lifecycle_ready(supervised->life, loop_now_ms(supervisor->loop));
	}
	supervisor_report_ready(supervisor);
}

static void supervised_again(struct timer *timer, void *arg)
{
	(void)timer;
	supervised_act(OBJ(supervised, arg), LIFE_START);
}

/* The configuration waits in the socket before the process is there. */
static int supervised_fork(struct supervised *supervised, struct fault *why)
{
	struct supervisor *supervisor = supervised->supervisor;
	const char *name = supervised->role->name;
	struct child_plan plan = {
		.role = name,
		.conf_path = supervisor->conf_path,
		.sockets = &supervised->sockets,
		.notify_path = notify_listener_path(supervisor->listener),
		.user = role_user(name),
	};
	int ends[2], r = handover_pair(ends, why);

	if (r < 0)
		return r;
	plan.handover = ends[1];
	r = handover_send_conf(ends[0], supervisor->conf, name, why);
	if (r == 0)
		r = child_start(&plan, &supervised->pid, why);
	close(ends[1]);
	if (r < 0)
		close(ends[0]);
	else
		supervised->handover_fd = ends[0];
	return r;
}

static void supervised_start(struct supervised *supervised)
{
	struct fault why = {""};

	if (supervised_fork(supervised, &why) == 0) {
		lifecycle_started(supervised->life);
		return;
	}
	log_event(EV_ROLE_FAILED, LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
	supervised_act(supervised, lifecycle_start_failed(supervised->life,
					   loop_now_ms(supervised->supervisor->loop)));
}

static void supervised_configure(struct supervised *supervised)
{
	struct fault why = {""};

	if (handover_send_conf(supervised->handover_fd, supervised->supervisor->conf,
		    supervised->role->name, &why) < 0)
		kill(supervised->pid, SIGKILL); /* it hangs; the next one gets the newest */
}

static void supervised_act(struct supervised *supervised, enum life_action action)
{
	struct loop *loop = supervised->supervisor->loop;

	if (action == LIFE_START)
		supervised_start(supervised);
	else if (action == LIFE_START_LATER)
		timer_set(&supervised->again, loop_now_ms(loop) + supervised->life->delay_ms);
	else if (action == LIFE_TERM)
		kill(supervised->pid, SIGTERM);
	else if (action == LIFE_CONFIGURE)
		supervised_configure(supervised);
	else if (action == LIFE_GIVE_UP)
		supervisor_stop(supervised->supervisor);
	if (!supervised->life->waits)
		timer_clear(&supervised->again);
}

static enum death death_of(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	if (code == err_exit_code(E_CONFIG) || code == err_exit_code(E_DENIED) ||
		code == err_exit_code(E_ABSENT) || code == err_exit_code(E_USAGE))
		return DEATH_HOPELESS;
	return code == err_exit_code(E_BUSY) ? DEATH_BUSY : DEATH_CRASH;
}

static void supervised_log_death(const struct supervised *supervised, pid_t pid, int status)
{
	bool killed = WIFSIGNALED(status);

	log_event(EV_ROLE_DIED,
		LOG_FIELDS(log_role_name(supervised), log_number("pid", pid),
			log_text("by", killed ? "signal" : "exit"),
			log_number("code", killed ? WTERMSIG(status) : WEXITSTATUS(status)),
			log_text("signal", killed ? sigabbrev_np(WTERMSIG(status)) : NULL),
			log_number("again_ms", supervised->life->delay_ms)));
}

static void supervised_died(struct supervised *supervised, int status)
{
	struct supervisor *supervisor = supervised->supervisor;
	pid_t pid = supervised->pid;
	enum life_action action = lifecycle_died(&supervisor->lives, supervised->life,
		death_of(status), loop_now_ms(supervisor->loop));

	supervised->pid = 0;
	close(supervised->handover_fd);
	if (action == LIFE_START_LATER || action == LIFE_GIVE_UP)
		supervised_log_death(supervised, pid, status); /* nobody had told it to end */
	if (action == LIFE_START_LATER)
		supervisor_report_ready(supervisor);
	if (action == LIFE_GIVE_UP)
		supervisor->exit_code = WEXITSTATUS(status);
	supervised_act(supervised, action);
}

static void supervisor_go_on_stopping(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->lives.len; i++) {
		struct supervised *supervised = &supervisor->roles[i];

		supervised_act(supervised, lifecycle_stop(&supervisor->lives, supervised->life));
	}
	if (!lifecycles_any_lives(&supervisor->lives))
		loop_stop(supervisor->loop);
}

static void supervisor_kill(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->lives.len; i++) {
		if (supervisor->roles[i].pid > 0)
			kill(supervisor->roles[i].pid, SIGKILL);
	}
}

static void supervisor_on_impatience(struct timer *timer, void *arg)
{
	(void)timer;
	supervisor_kill(OBJ(supervisor, arg));
}

static void supervisor_stop(struct supervisor *supervisor)
{
	if (supervisor->lives.stopping)
		return;
	lifecycles_stop(&supervisor->lives);
	notify_send(supervisor->notify_fd, "STOPPING=1");
	timer_set(&supervisor->patience, loop_now_ms(supervisor->loop) + PATIENCE_MS);
	supervisor_go_on_stopping(supervisor);
}

static void supervisor_on_term(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	(void)number;
	if (supervisor->lives.stopping)
		supervisor_kill(supervisor); /* asked twice */
	supervisor_stop(supervisor);
}

static void supervisor_on_child(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	(void)number;
	for (size_t i = 0; i < supervisor->lives.len; i++) {
		struct supervised *supervised = &supervisor->roles[i];
		int status;

		if (supervised->pid > 0 && waitpid(supervised->pid, &status, WNOHANG) > 0)
			supervised_died(supervised, status);
	}
	if (supervisor->lives.stopping)
		supervisor_go_on_stopping(supervisor);
}

static bool conf_has_role(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->roles_len; i++) {
		if (strcmp(conf->roles[i], name) == 0)
			return true;
	}
	return false;
}

/* Folders and sockets of one role; sockets it has already are kept. Nothing changes on failure. */
static int supervised_prepare(struct supervised *supervised, const struct conf *conf,
	struct sockets *ret_sockets, struct fault *why)
{
	int r = folders_prepare(conf, supervised->role->name, why);

	if (r == 0 && role_is_keeper(supervised->role))
		r = folders_prepare_sockets(conf, why);
	if (r == 0)
		r = sockets_plan(conf, supervised->role->name, ret_sockets, why);
	if (r < 0)
		return r;
	sockets_move(&supervised->sockets, ret_sockets);
	r = sockets_open(ret_sockets, why);
	if (r == 0)
		r = sockets_hand_over(ret_sockets, why);
	if (r < 0) {
		sockets_move(ret_sockets, &supervised->sockets);
		sockets_close(ret_sockets);
	}
	return r;
}

/* Prepares all roles of a configuration; all or nothing. */
static int supervisor_prepare(struct supervisor *supervisor, const struct conf *conf,
	struct sockets *ret_sockets, struct fault *why)
{
	for (size_t i = 0; i < supervisor->lives.len; i++) {
		struct supervised *supervised = &supervisor->roles[i];
		int r = 0;

		ret_sockets[i].len = 0;
		if (conf_has_role(conf, supervised->role->name))
			r = supervised_prepare(supervised, conf, &ret_sockets[i], why);
		if (r == 0)
			continue;
		for (size_t back = 0; back < i; back++) {
			sockets_move(&ret_sockets[back], &supervisor->roles[back].sockets);
			sockets_close(&ret_sockets[back]);
		}
		return r;
	}
	return 0;
}

/* Puts one role where the configuration wants it, which is the supervisor's already. */
static void supervised_adopt(
	struct supervised *supervised, const struct conf *old, const struct sockets *sockets)
{
	const struct conf *conf = supervised->supervisor->conf;
	const char *name = supervised->role->name;
	bool same = sockets_equal(&supervised->sockets, sockets) && old != NULL &&
		    jail_is_same(name, old, conf);
	enum life_change change = !conf_has_role(conf, name) ? LIFE_UNWANTED
				  : same                     ? LIFE_SAME_PROCESS
							     : LIFE_NEW_PROCESS;

	sockets_close(&supervised->sockets); /* those that are no longer listened on */
	supervised->sockets = *sockets;
	supervised_act(supervised, lifecycle_configure(supervised->life, change));
}

static int supervisor_adopt(struct supervisor *supervisor, struct conf *conf, struct fault *why)
{
	struct sockets *sockets = mem_alloc_array(ROLES_MAX, sizeof(*sockets));
	struct conf *old = supervisor->conf;
	int r = supervisor_prepare(supervisor, conf, sockets, why);

	if (r == 0) {
		supervisor->conf = conf;
		log_open("run", (enum log_level)conf->log_level);
		for (size_t i = 0; i < supervisor->lives.len; i++)
			supervised_adopt(&supervisor->roles[i], old, &sockets[i]);
		conf_free(&old);
	}
	mem_free(sockets);
	return r;
}

/* With the secrets of all roles that run here: who checks is who reads. */
static int supervisor_load(const char *path, struct conf **ret_conf, struct fault *why)
{
	AUTO(conf) *conf = NULL;
	int r = handover_load(path, &conf);
	unsigned secrets = 0;

	for (size_t i = 0; r == 0 && i < conf->roles_len; i++)
		secrets |= handover_secrets(conf->roles[i]);
	if (r == 0)
		r = handover_load_secrets(conf, secrets, why);
	if (r == 0)
		*ret_conf = TAKE(conf);
	return r;
}

static void supervisor_on_hup(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);
	struct conf *conf = NULL;
	struct fault why = {""};
	int r;

	(void)number;
	if (supervisor->lives.stopping)
		return;
	r = supervisor_load(supervisor->conf_path, &conf, &why);
	if (r == 0)
		r = supervisor_adopt(supervisor, conf, &why);
	log_event(r < 0 ? EV_CONFIG_BAD : EV_CONFIG_LOADED,
		LOG_FIELDS(log_text("file", supervisor->conf_path), log_text("why", why.text)));
	if (r < 0)
		conf_free(&conf);
}

static void supervisor_on_watchdog(struct timer *timer, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	notify_send(supervisor->notify_fd, "WATCHDOG=1");
	timer_set(timer, loop_now_ms(supervisor->loop) + supervisor->watchdog_ms);
}

/* WATCHDOG_USEC (sd_watchdog_enabled(3)): a sign of life in half that time. */
static void supervisor_start_watchdog(struct supervisor *supervisor)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t every_us;

	unsetenv("WATCHDOG_PID");
	if (text == NULL || supervisor->notify_fd < 0 ||
		span_parse_u64(span_text(text), INT32_MAX, &every_us) < 0 || every_us < 10000)
		return;
	supervisor->watchdog_ms = (int64_t)every_us / 2000;
	unsetenv("WATCHDOG_USEC");
	timer_set(&supervisor->watchdog, loop_now_ms(supervisor->loop) + supervisor->watchdog_ms);
}

static void supervisor_init(
	struct supervisor *supervisor, const struct role *const *roles, const char *conf_path)
{
	*supervisor =
		(struct supervisor){.magic = (uint32_t)MAGIC_supervisor, .conf_path = conf_path};
	supervisor->loop = loop_new();
	timer_init(&supervisor->patience, supervisor->loop, supervisor_on_impatience, supervisor);
	timer_init(&supervisor->watchdog, supervisor->loop, supervisor_on_watchdog, supervisor);
	for (size_t i = 0; roles[i] != NULL; i++) {
		ASSERT(i < ROLES_MAX);
		supervisor->roles[i] = (struct supervised){.magic = (uint32_t)MAGIC_supervised,
			.supervisor = supervisor,
			.role = roles[i],
			.life = &supervisor->lives.roles[i]};
		timer_init(&supervisor->roles[i].again, supervisor->loop, supervised_again,
			&supervisor->roles[i]);
		if (role_is_keeper(roles[i]))
			supervisor->lives.last = i;
		supervisor->lives.len++;
	}
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(supervisor->loop, SIGCHLD, supervisor_on_child, supervisor);
	loop_on_signal(supervisor->loop, SIGTERM, supervisor_on_term, supervisor);
	loop_on_signal(supervisor->loop, SIGINT, supervisor_on_term, supervisor);
	loop_on_signal(supervisor->loop, SIGHUP, supervisor_on_hup, supervisor);
}

static void supervisor_done(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->lives.len; i++) {
		sockets_unlink(&supervisor->roles[i].sockets);
		sockets_close(&supervisor->roles[i].sockets);
		timer_done(&supervisor->roles[i].again);
	}
	timer_done(&supervisor->patience);
	timer_done(&supervisor->watchdog);
	notify_listener_free(&supervisor->listener);
	loop_free(&supervisor->loop);
	conf_free(&supervisor->conf);
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
	r = notify_listener_new(supervisor->loop,
		(struct notify_call){supervisor_on_ready, supervisor}, &supervisor->listener, why);
	if (r == 0)
		r = supervisor_adopt(supervisor, conf, why);
	if (r == 0)
		supervisor_start_watchdog(supervisor);
	return r;
}

int supervisor_run(const struct role *const *roles, const char *conf_path)
{
	struct supervisor *supervisor;
	struct conf *conf = NULL;
	struct fault why = {""};
	int code, r;

	log_open("run", LOG_INFO);
	r = supervisor_load(conf_path, &conf, &why);
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
		loop_run(supervisor->loop);
		log_event(EV_ROLE_STOPPED, LOG_FIELDS(log_text("role", "run")));
	}
	code = r < 0 ? err_exit_code(r) : supervisor->exit_code;
	supervisor_done(supervisor);
	mem_free(supervisor);
	return code;
}
