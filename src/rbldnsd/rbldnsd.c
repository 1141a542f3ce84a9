/* SPDX-License-Identifier: ISC */
#include "rbldnsd/rbldnsd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/loop.h"
#include "process/sd_notify.h"
#include "rbldnsd/daemonize.h"
#include "rbldnsd/dump.h"
#include "rbldnsd/loader.h"
#include "rbldnsd/messages.h"
#include "rbldnsd/sockets.h"
#include "rbldnsd/worker.h"
#include "server/server.h"

/* The main thread starts everything, in the order that rights demand (ports, pid file, root, user,
 * files, jail), and then waits for signals and for the time to look at files. Workers answer
 * (rbldnsd/worker.c), a thread of its own reads data (rbldnsd/loader.c). */
enum { EXIT_START = 1, STATS_LINE_MAX = 1 << 20 };

struct rbldnsd {
	uint32_t magic;
	struct rbl_command command;
	bool is_daemon;
	struct daemonize_parent daemon;
	int notify_fd;
	struct rbldnsd_sockets sockets;
	struct loop *loop;
	struct timer check;
	struct shelf *shelf;
	struct rbldnsd_loader *loader;
	struct query_log log;
	struct rbldnsd_workers workers;
	struct dns_server *server;
	int64_t counted_since_s;
	/* by zone, those of none last: what does not count since SIGUSR2 */
	struct rbl_counts *zero;
	struct rbl_counts *written; /* likewise: what the last line of the statistics said (-s +) */
};

/* ---- statistics ---- */

static int zone_at(const struct rbldnsd *rbldnsd, size_t index)
{
	return index < rbldnsd->workers.zones_len ? (int)index : -1;
}

/* Since the start or the last SIGUSR2. */
static struct rbl_counts counts_at(const struct rbldnsd *rbldnsd, size_t index)
{
	return rbl_counts_minus(rbldnsd_workers_count(&rbldnsd->workers, zone_at(rbldnsd, index)),
		rbldnsd->zero[index]);
}

/* The line of all zones; the sum stands last and counts what was for no zone as well. */
static void stats_fill(struct rbldnsd *rbldnsd, struct buf *line)
{
	const struct rbl_plan *plan = rbldnsd->command.plan;
	struct rbl_counts sum = {.in = 0};

	for (size_t i = 0; i <= plan->zones_len; i++) {
		struct rbl_counts counts = counts_at(rbldnsd, i);
		struct rbl_counts told = rbl_counts_minus(counts, rbldnsd->written[i]);

		sum = rbl_counts_plus(sum, told);
		if (i < plan->zones_len)
			rbl_counts_field(line, plan->zones[i].name, &told);
		if (rbldnsd->command.stats.plus)
			rbldnsd->written[i] = counts;
	}
	rbl_counts_field(line, "*", &sum);
}

enum stats_line { STATS_COUNTS, STATS_MARK };

/* A mark is a time alone: counts begin, or begin anew, there. */
static void stats_put(struct rbldnsd *rbldnsd, enum stats_line kind)
{
	const char *path = rbldnsd->command.stats.path;
	struct buf line;
	int r;

	if (path == NULL)
		return;
	buf_init(&line, STATS_LINE_MAX);
	buf_append_format(&line, "%lld", (long long)clock_now_s());
	if (kind == STATS_COUNTS)
		stats_fill(rbldnsd, &line);
	buf_append_byte(&line, '\n');
	r = stats_write(path, buf_span(&line));
	if (r < 0)
		message_log(MESSAGE_WARNING, "cannot write statistics '%s': %s", path, err_text(r));
	buf_done(&line);
}

static void stats_log(const struct rbldnsd *rbldnsd)
{
	const struct rbl_plan *plan = rbldnsd->command.plan;
	int64_t seconds = clock_now_s() - rbldnsd->counted_since_s;
	struct rbl_counts sum = {.in = 0};
	struct buf text;

	buf_init(&text, STATS_LINE_MAX);
	for (size_t i = 0; i <= plan->zones_len; i++) {
		struct rbl_counts counts = counts_at(rbldnsd, i);

		sum = rbl_counts_plus(sum, counts);
		buf_clear(&text);
		if (i < plan->zones_len)
			rbl_counts_text(&text, seconds, plan->zones[i].name, &counts);
		else
			rbl_counts_text(&text, seconds, NULL, &sum);
		message_log(MESSAGE_INFO, "%s", buf_cstr(&text));
	}
	buf_done(&text);
}

