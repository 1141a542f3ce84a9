/* SPDX-License-Identifier: ISC */
#include "process/dialer.h"

#include <errno.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/dial.h"
#include "loop/rights.h"
#include "process/folders.h"
#include "process/helper.h"
#include "process/jail.h"
#include "process/jail_rules.h"
#include "process/sockets.h"

/* ---- targets ---- */

/* A setting that is not there has no port. */
static void target_add(struct dial_targets *targets, enum dial_kind kind, struct endpoint endpoint)
{
	if (endpoint.port != 0)
		targets->items[targets->len++] =
			(struct dial_target){.kind = kind, .endpoint = endpoint};
}

/* A path that is too long is found when sockets are planned. */
static void target_add_bus(struct dial_targets *targets, const char *role, const struct conf *conf)
{
	char path[PATH_MAX];

	if (sockets_bus_path(conf, role, path, sizeof(path)) == 0)
		targets->items[targets->len++] =
			(struct dial_target){.kind = DIAL_UNIX, .path = mem_copy_string(path)};
}

struct dial_targets *dialer_targets(const char *role, const struct conf *conf)
{
	enum { MOST_BUT_FEEDS = 4 };
	const struct jail *jail = jail_find_dialer(role);
	unsigned may = jail != NULL ? jail->may : 0;
	struct dial_targets *targets = mem_new(dial_targets);

	targets->items = mem_alloc_array(MOST_BUT_FEEDS + conf->feeds_len, sizeof(*targets->items));
	if ((may & MAY_USE_BUS) != 0)
		target_add_bus(targets, role, conf);
	if ((may & MAY_ASK_RESOLVER) != 0) {
		target_add(targets, DIAL_UDP, conf->resolver);
		target_add(targets, DIAL_TCP, conf->resolver); /* after truncated answers */
	}
	if ((may & MAY_USE_BACKEND) != 0)
		target_add(targets, DIAL_TCP, conf->backend);
	for (size_t i = 0; (may & MAY_ASK_FEEDS) != 0 && i < conf->feeds_len; i++)
		target_add(targets, DIAL_TCP, conf->feeds[i].server);
	return targets;
}

/* ---- the process ---- */

/* The role waits for a reply to each request before it sends another, so that there is room. */
static int dialer_serve(
	int fd, const struct dial_targets *targets, const struct dial_request *request)
{
	uint8_t reply[DIALS_PER_REQUEST];
	struct rights rights = {.len = 0};
	int r;

	for (size_t i = 0; i < request->len; i++) {
		r = dial_connect(&targets->items[request->numbers[i]]);
		reply[i] = (uint8_t)(r < 0 ? -r : 0);
		if (r >= 0)
			rights.fds[rights.len++] = r;
	}
	r = rights_send(fd, span_of(reply, request->len), &rights);
	rights_close(&rights);
	return r;
}

static int dialer_confine(const struct dialer_plan *plan, struct fault *why)
{
	const char *name = jail_find_dialer(plan->role)->role;
	int r = role_user_become(role_user(plan->role), why);

	prctl(PR_SET_NAME, name, 0, 0, 0);
	if (r == 0)
		r = jail_confine(name, plan->conf, why);
	return r < 0 ? r : jail_seal(name, why);
}

static int dialer_take(
	int fd, const struct dial_targets *targets, struct span bytes, struct fault *why)
{
	struct dial_request request;
	int r = dial_request_read(bytes, targets->len, &request);

	if (r < 0)
		return fault_set(why, r, "asked for what is not among its targets");
	r = dialer_serve(fd, targets, &request);
	return r < 0 ? fault_set(why, r, "nobody takes what was asked for") : 0;
}

static void dialer_run(int fd, const void *arg)
{
	const struct dialer_plan *plan = arg;
	uint8_t bytes[DIAL_REQUEST_SIZE + 1]; /* so that what is too long is seen */
	struct fault why = {""};
	ssize_t n;
	int r;

	log_open(plan->role, (enum log_level)plan->conf->log_level);
	r = dialer_confine(plan, &why);
	while (r == 0 && ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 || (n < 0 && errno == EINTR)))
		r = n < 0 ? 0 : dialer_take(fd, plan->targets, span_of(bytes, (size_t)n), &why);
	if (r < 0)
		log_event(EV_DIALER_FAILED, LOG_FIELDS(log_text("role", plan->role),
						    log_text("why", why.text), log_error(r)));
}

int dialer_start(const struct dialer_plan *plan, int *ret_fd, struct fault *why)
{
	int r;

	if (plan->targets->len == 0)
		return 0;
	r = helper_start(&(struct helper){dialer_run, plan}, ret_fd, why);
	return r < 0 ? r : 1;
}
