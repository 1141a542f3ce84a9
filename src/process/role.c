/* SPDX-License-Identifier: ISC */
#include "process/role.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/obj.h"
#include "base/public_suffix.h"
#include "list/snapshot_folder.h"
#include "loop/dial.h"
#include "process/dialer.h"
#include "process/folders.h"
#include "process/handover.h"
#include "process/jail.h"
#include "process/sd_notify.h"
#include "process/sockets.h"

enum { VIEW_PATIENCE_MS = 1000 /* with a keeper that says nothing */ };

/* One role while it runs in this process. */
struct running {
	uint32_t magic;
	const struct role *role;
	struct conf *conf; /* what context.conf points to */
	struct role_context context;
	struct sockets sockets;
	struct role_socket role_sockets[SOCKETS_MAX];
	int notify_fd;
	int handover_fd;
	struct dial_targets *targets; /* what the role has dialed, if its row says so */
	int dialer_fd;
	struct dialer *dialer;
	int lock_fd; /* of run.folder, when it opened its sockets itself; until it ends */
	struct watch *handover;
	struct timer watchdog;
	int64_t watchdog_ms;
	bool alone; /* started by itself */
	bool stopping;
};

const struct role *role_find(const struct role *const *roles, const char *name)
{
	while (*roles != NULL && strcmp((*roles)->name, name) != 0)
		roles++;
	return *roles;
}

bool role_is_keeper(const struct role *role)
{
	return strcmp(role->name, "keeper") == 0;
}

int role_socket(const struct role_context *context, const char *name)
{
	for (size_t i = 0; i < context->sockets_len; i++) {
		if (strcmp(context->sockets[i].name, name) == 0)
			return context->sockets[i].fd;
	}
	return -1;
}

void role_stop_listening(struct role_context *context)
{
	struct running *running = CONTAINEROF(context, struct running, context);

	sockets_close(&running->sockets);
	context->sockets_len = 0;
}

void role_forget_sockets(struct role_context *context)
{
	struct running *running = CONTAINEROF(context, struct running, context);

	running->sockets.len = 0;
	context->sockets_len = 0;
}

/* run.folder and run.state were measured with the sockets and folders: these cannot be too long. */
void role_serve_last_view(const struct role_context *context, struct shelf *views)
{
	struct snapshot_file file = {.serial = 0};
	struct view *view = NULL;
	struct fault why = {""};
	char path[PATH_MAX];
	int r;

	while ((r = snapshot_folder_next(context->conf->lists_path, &file, &view, &why)) < 0 &&
		file.serial != 0) {
		snprintf(path, sizeof(path), "%s/%s", context->conf->lists_path, file.name);
		log_event(EV_SNAPSHOT_BAD, LOG_FIELDS(log_text("file", path),
						   log_text("why", why.text), log_error(r)));
	}
	if (r == 0)
		shelf_put(views, view);
}

const char *role_bus_path(const struct role_context *context, char *path, size_t size)
{
	ASSERT(sockets_bus_path(context->conf, context->name, path, size) == 0);
	return path;
}

const char *role_state_path(
	const struct role_context *context, const char *file, char *path, size_t size)
{
	size_t len;

	ASSERT(folders_state(context->conf, context->name, path, size) == 0);
	len = strlen(path);
	ASSERT(snprintf(path + len, size - len, "/%s", file) < (int)(size - len));
	return path;
}

static bool role_is_behind(const struct role_context *context)
{
	return CONTAINEROF(context, const struct running, context)->role->is_behind(context);
}

/* A keeper that has greeted brings what it announced, or its connection ends. */
static void role_on_patience(struct timer *timer, void *arg)
{
	struct role_context *context = arg;

	if (role_is_behind(context))
		timer_set(timer, loop_now_ms(context->loop) + VIEW_PATIENCE_MS);
	else
		loop_stop(context->loop);
}

void role_await_view(struct role_context *context)
{
	struct timer patience;

	timer_init(&patience, context->loop, role_on_patience, context);
	timer_set(&patience, loop_now_ms(context->loop) + VIEW_PATIENCE_MS);
	context->awaits = true;
	loop_run(context->loop);
	context->awaits = false;
	timer_done(&patience);
}

void role_go_on(struct role_context *context)
{
	if (context->awaits && !role_is_behind(context))
		loop_stop(context->loop);
}

static void running_stop(struct running *running)
{
	if (running->stopping || running->context.awaits)
		loop_stop(running->context.loop); /* asked twice: at once */
	else
		running->role->stop(&running->context);
	running->stopping = true;
}

static void running_on_term(int number, void *arg)
{
	struct running *running = OBJ(running, arg);

	(void)number;
	running_stop(running);
}

