/* SPDX-License-Identifier: ISC */
/* `stockade demo`: a whole site on loopback. The main thread runs the loop: demo name server, demo
 * mailbox, signals, news from the supervisor. The visitors call from a second thread, blocking. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/obj.h"
#include "cli/cli.h"
#include "demo/demo.h"
#include "demo/mailbox.h"
#include "demo/names.h"
#include "demo/site.h"
#include "demo/visitors.h"

enum { READY_PATIENCE_MS = 60000, END_PATIENCE_MS = 40000 };

struct demo {
	uint32_t magic;
	struct cli *cli;
	bool selftest, keep;
	struct loop *loop;
	struct demo_site site;
	struct demo_names *names;
	struct demo_mailbox *mailbox;
	struct watch *news; /* of site.notify_fd */
	struct timer patience;
	pthread_t thread;
	bool has_thread;
	struct demo_play play;
	atomic_bool is_over; /* the play, not the demo */
	bool invites;        /* the visitors are gone and the user may try */
	bool ending;
	int exit_code;
};

static void demo_end(struct demo *demo, int exit_code);

static void demo_print_head(const struct demo *demo)
{
	char gate[ENDPOINT_TEXT_SIZE], mailbox[ENDPOINT_TEXT_SIZE], dns[ENDPOINT_TEXT_SIZE];
	const struct demo_site *site = &demo->site;

	printf("Stockade demo - all on 127.0.0.1, data in a temporary folder, %s\n",
		demo->keep ? "kept at exit" : "removed at exit");
	printf("  mail gate   %s  -> demo mailbox %s\n"
	       "  blocklist   %s  zone bl.demo.test (UDP and TCP)\n"
	       "  web page    http://127.0.0.1:%u/\n"
	       "  data        %s\n\n",
		endpoint_print(site->gate, gate), endpoint_print(site->mailbox, mailbox),
		endpoint_print(site->dns, dns), site->pages.port, site->folder);
	fflush(stdout);
}

