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

enum {
	PATIENCE_MS = 25000, /* for the ends of sessions; below systemd's 90 s */
	SILENCE_MS = 30000,  /* a role that turns its loop says so each 10 s */
	/* One statement on a large store may take minutes, and to be killed helps nobody then. */
	SILENCE_OF_KEEPER_MS = 300000,
	/* Of a role that has nothing better to do: the others have their turn in between. */
	REPORTS_IN_A_TURN = 16,
};

struct role_process {
	pid_t pid; /* 0: none */
	int handover_fd;
	struct watch *reports; /* which come by handover_fd */
};

struct supervised {
	uint32_t magic;
	struct supervisor *supervisor;
	const struct role *role;
	struct lifecycle *life;
	struct role_process process; /* the newest */
	struct role_process formers[FORMERS_MAX];
	struct timer again;
	struct sockets sockets;
};

struct supervisor {
	uint32_t magic;
	const char *conf_path;
	struct conf *conf;
	struct loop *loop;
	int notify_fd; /* of who started us */
	int lock_fd;   /* of run.folder */
	struct timer patience, watchdog, tick;
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

/* What a former process is to do. */
static void former_act(struct supervised *supervised, size_t i, enum life_action action)
{
	const struct role_process *process = &supervised->formers[i];

	if (action == LIFE_RETIRE && handover_send_retire(process->handover_fd) < 0)
		action = former_end(
			&supervised->life->formers[i], loop_now_ms(supervised->supervisor->loop));
	if (action == LIFE_TERM)
		kill(process->pid, SIGTERM);
	if (action == LIFE_KILL)
		kill(process->pid, SIGKILL);
}

typedef enum life_action former_call(struct former *former, int64_t now_ms);

static void formers_act(struct supervised *supervised, former_call *call)
{
	for (size_t i = 0; i < FORMERS_MAX; i++)
		former_act(supervised, i,
			call(&supervised->life->formers[i],
				loop_now_ms(supervised->supervisor->loop)));
}

static void supervised_ready(struct supervised *supervised)
{
	if (supervised->life->life != LIFE_STARTING)
		return;
	lifecycle_ready(supervised->life, loop_now_ms(supervised->supervisor->loop));
	formers_act(supervised, former_retire);
}

/* Of the newest process, or of a former one: who it is, its own socket tells. */
static void supervised_hear(
	struct supervised *supervised, const struct watch *reports, enum handover_report report)
{
	struct supervisor *supervisor = supervised->supervisor;
	int64_t now_ms = loop_now_ms(supervisor->loop);

	for (size_t i = 0; i < FORMERS_MAX; i++) {
		if (supervised->formers[i].reports == reports)
			former_sign(&supervised->life->formers[i], now_ms);
	}
	if (supervised->process.reports != reports)
		return;
	lifecycle_sign(supervised->life, now_ms);
	if (report == REPORT_READY) {
		supervised_ready(supervised);
		supervisor_report_ready(supervisor);
	}
}

static void supervised_on_report(struct watch *reports, int ready, void *arg)
{
	struct supervised *supervised = OBJ(supervised, arg);
	enum handover_report report;

	(void)ready;
	for (unsigned i = 0; i < REPORTS_IN_A_TURN; i++) {
		report = handover_hear(watch_fd(reports));
		if (report == REPORT_ENDED)
			watch_set(reports, WATCH_NOTHING); /* what is left is its end */
		if (report == REPORT_ENDED || report == REPORT_NOTHING)
			return;
		supervised_hear(supervised, reports, report);
	}
}

static int supervised_watch(struct supervised *supervised, int fd, struct fault *why)
{
	struct role_process *process = &supervised->process;

	process->handover_fd = fd;
	process->reports =
		watch_new(supervised->supervisor->loop, fd, supervised_on_report, supervised);
	return watch_set(process->reports, WATCH_READ) == 0
		       ? 0
		       : fault_set(why, E_SYSTEM, "cannot watch for reports of a role");
}

static void role_process_close(struct role_process *process)
{
	watch_free(&process->reports);
	close(process->handover_fd);
	*process = (struct role_process){.pid = 0};
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
		.user = role_user(name),
	};
	int ends[2], r = handover_pair(ends, why);

	if (r < 0)
		return r;
	plan.handover = ends[1];
	plan.silence_ms = supervised->life->silence_ms;
	r = supervised_watch(supervised, ends[0], why);
	if (r == 0)
		r = handover_send_conf(ends[0], supervisor->conf, name, why);
	if (r == 0)
		r = child_start(&plan, &supervised->process.pid, why);
	close(ends[1]);
	if (r < 0)
		role_process_close(&supervised->process);
	return r;
}