/* Nobody connects for us any more, and we cannot make another one from inside the jail. */
static void running_on_dialer_lost(int error, void *arg)
{
	struct running *running = OBJ(running, arg);

	log_event(EV_DIALER_LOST,
		LOG_FIELDS(log_text("role", running->role->name), log_error(error)));
	running->context.result = E_AWAY;
	if (!running->stopping)
		running_stop(running);
}

static void running_use_dialer(struct running *running)
{
	const struct dialer_settings settings = {.loop = running->context.loop,
		.fd = running->dialer_fd,
		.targets = running->targets,
		.lost = running_on_dialer_lost,
		.arg = running};

	if (running->dialer_fd >= 0)
		dialer_replace(&running->dialer, &settings);
}

/* Of a role that was started by itself: another process dials what a newer configuration names. */
static void running_replace_dialer(struct running *running, const struct conf *conf, int fd)
{
	struct dial_targets *old = running->targets;

	int old_fd = running->dialer_fd;

	running->dialer_fd = fd;
	running->targets = dialer_targets(running->role->name, conf);
	running_use_dialer(running);
	dial_targets_free(&old);
	close(old_fd);
}

/* A newer configuration. What the role had stays when it cannot take this one. */
static void running_configure(struct running *running, const struct handover_parts *parts)
{
	AUTO(conf) *old = running->conf;
	struct conf *conf = NULL;
	int r = handover_open(parts->conf_fd, &conf);

	close(parts->conf_fd);
	if (r < 0) {
		old = NULL;
		if (parts->dialer_fd >= 0)
			close(parts->dialer_fd);
		log_event(EV_CONFIG_BAD,
			LOG_FIELDS(log_text("file", running->context.conf_path), log_error(r)));
		return;
	}
	if (parts->dialer_fd >= 0)
		running_replace_dialer(running, conf, parts->dialer_fd);
	running->conf = conf;
	running->context.conf = conf;
	log_open(running->role->name, (enum log_level)conf->log_level);
	if (running->role->reload == NULL || running->role->reload(&running->context) >= 0)
		log_event(
			EV_CONFIG_LOADED, LOG_FIELDS(log_text("file", running->context.conf_path)));
}

static void running_on_handover(struct watch *watch, int ready, void *arg)
{
	struct running *running = OBJ(running, arg);
	struct handover_parts parts;

	(void)ready;
	switch (handover_receive(watch_fd(watch), &parts)) {
	case HANDOVER_CONF:
		running_configure(running, &parts);
		break;
	case HANDOVER_RETIRE:
		if (running->role->retire != NULL)
			running->role->retire(&running->context);
		break;
	case HANDOVER_ENDED: /* whoever it was: we are told to end in other ways */
		watch_set(watch, WATCH_NOTHING);
		break;
	case HANDOVER_NOTHING:
		break;
	}
}

/* Of a role that was started by itself. A supervisor sends the newer configuration itself, and
 * hears the signal when all processes of this program get it. */
static void running_on_hup(int number, void *arg)
{
	struct running *running = OBJ(running, arg);

	(void)number;
	if (running->alone)
		handover_ask_reader(running->handover_fd);
}

static int running_take_sockets(struct running *running, struct fault *why)
{
	struct role_context *context = &running->context;
	int r = sockets_plan(running->conf, running->role->name, &running->sockets, why);

	if (r < 0)
		return r;
	sockets_inherit(&running->sockets, running->handover_fd);
	if (role_is_keeper(running->role) && !sockets_are_open(&running->sockets)) {
		r = folders_lock(running->conf, &running->lock_fd, why);
		if (r == 0)
			r = folders_prepare_sockets(running->conf, why);
	}
	if (r == 0)
		r = sockets_open(&running->sockets, why);
	if (r == 0)
		r = sockets_hand_over(&running->sockets, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < running->sockets.len; i++) {
		running->role_sockets[i].name = running->sockets.sock[i].name;
		running->role_sockets[i].fd = running->sockets.sock[i].fd;
	}
	context->sockets_len = running->sockets.len;
	context->sockets = running->role_sockets;
	return 0;
}

static void running_report(const struct running *running, enum handover_report report)
{
	if (running->alone)
		notify_send(running->notify_fd, report == REPORT_READY ? "READY=1" : "WATCHDOG=1");
	else
		handover_report(running->handover_fd, report);
}

void role_show_life(const struct role_context *context)
{
	running_report(CONTAINEROF(context, const struct running, context), REPORT_SIGN);
}

/* A sign of life, by work done: the loop turns, and so do the threads. */
static void running_on_watchdog(struct timer *timer, void *arg)
{
	struct running *running = OBJ(running, arg);
	const struct role *role = running->role;

	if (role->alive == NULL || role->alive(&running->context))
		running_report(running, REPORT_SIGN);
	timer_set(timer, loop_now_ms(running->context.loop) + running->watchdog_ms);
}

