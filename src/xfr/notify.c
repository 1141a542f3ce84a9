/* SPDX-License-Identifier: ISC */
#include "xfr/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/notify.h"
#include "dns/tsig.h"
#include "loop/socket.h"
#include "xfr/transfer.h"

enum {
	LEAST_MS = 1000,   /* between two messages for the same zone and secondary */
	DOUBLINGS_MAX = 8, /* of the wait for an answer: 256 s */
	SILENT_TRIES = 4,  /* then it is news that nobody answers */
	ANSWERS = 64,      /* taken in one turn */
	ROOM = 1024,
};

/* One zone and one secondary. */
struct notice {
	struct dns_name zone;
	struct endpoint secondary;
	bool has_key;
	struct tsig_key key;

	bool due; /* at at_ms, for the first time or again */
	bool silent;
	bool refused; /* its last answer; said once */
	uint32_t serial;
	uint32_t sent_serial;
	int64_t at_ms, sent_ms;
	unsigned tries;     /* since the last answer */
	unsigned doublings; /* of the wait, since the last change */
	uint16_t id;
	struct tsig_exchange exchange;
};

struct notify_socket {
	int fd;
	struct watch *watch;
};

struct dns_notify {
	uint32_t magic;
	struct loop *loop;
	struct timer timer;
	struct notify_socket v4, v6;
	size_t notices_len;
	struct notice *notices;
};

static void notice_log(const struct notice *notice, enum log_event_id id, const char *why)
{
	char text[DNS_NAME_TEXT_SIZE];

	log_event(id, LOG_FIELDS(log_text("zone", dns_name_print(&notice->zone, text)),
			      log_endpoint("secondary", notice->secondary),
			      log_number("serial", notice->sent_serial), log_text("why", why)));
}

/* ---- sending ---- */

static void notify_arm(struct dns_notify *notify)
{
	int64_t at_ms = INT64_MAX;

	for (size_t i = 0; i < notify->notices_len; i++) {
		if (notify->notices[i].due && notify->notices[i].at_ms < at_ms)
			at_ms = notify->notices[i].at_ms;
	}
	if (at_ms == INT64_MAX)
		timer_clear(&notify->timer);
	else
		timer_set(&notify->timer, at_ms);
}

/* Whether it gets there is seen by the answer. */
static void notice_send(struct dns_notify *notify, struct notice *notice)
{
	struct sockaddr_storage address;
	socklen_t address_len = endpoint_to_sockaddr(notice->secondary, &address);
	uint8_t out[ROOM];
	size_t len;

	if (getrandom(&notice->id, sizeof(notice->id), 0) != sizeof(notice->id))
		return;
	len = dns_notify_encode(notice->id, &notice->zone, out);
	tsig_begin(&notice->exchange, notice->has_key ? &notice->key : NULL);
	len = tsig_sign(&notice->exchange, &(struct tsig_message){out, len, sizeof(out)},
		loop_now_s(notify->loop));
	(void)!sendto(ip_is_v4(notice->secondary.ip) ? notify->v4.fd : notify->v6.fd, out, len,
		MSG_DONTWAIT, (struct sockaddr *)&address, address_len);
}

static void notice_try(struct dns_notify *notify, struct notice *notice)
{
	int64_t now_ms = loop_now_ms(notify->loop);

	if (notice->tries == SILENT_TRIES && !notice->silent) {
		notice->silent = true;
		notice_log(notice, EV_NOTIFY_UNANSWERED, "");
	}
	notice->tries++;
	notice->sent_serial = notice->serial;
	notice->sent_ms = now_ms;
	notice->at_ms = now_ms + ((int64_t)LEAST_MS << notice->doublings);
	if (notice->doublings < DOUBLINGS_MAX)
		notice->doublings++;
	notice_send(notify, notice);
}

static void notify_on_timer(struct timer *timer, void *arg)
{
	struct dns_notify *notify = OBJ(dns_notify, arg);

	(void)timer;
	for (size_t i = 0; i < notify->notices_len; i++) {
		struct notice *notice = &notify->notices[i];

		if (notice->due && notice->at_ms <= loop_now_ms(notify->loop))
			notice_try(notify, notice);
	}
	notify_arm(notify);
}

void dns_notify_announce(struct dns_notify *notify, uint32_t serial)
{
	int64_t now_ms = loop_now_ms(notify->loop);

	for (size_t i = 0; i < notify->notices_len; i++) {
		struct notice *notice = &notify->notices[i];

		notice->serial = serial;
		notice->due = true;
		notice->doublings = 0; /* one that was away may be back */
		notice->at_ms = notice->sent_ms + LEAST_MS;
		if (notice->sent_ms == 0 || notice->at_ms < now_ms)
			notice->at_ms = now_ms;
	}
	notify_arm(notify);
}

/* ---- answers ---- */

/* News is told once: a list that lives would write the same line every second. */
static void notice_answered(struct notice *notice, uint16_t rcode)
{
	bool refused = rcode != DNS_NOERROR;

	if (refused && !notice->refused)
		notice_log(notice, EV_NOTIFY_REFUSED, dns_rcode_text(rcode));
	else if (!refused && (notice->silent || notice->refused))
		notice_log(notice, EV_NOTIFY_ANSWERED, "");
	notice->silent = false;
	notice->refused = refused;
	notice->tries = notice->doublings = 0;
	notice->due = notice->sent_serial != notice->serial; /* it changed again meanwhile */
	notice->at_ms = notice->sent_ms + LEAST_MS;
}