static void supervised_start(struct supervised *supervised)
{
	int64_t now_ms = loop_now_ms(supervised->supervisor->loop);
	struct fault why = {""};

	if (supervised_fork(supervised, &why) == 0) {
		lifecycle_started(supervised->life, now_ms);
		return;
	}
	log_event(EV_ROLE_FAILED, LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
	supervised_act(supervised, lifecycle_start_failed(supervised->life, now_ms));
}

/* The newest goes on as a former one, and the next is started beside it. */
static void supervised_replace(struct supervised *supervised)
{
	supervised->formers[lifecycle_replaced(supervised->life)] = supervised->process;
	supervised->process = (struct role_process){.pid = 0};
	supervised_start(supervised);
}

static void supervised_configure(struct supervised *supervised)
{
	struct fault why = {""};

	int r = handover_send_conf(supervised->process.handover_fd, supervised->supervisor->conf,
		supervised->role->name, &why);

	if (r == E_AGAIN) { /* it hangs; the next gets the newest */
		kill(supervised->process.pid, SIGKILL);
	} else if (r < 0) { /* for want of memory or descriptors of ours: it goes on as it was */
		log_event(EV_CONFIG_BAD,
			LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
	}
}

static void supervised_act(struct supervised *supervised, enum life_action action)
{
	struct loop *loop = supervised->supervisor->loop;

	if (action == LIFE_START)
		supervised_start(supervised);
	else if (action == LIFE_START_LATER)
		timer_set(&supervised->again, loop_now_ms(loop) + supervised->life->delay_ms);
	else if (action == LIFE_REPLACE)
		supervised_replace(supervised);
	else if (action == LIFE_TERM || action == LIFE_KILL)
		kill(supervised->process.pid, action == LIFE_TERM ? SIGTERM : SIGKILL);
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
	pid_t pid = supervised->process.pid;
	enum life_action action = lifecycle_died(&supervisor->lives, supervised->life,
		death_of(status), loop_now_ms(supervisor->loop));

	role_process_close(&supervised->process);
	if (action == LIFE_START_LATER || action == LIFE_GIVE_UP)
		supervised_log_death(supervised, pid, status); /* nobody had told it to end */
	if (action == LIFE_START_LATER)
		supervisor_report_ready(supervisor);
	if (action == LIFE_GIVE_UP)
		supervisor->exit_code = WEXITSTATUS(status);
	supervised_act(supervised, action);
}

/* A process that takes the place of another is told when it ends otherwise than asked. */
static void former_died(struct supervised *supervised, size_t i, int status)
{
	struct role_process *process = &supervised->formers[i];
	struct former *former = &supervised->life->formers[i];

	if (status != 0 && former->life != FORMER_ENDING)
		supervised_log_death(supervised, process->pid, status);
	role_process_close(process);
	former->life = FORMER_NONE;
}

static void supervisor_go_on_stopping(struct supervisor *supervisor)
{
	int64_t now_ms = loop_now_ms(supervisor->loop);

	for (size_t i = 0; i < supervisor->lives.len; i++) {
		struct supervised *supervised = &supervisor->roles[i];

		formers_act(supervised, former_end);
		supervised_act(
			supervised, lifecycle_stop(&supervisor->lives, supervised->life, now_ms));
	}
	if (!lifecycles_any_lives(&supervisor->lives))
		loop_stop(supervisor->loop);
}

static void supervised_kill(const struct supervised *supervised)
{
	if (supervised->process.pid > 0)
		kill(supervised->process.pid, SIGKILL);
	for (size_t i = 0; i < FORMERS_MAX; i++) {
		if (supervised->formers[i].pid > 0)
			kill(supervised->formers[i].pid, SIGKILL);
	}
}

static void supervisor_kill(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->lives.len; i++)
		supervised_kill(&supervisor->roles[i]);
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

static void supervised_reap(struct supervised *supervised)
{
	int status;

	for (size_t i = 0; i < FORMERS_MAX; i++) {
		if (supervised->formers[i].pid > 0 &&
			waitpid(supervised->formers[i].pid, &status, WNOHANG) > 0)
			former_died(supervised, i, status);
	}
	if (supervised->process.pid > 0 && waitpid(supervised->process.pid, &status, WNOHANG) > 0)
		supervised_died(supervised, status);
}

static void supervisor_on_child(int number, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);

	(void)number;
	for (size_t i = 0; i < supervisor->lives.len; i++)
		supervised_reap(&supervisor->roles[i]);
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
	enum life_change change = !conf_has_role(conf, name)         ? LIFE_UNWANTED
				  : same                             ? LIFE_SAME_PROCESS
				  : supervised->role->retire != NULL ? LIFE_BESIDE
								     : LIFE_NEW_PROCESS;

	sockets_close(&supervised->sockets); /* those that are no longer listened on */
	supervised->sockets = *sockets;
	supervised_act(supervised, lifecycle_configure(supervised->life, change,
					   loop_now_ms(supervised->supervisor->loop)));
	if (change == LIFE_UNWANTED)
		formers_act(supervised, former_end);
}

/* Another run.folder is another place: it may be somebody's already. */
static int supervisor_lock(const struct supervisor *supervisor, const struct conf *conf,
	int *ret_fd, struct fault *why)
{
	const struct conf *old = supervisor->conf;

	if (old != NULL && strcmp(old->run_path, conf->run_path) == 0)
		return 0;
	return folders_lock(conf, ret_fd, why);
}

static int supervisor_adopt(struct supervisor *supervisor, struct conf *conf, struct fault *why)
{
	struct sockets *sockets = mem_alloc_array(ROLES_MAX, sizeof(*sockets));
	struct conf *old = supervisor->conf;
	int lock_fd = -1, r = supervisor_lock(supervisor, conf, &lock_fd, why);

	if (r == 0)
		r = supervisor_prepare(supervisor, conf, sockets, why);
	if (r < 0 && lock_fd >= 0)
		close(lock_fd);
	if (r == 0 && lock_fd >= 0) {
		if (supervisor->lock_fd >= 0)
			close(supervisor->lock_fd);
		supervisor->lock_fd = lock_fd;
	}

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

static void supervisor_start_watchdog(struct supervisor *supervisor)
{
	supervisor->watchdog_ms = supervisor->notify_fd >= 0 ? notify_watchdog_ms() : 0;
	if (supervisor->watchdog_ms != 0)
		supervisor_on_watchdog(&supervisor->watchdog, supervisor);
}

static void supervised_log_hung(const struct supervised *supervised, int64_t now_ms)
{
	const struct lifecycle *life = supervised->life;

	log_event(EV_ROLE_HUNG,
		LOG_FIELDS(log_role_name(supervised), log_number("pid", supervised->process.pid),
			log_number("silent_s", (now_ms - life->sign_ms) / 1000)));
}

/* Only who listens can find out: to the others it looks as if we were not there. */
static void supervised_keep_sockets(struct supervised *supervised, int64_t now_ms)
{
	const struct listen_socket *lost;
	struct fault why = {""};
	bool any = false;

	while ((lost = sockets_close_lost(&supervised->sockets)) != NULL) {
		log_event(EV_SOCKET_TAKEN, LOG_FIELDS(log_text("path", lost->path)));
		any = true;
	}
	if (sockets_are_open(&supervised->sockets) && !any)
		return;
	if (folders_prepare_sockets(supervised->supervisor->conf, &why) < 0 ||
		sockets_open(&supervised->sockets, &why) < 0 ||
		sockets_hand_over(&supervised->sockets, &why) < 0) {
		if (any)
			log_event(EV_ROLE_FAILED,
				LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
		return; /* at the next tick again */
	}
	supervised_act(supervised, lifecycle_configure(supervised->life, LIFE_NEW_PROCESS, now_ms));
}

static void supervisor_on_tick(struct timer *timer, void *arg)
{
	struct supervisor *supervisor = OBJ(supervisor, arg);
	int64_t now_ms = loop_now_ms(supervisor->loop);

	lifecycles_tick(&supervisor->lives, now_ms);
	for (size_t i = 0; i < supervisor->lives.len; i++) {
		struct supervised *supervised = &supervisor->roles[i];
		enum life_action action = lifecycle_tick(supervised->life, now_ms);

		if (action == LIFE_KILL)
			supervised_log_hung(supervised, now_ms);
		supervised_act(supervised, action);
		formers_act(supervised, former_tick);
		if (role_is_keeper(supervised->role) && !supervisor->lives.stopping)
			supervised_keep_sockets(supervised, now_ms);
	}
	timer_set(timer, now_ms + TICK_MS);
}

static void supervisor_init(
	struct supervisor *supervisor, const struct role *const *roles, const char *conf_path)
{
	*supervisor = (struct supervisor){
		.magic = (uint32_t)MAGIC_supervisor, .conf_path = conf_path, .lock_fd = -1};
	supervisor->loop = loop_new();
	timer_init(&supervisor->patience, supervisor->loop, supervisor_on_impatience, supervisor);
	timer_init(&supervisor->watchdog, supervisor->loop, supervisor_on_watchdog, supervisor);
	timer_init(&supervisor->tick, supervisor->loop, supervisor_on_tick, supervisor);
	for (size_t i = 0; roles[i] != NULL; i++) {
		ASSERT(i < ROLES_MAX);
		supervisor->roles[i] = (struct supervised){.magic = (uint32_t)MAGIC_supervised,
			.supervisor = supervisor,
			.role = roles[i],
			.life = &supervisor->lives.roles[i]};
		timer_init(&supervisor->roles[i].again, supervisor->loop, supervised_again,
			&supervisor->roles[i]);
		supervisor->lives.roles[i].silence_ms =
			role_is_keeper(roles[i]) ? SILENCE_OF_KEEPER_MS : SILENCE_MS;
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
	timer_done(&supervisor->tick);
	if (supervisor->lock_fd >= 0)
		close(supervisor->lock_fd);
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
	r = supervisor_adopt(supervisor, conf, why);
	if (r < 0)
		return r;
	supervisor_start_watchdog(supervisor);
	timer_set(&supervisor->tick, loop_now_ms(supervisor->loop) + TICK_MS);
	supervisor->lives.tick_ms = loop_now_ms(supervisor->loop);
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