static void stats_reset(struct rbldnsd *rbldnsd)
{
	for (size_t i = 0; i <= rbldnsd->workers.zones_len; i++) {
		rbldnsd->zero[i] = rbldnsd_workers_count(&rbldnsd->workers, zone_at(rbldnsd, i));
		rbldnsd->written[i] = (struct rbl_counts){.in = 0};
	}
	rbldnsd->counted_since_s = clock_now_s();
}

/* ---- signals and time ---- */

static void rbldnsd_open_log(struct rbldnsd *rbldnsd)
{
	struct fault why = {""};

	if (rbldnsd->workers.log != NULL && query_log_open(&rbldnsd->log, &why) < 0)
		message_log(MESSAGE_WARNING, "%s", why.text);
}

static void rbldnsd_arm(struct rbldnsd *rbldnsd)
{
	if (rbldnsd->command.check_s != 0)
		timer_set(&rbldnsd->check,
			loop_now_ms(rbldnsd->loop) + (int64_t)rbldnsd->command.check_s * 1000);
}

static void rbldnsd_on_check(struct timer *timer, void *arg)
{
	struct rbldnsd *rbldnsd = OBJ(rbldnsd, arg);

	(void)timer;
	stats_put(rbldnsd, STATS_COUNTS);
	rbldnsd_loader_check(rbldnsd->loader);
	rbldnsd_arm(rbldnsd);
}

static void rbldnsd_on_hup(int number, void *arg)
{
	struct rbldnsd *rbldnsd = OBJ(rbldnsd, arg);

	(void)number;
	rbldnsd_open_log(rbldnsd);
	rbldnsd_loader_check(rbldnsd->loader);
}

static void rbldnsd_on_usr(int number, void *arg)
{
	struct rbldnsd *rbldnsd = OBJ(rbldnsd, arg);

	stats_put(rbldnsd, STATS_COUNTS);
	stats_log(rbldnsd);
	if (number != SIGUSR2)
		return;
	stats_reset(rbldnsd);
	stats_put(rbldnsd, STATS_MARK);
}

static void rbldnsd_on_term(int number, void *arg)
{
	struct rbldnsd *rbldnsd = OBJ(rbldnsd, arg);

	(void)number;
	loop_stop(rbldnsd->loop);
}

/* The loader has laid something newer on the shelf: workers that sleep let the old go. */
static void rbldnsd_on_wake(void *arg)
{
	struct rbldnsd *rbldnsd = OBJ(rbldnsd, arg);

	if (rbldnsd->server != NULL)
		dns_server_wake(rbldnsd->server);
}

static void rbldnsd_on_loaded(void *arg)
{
	loop_wake(arg);
}

/* ---- start ---- */

/* Below systemd (Type=notify) and with -n it stays where it is. */
static int start_messages(struct rbldnsd *rbldnsd, struct fault *why)
{
	const struct rbl_command *command = &rbldnsd->command;
	bool notified = getenv("NOTIFY_SOCKET") != NULL;
	unsigned targets = MESSAGE_SYSLOG;
	int r = 0;

	rbldnsd->is_daemon = !notified && !command->stays;
	if (rbldnsd->is_daemon)
		r = daemonize_fork(&rbldnsd->daemon, why);
	if (r < 0)
		return r;
	if (!notified && command->stays)
		targets = MESSAGE_STDOUT | MESSAGE_STDERR;
	else if (!notified)
		targets = MESSAGE_SYSLOG | MESSAGE_STDERR;
	if (rbldnsd->is_daemon && !command->quick && command->log.path == NULL)
		targets |= MESSAGE_STDOUT;
	return messages_open(targets, command->facility, why);
}