/* A forged answer, or one to an older message, is none. An error about the signature itself is not
 * signed and has to be heard by people. */
static void notify_take(struct dns_notify *notify, struct span bytes, struct endpoint from)
{
	struct dns_message message;

	if (dns_message_decode(bytes, &message) < 0)
		return;
	for (size_t i = 0; i < notify->notices_len; i++) {
		struct notice *notice = &notify->notices[i];

		if (!notice->due || notice->tries == 0 || from.port != notice->secondary.port ||
			!ip_equal(from.ip, notice->secondary.ip) ||
			!dns_notify_is_answer(&message, notice->id, &notice->zone))
			continue;
		if (notice->has_key && message.rcode != DNS_NOTAUTH &&
			tsig_verify_answer(&notice->exchange, bytes, message.tsig_at,
				loop_now_s(notify->loop)) != 1)
			return;
		notice_answered(notice, message.rcode);
		notify_arm(notify);
		return;
	}
}

static void notify_on_ready(struct watch *watch, int ready, void *arg)
{
	struct dns_notify *notify = OBJ(dns_notify, arg);

	(void)ready;
	for (unsigned i = 0; i < ANSWERS; i++) {
		struct sockaddr_storage address;
		socklen_t address_len = sizeof(address);
		struct endpoint from;
		uint8_t bytes[ROOM];
		ssize_t len = recvfrom(watch_fd(watch), bytes, sizeof(bytes), MSG_DONTWAIT,
			(struct sockaddr *)&address, &address_len);

		if (len < 0)
			return;
		if (endpoint_from_sockaddr((struct sockaddr *)&address, &from) == 0)
			notify_take(notify, span_of(bytes, (size_t)len), from);
	}
}

/* ---- beginning and end ---- */

static bool ip_is_any(struct ip ip)
{
	static const struct ip any = {{0}};

	return ip_equal(ip, any) || ip_equal(ip, ip_from_v4(0));
}

/* Where we answer from is where secondaries expect to hear from. */
static struct ip own_address(const struct conf *conf, bool v4)
{
	struct ip own = v4 ? ip_from_v4(0) : (struct ip){{0}};

	for (size_t i = 0; i < conf->dns_listen_len; i++) {
		struct ip ip = conf->dns_listen[i].ip;

		if (ip_is_v4(ip) == v4 && !ip_is_any(ip))
			return ip;
	}
	return own;
}

static void socket_open(struct dns_notify *notify, const struct conf *conf, bool v4,
	struct notify_socket *ret_socket)
{
	struct endpoint own = {.ip = own_address(conf, v4)};

	if (socket_bind_udp(own, 0, &ret_socket->fd, NULL) < 0) {
		ret_socket->fd = -1; /* a machine without that family has no secondaries of it */
		return;
	}
	ret_socket->watch = watch_new(notify->loop, ret_socket->fd, notify_on_ready, notify);
	watch_set(ret_socket->watch, WATCH_READ);
}

static void socket_close(struct notify_socket *socket)
{
	watch_free(&socket->watch);
	if (socket->fd >= 0)
		close(socket->fd);
}

struct dns_notify *dns_notify_new(struct loop *loop, const struct conf *conf)
{
	struct dns_notify *notify = mem_new(dns_notify);

	notify->magic = (uint32_t)MAGIC_dns_notify;
	notify->loop = loop;
	timer_init(&notify->timer, loop, notify_on_timer, notify);
	socket_open(notify, conf, true, &notify->v4);
	socket_open(notify, conf, false, &notify->v6);
	return notify;
}

static void notify_clear(struct dns_notify *notify)
{
	for (size_t i = 0; i < notify->notices_len; i++)
		tsig_key_done(&notify->notices[i].key);
	mem_free(notify->notices);
	notify->notices = NULL;
	notify->notices_len = 0;
}

void dns_notify_free(struct dns_notify **notify)
{
	struct dns_notify *n = *notify;

	*notify = NULL;
	if (n == NULL)
		return;
	timer_done(&n->timer);
	socket_close(&n->v4);
	socket_close(&n->v6);
	notify_clear(n);
	n->magic = 0;
	mem_free(n);
}

void dns_notify_set(struct dns_notify *notify, const struct dns_rules *rules)
{
	const struct transfer_secondaries *secondaries = transfer_secondaries(rules->transfers);
	size_t len = rules->table->zones_len * secondaries->len;

	notify_clear(notify);
	notify->notices = mem_alloc_array(len + 1, sizeof(notify->notices[0]));
	for (size_t i = 0; i < len; i++) {
		const struct transfer_secondary *secondary =
			&secondaries->items[i % secondaries->len];
		struct notice *notice = &notify->notices[notify->notices_len++];

		notice->zone = rules->table->zones[i / secondaries->len].apex;
		notice->secondary = secondary->address;
		notice->has_key = secondary->key != NULL;
		if (secondary->key != NULL)
			notice->key = *secondary->key;
	}
	notify_arm(notify);
}
