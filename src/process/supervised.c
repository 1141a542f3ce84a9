/* SPDX-License-Identifier: ISC */
#include "process/supervised.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/obj.h"
#include "process/child.h"
#include "process/folders.h"
#include "process/handover.h"
#include "process/sockets_beside.h"

enum {
	SILENCE_MS = 30000, /* a role that turns its loop says so each 10 s */
	/* One statement on a large store may take minutes, and to be killed helps nobody then. */
	SILENCE_OF_KEEPER_MS = 300000,
	/* Of a role that has nothing better to do: the others have their turn in between. */
	REPORTS_IN_A_TURN = 16,
};

static struct log_field log_role_name(const struct supervised *supervised)
{
	return log_text("role", supervised->role->name);
}

/* What a former process is to do. */
static void former_act(struct supervised *supervised, size_t i, enum life_action action)
{
	const struct role_process *process = &supervised->formers[i];

	if (action == LIFE_RETIRE && handover_send_retire(process->handover_fd) < 0)
		action = former_end(
			&supervised->life->formers[i], loop_now_ms(supervised->all->loop));
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
			call(&supervised->life->formers[i], loop_now_ms(supervised->all->loop)));
}

void supervised_end_formers(struct supervised *supervised)
{
	formers_act(supervised, former_end);
}

static int supervised_serve_late(struct supervised *supervised, struct fault *why)
{
	return supervised->life->life == LIFE_READY && sockets_any_late(&supervised->sockets)
		       ? sockets_serve(&supervised->sockets, &supervised->leaving, why)
		       : 0;
}