static int running_start(struct running *running, struct fault *why)
{
	int r;

	umask(0); /* folders and sockets say themselves what they are open to */
	r = folders_prepare(running->conf, running->role->name, why);
	if (r == 0)
		r = running_take_sockets(running, why);
	if (r == 0)
		r = role_user_become(role_user(running->role->name), why);
	if (r < 0)
		return r;
	umask(027); /* what a role writes is for its own user and the group of the roles */
	running->notify_fd = notify_connect(); /* the jail would not let us */
	running->targets = dialer_targets(running->role->name, running->conf);
	r = dialer_start(
		&(struct dialer_plan){running->role->name, running->conf, running->targets},
		&running->dialer_fd, why);
	public_suffix_load();
	if (r >= 0)
		r = jail_confine(running->role->name, running->conf, why);
	if (r < 0)
		return r;
	if (r == 0)
		log_event(EV_JAIL_PARTIAL, LOG_FIELDS(log_text("role", running->role->name)));
	running->context.loop = loop_new();
	running_use_dialer(running);
	timer_init(&running->watchdog, running->context.loop, running_on_watchdog, running);
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(running->context.loop, SIGTERM, running_on_term, running);
	loop_on_signal(running->context.loop, SIGINT, running_on_term, running);
	loop_on_signal(running->context.loop, SIGHUP, running_on_hup, running);
	r = running->role->start(&running->context, why);
	return r < 0 ? r : jail_seal(running->role->name, why);
}

static void running_show_life(struct running *running)
{
	running->watchdog_ms = notify_watchdog_ms();
	if (running->watchdog_ms == 0)
		return;
	timer_set(&running->watchdog, loop_now_ms(running->context.loop) + running->watchdog_ms);
}

/* From now on: before, there was nothing that could take a newer configuration. */
static void running_hear_handover(struct running *running)
{
	running->handover = watch_new(
		running->context.loop, running->handover_fd, running_on_handover, running);
	watch_set(running->handover, WATCH_READ);
}

static void running_end(struct running *running)
{
	if (running->role->finish != NULL)
		running->role->finish(&running->context);
	watch_free(&running->handover);
	dialer_free(&running->dialer);
	dial_targets_free(&running->targets);
	timer_done(&running->watchdog);
	loop_free(&running->context.loop);
	sockets_close(&running->sockets);
	conf_free(&running->conf);
	close(running->handover_fd);
	if (running->dialer_fd >= 0)
		close(running->dialer_fd);
	if (running->notify_fd >= 0)
		close(running->notify_fd);
}

/* From the supervisor, who sent it before it started us; or from the file. */
static int running_load(struct running *running, const char *conf_path, struct fault *why)
{
	const char *name = running->role->name;
	struct handover_parts parts;
	int r;

	running->handover_fd = sockets_inherited(SOCKET_OF_HANDOVER);
	running->alone = running->handover_fd < 0;
	if (running->alone) {
		r = handover_load(conf_path, &running->conf);
		if (r == 0)
			r = handover_load_secrets(running->conf, handover_secrets(name), why);
		return r < 0 ? r
			     : handover_start_reader(conf_path, name, &running->handover_fd, why);
	}
	fcntl(running->handover_fd, F_SETFD, FD_CLOEXEC);
	if (handover_receive(running->handover_fd, &parts) != HANDOVER_CONF)
		return fault_set(why, E_CLOSED, "no configuration was handed over");
	r = handover_open(parts.conf_fd, &running->conf);
	close(parts.conf_fd);
	return r;
}

int role_main(const struct role *role, const char *conf_path)
{
	struct running running = {.magic = (uint32_t)MAGIC_running,
		.role = role,
		.notify_fd = -1,
		.handover_fd = -1,
		.dialer_fd = -1};
	struct fault why = {""};
	int r;

	log_open(role->name, LOG_INFO);
	r = running_load(&running, conf_path, &why);
	if (r < 0 && why.text[0] == '\0')
		return err_exit_code(r); /* the report said why */
	if (r == 0)
		log_open(role->name, (enum log_level)running.conf->log_level);
	running.context = (struct role_context){
		.name = role->name, .conf_path = conf_path, .conf = running.conf};
	if (r == 0)
		r = running_start(&running, &why);
	if (r < 0) {
		log_event(EV_ROLE_FAILED, LOG_FIELDS(log_text("role", role->name),
						  log_text("why", why.text), log_error(r)));
		_exit(err_exit_code(r)); /* half a role: the kernel tidies up best */
	}
	log_event(EV_ROLE_STARTED,
		LOG_FIELDS(log_text("role", role->name), log_number("pid", getpid())));
	running_report(&running, REPORT_READY);
	running_hear_handover(&running);
	running_show_life(&running);
	if (!running.stopping)
		loop_run(running.context.loop);
	running_end(&running);
	log_event(EV_ROLE_STOPPED, LOG_FIELDS(log_text("role", role->name)));
	return err_exit_code(running.context.result);
}