static int start_rights(struct rbldnsd *rbldnsd, struct fault *why)
{
	const struct rbl_command *command = &rbldnsd->command;
	struct daemonize_user user;
	int r;

	rbldnsd->notify_fd = notify_connect(); /* its path may lie outside of the new root */
	r = rbldnsd_listen(command, &rbldnsd->sockets, why);
	if (r == 0)
		r = daemonize_find_user(command->user, &user, why);
	if (r == 0)
		r = daemonize_write_pid(command->pid_file, why);
	if (r == 0)
		r = daemonize_enter(command, user, why);
	if (r < 0)
		return r;
	r = daemonize_confine(command, why);
	if (r == 0)
		message_log(MESSAGE_INFO,
			"Landlock is not there, old, or not allowed here: files are not "
			"confined, system calls are");
	return r < 0 ? r : 0;
}

/* With -q data are read when queries are answered already, SERVFAIL until then. */
static int start_data(struct rbldnsd *rbldnsd, struct fault *why)
{
	struct rbldnsd_loader_settings settings = {
		.plan = rbldnsd->command.plan,
		.options = &rbldnsd->command.options,
		.loaded = rbldnsd_on_loaded,
		.arg = rbldnsd->loop,
	};
	int r;

	rbldnsd->command.options.no_pipe = true;
	rbldnsd->shelf = shelf_new(rbldnsd_loader_release);
	settings.shelf = rbldnsd->shelf;
	r = rbldnsd_loader_new(&settings, &rbldnsd->loader, why);
	if (r < 0)
		return r;
	rbldnsd_loader_check(rbldnsd->loader);
	if (!rbldnsd->command.quick && !rbldnsd_loader_wait(rbldnsd->loader))
		return fault_set(why, E_PARSE, "zone loading errors, aborting");
	return 0;
}

static void start_workers(struct rbldnsd *rbldnsd)
{
	const struct rbl_command *command = &rbldnsd->command;
	size_t zones = command->plan->zones_len;
	bool to_stdout = command->log.path != NULL && strcmp(command->log.path, "-") == 0;

	rbldnsd->log.path = to_stdout ? NULL : command->log.path;
	rbldnsd->log.at_once = command->log.plus;
	atomic_init(&rbldnsd->log.fd, to_stdout ? STDOUT_FILENO : -1);
	rbldnsd->workers = (struct rbldnsd_workers){
		.shelf = rbldnsd->shelf,
		.zones_len = zones,
		.authority = command->authority,
		.version = command->version,
		.log = command->log.path != NULL ? &rbldnsd->log : NULL,
	};
	rbldnsd->zero = mem_alloc_array(zones + 1, sizeof(*rbldnsd->zero));
	rbldnsd->written = mem_alloc_array(zones + 1, sizeof(*rbldnsd->written));
	rbldnsd_open_log(rbldnsd);
}

static int start_server(struct rbldnsd *rbldnsd, struct fault *why)
{
	const struct rbldnsd_sockets *own = &rbldnsd->sockets;
	struct dns_sockets sockets = {own->udp_len, own->tcp_len, own->udp, own->tcp};

	start_workers(rbldnsd);
	return dns_server_new(&sockets,
		&(struct worker_kind){&rbldnsd_worker_calls, &rbldnsd->workers}, &rbldnsd->server,
		why);
}

static int rbldnsd_start(struct rbldnsd *rbldnsd, struct fault *why)
{
	bool keeps_stdout =
		rbldnsd->command.log.path != NULL && strcmp(rbldnsd->command.log.path, "-") == 0;
	int r = start_rights(rbldnsd, why);

	if (r < 0)
		return r;
	rbldnsd->loop = loop_new();
	loop_on_wake(rbldnsd->loop, rbldnsd_on_wake, rbldnsd);
	timer_init(&rbldnsd->check, rbldnsd->loop, rbldnsd_on_check, rbldnsd);
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(rbldnsd->loop, SIGHUP, rbldnsd_on_hup, rbldnsd);
	loop_on_signal(rbldnsd->loop, SIGUSR1, rbldnsd_on_usr, rbldnsd);
	loop_on_signal(rbldnsd->loop, SIGUSR2, rbldnsd_on_usr, rbldnsd);
	r = start_data(rbldnsd, why);
	/* What ends the process while data are read still does; who was answered has a server. */
	loop_on_signal(rbldnsd->loop, SIGTERM, rbldnsd_on_term, rbldnsd);
	loop_on_signal(rbldnsd->loop, SIGINT, rbldnsd_on_term, rbldnsd);
	if (r == 0)
		r = start_server(rbldnsd, why);
	if (r < 0)
		return r;
	message_log(MESSAGE_INFO,
		"stockade " STOCKADE_VERSION " started (%zu address(es), %zu zone(s))",
		rbldnsd->sockets.addresses, rbldnsd->command.plan->zones_len);
	if (rbldnsd->is_daemon) {
		messages_redirect(MESSAGE_SYSLOG);
		daemonize_detach(&rbldnsd->daemon, keeps_stdout);
	}
	rbldnsd->counted_since_s = clock_now_s();
	return 0;
}