static void supervised_ready(struct supervised *supervised)
{
	struct fault why = {""};

	if (supervised->life->life != LIFE_STARTING)
		return;
	lifecycle_ready(supervised->life, loop_now_ms(supervised->all->loop));
	supervised->since_s = loop_now_s(supervised->all->loop);
	if (supervised_serve_late(supervised, &why) < 0)
		log_event(EV_ROLE_FAILED,
			LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
	sockets_close(&supervised->leaving);
	supervised->leaving.len = 0;
	formers_act(supervised, former_retire);
}

/* Of the newest process, or of a former one: who it is, its own socket tells. */
static void supervised_hear(
	struct supervised *supervised, const struct watch *reports, enum handover_report report)
{
	struct supervision *all = supervised->all;
	int64_t now_ms = loop_now_ms(all->loop);

	for (size_t i = 0; i < FORMERS_MAX; i++) {
		if (supervised->formers[i].reports == reports)
			former_sign(&supervised->life->formers[i], now_ms);
	}
	if (supervised->process.reports != reports)
		return;
	lifecycle_sign(supervised->life, now_ms);
	if (report == REPORT_READY) {
		supervised_ready(supervised);
		all->calls.settled(all);
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
	process->reports = watch_new(supervised->all->loop, fd, supervised_on_report, supervised);
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
	struct supervision *all = supervised->all;
	const char *name = supervised->role->name;
	struct child_plan plan = {
		.role = name,
		.conf_path = all->conf_path,
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
		r = handover_send_conf(ends[0], all->conf, name, why);
	if (r == 0)
		r = child_start(&plan, &supervised->process.pid, why);
	close(ends[1]);
	if (r < 0)
		role_process_close(&supervised->process);
	return r;
}

static void supervised_start(struct supervised *supervised)
{
	int64_t now_ms = loop_now_ms(supervised->all->loop);
	struct fault why = {""};

	supervised->since_s = loop_now_s(supervised->all->loop);
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
	int r = handover_send_conf(supervised->process.handover_fd, supervised->all->conf,
		supervised->role->name, &why);

	if (r == E_CLOSED) /* it died; the next gets the newest */
		return;
	if (r == E_AGAIN) { /* it hangs; the same */
		supervised_act(supervised, lifecycle_kill(supervised->life));
	} else if (r < 0) { /* for want of memory or descriptors of ours: it goes on as it was */
		log_event(EV_CONFIG_BAD,
			LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
	}
}

void supervised_act(struct supervised *supervised, enum life_action action)
{
	struct loop *loop = supervised->all->loop;

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

enum { DIED_BY_ITSELF, DIED_HANGING };

static void supervised_note_death(struct supervised *supervised, pid_t pid, int status, int how)
{
	bool killed = WIFSIGNALED(status);
	int64_t now_s = loop_now_s(supervised->all->loop);

	role_deaths_add(
		&supervised->deaths, (struct role_deaths){.signal = killed ? WTERMSIG(status) : 0,
					     .exit_code = killed ? 0 : WEXITSTATUS(status),
					     .hung = how == DIED_HANGING,
					     .recent_s = {now_s}});
	log_event(EV_ROLE_DIED,
		LOG_FIELDS(log_role_name(supervised), log_number("pid", pid),
			log_text("by", killed ? "signal" : "exit"),
			log_number("code", killed ? WTERMSIG(status) : WEXITSTATUS(status)),
			log_text("signal", killed ? sigabbrev_np(WTERMSIG(status)) : NULL),
			log_number("again_ms", supervised->life->delay_ms)));
}

static void supervised_died(struct supervised *supervised, int status)
{
	struct supervision *all = supervised->all;
	pid_t pid = supervised->process.pid;
	enum life_action action = lifecycle_died(
		&all->lives, supervised->life, death_of(status), loop_now_ms(all->loop));

	role_process_close(&supervised->process);
	if (action == LIFE_START_LATER || action == LIFE_GIVE_UP || supervised->life->killed)
		supervised_note_death(supervised, pid, status,
			supervised->life->killed ? DIED_HANGING : DIED_BY_ITSELF);
	supervised->since_s = loop_now_s(all->loop);
	if (action == LIFE_START_LATER)
		all->calls.settled(all);
	if (action == LIFE_GIVE_UP)
		all->calls.give_up(all, WEXITSTATUS(status));
	supervised_act(supervised, action);
}

/* A process that takes the place of another is told when it ends otherwise than asked. */
static void former_died(struct supervised *supervised, size_t i, int status)
{
	struct role_process *process = &supervised->formers[i];
	struct former *former = &supervised->life->formers[i];

	if (status != 0 && former->life != FORMER_ENDING)
		supervised_note_death(supervised, process->pid, status,
			former->life == FORMER_KILLED ? DIED_HANGING : DIED_BY_ITSELF);
	role_process_close(process);
	former->life = FORMER_NONE;
}

void supervised_kill(const struct supervised *supervised)
{
	if (supervised->process.pid > 0)
		kill(supervised->process.pid, SIGKILL);
	for (size_t i = 0; i < FORMERS_MAX; i++) {
		if (supervised->formers[i].pid > 0)
			kill(supervised->formers[i].pid, SIGKILL);
	}
}

void supervised_reap(struct supervised *supervised)
{
	int status;

	for (size_t i = 0; i < FORMERS_MAX; i++) {
		if (supervised->formers[i].pid > 0 &&
			child_reap(supervised->formers[i].pid, &status))
			former_died(supervised, i, status);
	}
	if (supervised->process.pid > 0 && child_reap(supervised->process.pid, &status))
		supervised_died(supervised, status);
}

static void supervised_log_hung(const struct supervised *supervised, int64_t now_ms)
{
	const struct lifecycle *life = supervised->life;

	log_event(EV_ROLE_HUNG,
		LOG_FIELDS(log_role_name(supervised), log_number("pid", supervised->process.pid),
			log_number("silent_s", (now_ms - life->sign_ms) / 1000)));
}

/* Only who listens can find out: to the others it looks as if we were not there. */
void supervised_keep_sockets(struct supervised *supervised, int64_t now_ms)
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
	if (folders_prepare_sockets(supervised->all->conf, &why) < 0 ||
		sockets_open(&supervised->sockets, &why) < 0 ||
		sockets_hand_over(&supervised->sockets, &why) < 0) {
		if (any)
			log_event(EV_ROLE_FAILED,
				LOG_FIELDS(log_role_name(supervised), log_text("why", why.text)));
		return; /* at the next tick again */
	}
	supervised_act(supervised, lifecycle_configure(supervised->life, LIFE_NEW_PROCESS, now_ms));
}

void supervised_tick(struct supervised *supervised, int64_t now_ms)
{
	enum life_action action = lifecycle_tick(supervised->life, now_ms);

	if (action == LIFE_KILL)
		supervised_log_hung(supervised, now_ms);
	supervised_act(supervised, action);
	formers_act(supervised, former_tick);
	supervised_serve_late(supervised, NULL); /* what could not be at once */
}

struct role_state supervised_state(const struct supervised *supervised, int64_t now_ms)
{
	const struct lifecycle *life = supervised->life;
	struct role_state state = {.life = life->life,
		.pid = supervised->process.pid,
		.since_s = supervised->since_s,
		.silent_s = lifecycle_silence_ms(life, now_ms) / 1000,
		.deaths = supervised->deaths};

	snprintf(state.role, sizeof(state.role), "%s", supervised->role->name);
	return state;
}

void supervised_init(
	struct supervised *supervised, struct supervision *all, const struct role *role)
{
	*supervised = (struct supervised){.magic = (uint32_t)MAGIC_supervised,
		.all = all,
		.role = role,
		.life = &all->lives.roles[all->lives.len]};
	timer_init(&supervised->again, all->loop, supervised_again, supervised);
	supervised->life->silence_ms = role_is_keeper(role) ? SILENCE_OF_KEEPER_MS : SILENCE_MS;
	if (role_is_keeper(role))
		all->lives.last = all->lives.len;
	all->lives.len++;
}

void supervised_done(struct supervised *supervised)
{
	sockets_unlink(&supervised->sockets);
	sockets_close(&supervised->sockets);
	sockets_close(&supervised->leaving);
	timer_done(&supervised->again);
}