static bool is_installed(const char *program)
{
	const char *path = getenv("PATH");
	struct span folders = span_text(path != NULL ? path : "");
	char file[512];

	while (folders.len != 0) {
		struct span folder = span_split(&folders, ':');

		snprintf(file, sizeof(file), "%.*s/%s", (int)folder.len, (const char *)folder.ptr,
			program);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void demo_print_mail(const struct demo_site *site)
{
	if (!is_installed("swaks")) {
		printf("  send a mail   with swaks, which is not installed here (script/start brings it)\n");
		return;
	}
	printf("  send a mail   swaks --server 127.0.0.1:%u --proxy 'TCP4 192.0.2.10 127.0.0.1 40000 25' \\\n"
	       "                  --helo mail.good.test --from anna@good.test --to you@demo.test\n"
	       "                (the client's address is in the PROXY header: try 198.51.100.9 or 192.0.2.66)\n",
		site->gate.port);
	if (site->plain.port != 0)
		printf("  as yourself   swaks --server '[::1]:%u' --from you@demo.test --to anna@demo.test\n"
		       "                (no PROXY header at this port: this machine is one of ours, and not checked)\n",
			site->plain.port);
}

static void demo_print_questions(unsigned dns)
{
	if (!is_installed("dig")) {
		printf("  ask by DNS    with dig, which is not installed here (script/start brings it)\n");
		return;
	}
	printf("  ask by DNS    dig -p %u @127.0.0.1 9.100.51.198.bl.demo.test +short\n"
	       "                dig -p %u @127.0.0.1 9.100.51.198.bl.demo.test TXT +short +tcp\n"
	       "  one sublist   dig -p %u @127.0.0.1 9.100.51.198.manual.bl.demo.test +short\n"
	       "  a domain      dig -p %u @127.0.0.1 listed.test.dbl.demo.test TXT +short\n"
	       "  on the zone   dig -p %u @127.0.0.1 bl.demo.test TXT +short +tcp\n"
	       "  all of it     dig -p %u @127.0.0.1 bl.demo.test AXFR\n",
		dns, dns, dns, dns, dns, dns);
}

static void demo_print_invitation(const struct demo *demo)
{
	const struct demo_site *site = &demo->site;
	const char *program = demo->cli->program;

	printf("\nYour turn, in another terminal (Ctrl-C here ends the demo):\n\n"
	       "  conf=%s\n\n",
		site->conf_path);
	demo_print_mail(site);
	printf("  why refused   http://127.0.0.1:%u/why/%s\n"
	       "                %s incident %s --config $conf\n"
	       "                %s explain 198.51.100.9 --helo friend --config $conf\n",
		site->pages.port, demo->play.incident, program, demo->play.incident, program);
	demo_print_questions(site->dns.port);
	printf("  look it up    %s lookup 198.51.100.9 --config $conf\n"
	       "                %s list ls --config $conf\n"
	       "  take it off   %s delist 198.51.100.0/24 --reason \"repaired\" --config $conf\n"
	       "  put one on    %s list add 192.0.2.0/28 --list main --reason \"test\" --for 1h --config $conf\n"
	       "  its state     %s status --config $conf\n"
	       "                less %s\n\n",
		program, program, program, program, program, site->log_path);
	fflush(stdout);
}

static void demo_on_mail(const struct demo_mail *mail, void *arg)
{
	struct demo *demo = OBJ(demo, arg);

	atomic_fetch_add(&demo->play.mails, 1);
	if (!demo->invites)
		return;
	printf("  the demo mailbox got %zu bytes from <%.*s>, sent by %.*s\n", mail->size,
		(int)mail->sender.len, (const char *)mail->sender.ptr, (int)mail->client.len,
		(const char *)mail->client.ptr);
	fflush(stdout);
}

static void *demo_visit(void *arg)
{
	struct demo *demo = OBJ(demo, arg);

	demo_visitors_play(&demo->play);
	atomic_store(&demo->is_over, true);
	loop_wake(demo->loop);
	return NULL;
}

/* Signals are for the loop's thread alone. */
static void demo_start_visitors(struct demo *demo)
{
	sigset_t all, mask;

	printf("%zu visitors call ...\n", demo_visitors_count());
	fflush(stdout);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	demo->has_thread = pthread_create(&demo->thread, NULL, demo_visit, demo) == 0;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (!demo->has_thread)
		demo_end(demo, cli_fail(demo->cli, E_SYSTEM, "cannot start a thread"));
}

static void demo_on_news(struct watch *watch, int ready, void *arg)
{
	struct demo *demo = OBJ(demo, arg);

	(void)watch;
	(void)ready;
	if (!demo_site_is_ready(&demo->site) || demo->ending || demo->has_thread)
		return;
	timer_clear(&demo->patience);
	demo_start_visitors(demo);
}

/* The visitors' thread has something to say: it is done. */
static void demo_on_wake(void *arg)
{
	struct demo *demo = OBJ(demo, arg);
	unsigned unexpected = demo->play.unexpected;

	if (!atomic_load(&demo->is_over) || demo->invites || demo->ending)
		return;
	if (unexpected > 0) {
		printf("\n%u of these did not end as they should; the log:\n", unexpected);
		fflush(stdout);
		demo_site_show_log(&demo->site);
	}
	if (demo->selftest) {
		printf("\nselftest: %u visitors, %u unexpected\n", demo->play.played, unexpected);
		demo_end(demo, unexpected > 0 ? err_exit_code(E_BUG) : 0);
		return;
	}
	demo->invites = true;
	demo_print_invitation(demo);
}

static void demo_on_impatience(struct timer *timer, void *arg)
{
	struct demo *demo = OBJ(demo, arg);

	(void)timer;
	if (demo->ending) {
		kill(demo->site.supervisor, SIGKILL); /* the roles follow it */
		return;
	}
	cli_fail(demo->cli, E_TIMEOUT, "the site did not become ready; its log:");
	demo_site_show_log(&demo->site);
	demo_end(demo, err_exit_code(E_TIMEOUT));
}

static void demo_on_child(int number, void *arg)
{
	struct demo *demo = OBJ(demo, arg);
	int status;

	(void)number;
	if (demo->site.supervisor == 0 || waitpid(demo->site.supervisor, &status, WNOHANG) <= 0)
		return;
	demo->site.supervisor = 0;
	if (!demo->ending) {
		demo->exit_code = cli_fail(demo->cli, E_BUG, "the site ended by itself; its log:");
		demo_site_show_log(&demo->site);
	}
	demo_end(demo, demo->exit_code);
}

/* Ends the site first; the loop goes on until it is gone, for sessions that end in the mailbox. */
static void demo_end(struct demo *demo, int exit_code)
{
	demo->exit_code = exit_code;
	atomic_store(&demo->play.stop, true);
	if (demo->site.supervisor == 0) {
		loop_stop(demo->loop);
		return;
	}
	if (demo->ending)
		return;
	demo->ending = true;
	kill(demo->site.supervisor, SIGTERM);
	timer_set(&demo->patience, loop_now_ms(demo->loop) + END_PATIENCE_MS);
}

static void demo_on_signal(int number, void *arg)
{
	struct demo *demo = OBJ(demo, arg);

	(void)number;
	/* A selftest that is cut short has not shown anything. */
	demo_end(demo, demo->selftest ? err_exit_code(E_AGAIN) : 0);
}

static int demo_start(struct demo *demo, struct fault *why)
{
	int r = demo_site_init(&demo->site, why);
	struct demo_mailbox_settings mailbox = {demo->site.mailbox, "mailbox.demo.test",
		"demo.test", "NAME ADDR PORT PROTO HELO REVERSE_NAME DESTADDR DESTPORT",
		demo_on_mail, demo};

	if (r == 0)
		r = demo_names_new(demo->loop, &demo->site.names, &demo->names, why);
	if (r == 0)
		r = demo_mailbox_new(demo->loop, &mailbox, &demo->mailbox, why);
	if (r == 0)
		r = demo_site_write(&demo->site, why);
	if (r < 0)
		return r;
	demo->news = watch_new(demo->loop, demo->site.notify_fd, demo_on_news, demo);
	watch_set(demo->news, WATCH_READ);
	return demo_site_start(&demo->site, why);
}

static void demo_init(struct demo *demo)
{
	demo->magic = (uint32_t)MAGIC_demo;
	demo->loop = loop_new();
	demo->play.site = &demo->site;
	timer_init(&demo->patience, demo->loop, demo_on_impatience, demo);
	loop_on_wake(demo->loop, demo_on_wake, demo);
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(demo->loop, SIGCHLD, demo_on_child, demo);
	loop_on_signal(demo->loop, SIGINT, demo_on_signal, demo);
	loop_on_signal(demo->loop, SIGTERM, demo_on_signal, demo);
	loop_on_signal(demo->loop, SIGHUP, demo_on_signal, demo);
}

static void demo_done(struct demo *demo)
{
	atomic_store(&demo->play.stop, true);
	if (demo->has_thread)
		pthread_join(demo->thread, NULL);
	watch_free(&demo->news);
	demo_mailbox_free(&demo->mailbox);
	demo_names_free(&demo->names);
	demo_site_done(&demo->site, demo->keep);
	timer_done(&demo->patience);
	loop_free(&demo->loop);
}

static int demo_run(struct demo *demo)
{
	struct fault why = {""};
	int r;

	demo_init(demo);
	r = demo_start(demo, &why);
	if (r < 0) {
		demo->exit_code = cli_fail(demo->cli, r, "%s", why.text);
	} else {
		demo_print_head(demo);
		timer_set(&demo->patience, loop_now_ms(demo->loop) + READY_PATIENCE_MS);
		loop_run(demo->loop);
	}
	demo_done(demo);
	return demo->exit_code;
}

int verb_demo(struct cli *cli)
{
	struct demo demo = {.cli = cli};
	const struct cli_option options[] = {
		{"--selftest", OPTION_FLAG, &demo.selftest},
		{"--keep", OPTION_FLAG, &demo.keep},
		{0},
	};
	int code = cli_parse(cli, options, 0, 0);

	return code != 0 ? code : demo_run(&demo);
}