/* ---- run and end ---- */

static void rbldnsd_run(struct rbldnsd *rbldnsd)
{
	stats_put(rbldnsd, STATS_MARK);
	rbldnsd_arm(rbldnsd);
	notify_send(rbldnsd->notify_fd, "READY=1");
	if (rbldnsd->is_daemon)
		daemonize_ready(&rbldnsd->daemon);
	loop_run(rbldnsd->loop);
	notify_send(rbldnsd->notify_fd, "STOPPING=1");
}

static void rbldnsd_end(struct rbldnsd *rbldnsd)
{
	message_log(MESSAGE_INFO, "terminating");
	dns_server_free(&rbldnsd->server); /* counts are final then */
	stats_put(rbldnsd, STATS_COUNTS);
	stats_log(rbldnsd);
	stats_put(rbldnsd, STATS_MARK);
	query_log_close(&rbldnsd->log);
	if (!rbldnsd_loader_stop(rbldnsd->loader))
		_exit(0); /* a reading goes on, and nobody needs it */
	shelf_free(&rbldnsd->shelf);
	rbldnsd_loader_free(&rbldnsd->loader);
	rbldnsd_workers_done(&rbldnsd->workers);
	timer_done(&rbldnsd->check);
	loop_free(&rbldnsd->loop);
	mem_free(rbldnsd->zero);
	mem_free(rbldnsd->written);
	rbl_command_done(&rbldnsd->command);
}

/* ---- -d ---- */

/* Reads, prints and ends, as whoever asks for it. */
static int rbldnsd_dump(struct rbl_command *command)
{
	size_t len = command->plan->sources_len;
	struct rbl_dataset **sets = mem_alloc_array(len, sizeof(struct rbl_dataset *));
	struct rbl_table *table = NULL;
	struct fault why = {""};
	int r;

	messages_redirect(MESSAGE_STDERR);
	r = daemonize_enter(command, (struct daemonize_user){.own = false}, &why);
	for (size_t i = 0; r == 0 && i < len; i++)
		r = rbldnsd_load(&command->plan->sources[i], &command->options, &sets[i], &why);
	if (r == 0) {
		table = rbl_table_new(command->plan, sets);
		rbl_dump(command->plan, table, stdout);
		rbl_table_free(&table);
		r = fflush(stdout) != 0 ? fault_set(&why, E_IO, "cannot write the zones") : 0;
	}
	if (r < 0)
		message_log(MESSAGE_ERROR, "%s", why.text);
	for (size_t i = 0; i < len; i++)
		rbl_dataset_unref(&sets[i]);
	mem_free(sets);
	rbl_command_done(command);
	return r < 0 ? EXIT_START : 0;
}

int rbldnsd_main(int argc, char **argv, bool *ret_help)
{
	struct rbldnsd rbldnsd = {.magic = (uint32_t)MAGIC_rbldnsd, .notify_fd = -1};
	struct fault why = {""};
	int r;

	*ret_help = false;
	log_open("rbldnsd", LOG_INFO);
	tzset(); /* syslog's time, before the jail hides /etc/localtime */
	r = rbl_command_parse(argc, argv, &rbldnsd.command, &why);
	if (r == 0 && rbldnsd.command.help) {
		*ret_help = true;
		return 0;
	}
	if (r == 0 && rbldnsd.command.dump)
		return rbldnsd_dump(&rbldnsd.command);
	if (r == 0)
		r = start_messages(&rbldnsd, &why);
	if (r == 0)
		r = rbldnsd_start(&rbldnsd, &why);
	if (r < 0) {
		message_log(MESSAGE_ERROR, "%s", why.text);
		_exit(EXIT_START); /* half a server: the kernel tidies up best */
	}
	rbldnsd_run(&rbldnsd);
	rbldnsd_end(&rbldnsd);
	return 0;
}
