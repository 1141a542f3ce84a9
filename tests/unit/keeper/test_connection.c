/* SPDX-License-Identifier: ISC */
#include "keeper/connection.h"

#include "keeper/temp_store.h"
#include "moving_clock.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "bus/frame.h"
#include "keeper/evidence.h"
#include "keeper/transaction.h"
#include "loop/socket.h"

/* ---- a publisher whose followers serve what the test says ---- */

static struct {
	uint32_t serial, snapshot, gap;
	uint32_t served; /* by all of them, while there are any */
	int followers;
} published;

void publisher_follower_greeted(struct publisher *publisher, struct publisher_follower *follower,
	const struct publisher_greeting *greeting)
{
	(void)publisher;
	published.served = greeting->serial;
	published.followers += follower->state.joined ? 0 : 1;
	follower->state.joined = true;
}

void publisher_follower_drained(struct publisher *publisher, struct publisher_follower *follower)
{
	(void)publisher;
	(void)follower;
}

void publisher_follower_gone(struct publisher *publisher, struct publisher_follower *follower)
{
	(void)publisher;
	published.followers -= follower->state.joined ? 1 : 0;
	*follower = (struct publisher_follower){.name = NULL};
}

uint32_t publisher_serial(const struct publisher *publisher)
{
	(void)publisher;
	return published.serial;
}

uint32_t publisher_snapshot_serial(const struct publisher *publisher)
{
	(void)publisher;
	return published.snapshot;
}

uint32_t publisher_gap_serial(const struct publisher *publisher)
{
	(void)publisher;
	return published.gap;
}

bool publisher_all_serve(const struct publisher *publisher, uint32_t serial)
{
	(void)publisher;
	return published.followers == 0 || published.served >= serial;
}

/* Evidence changes no list. */
int publisher_number(struct publisher *publisher, const struct change *change, uint32_t *ret_serial)
{
	(void)publisher;
	(void)change;
	(void)ret_serial;
	fail();
	return E_BUG;
}

enum served publisher_publish(struct publisher *publisher, const struct change *change,
	uint32_t serial, enum publish_when when)
{
	(void)publisher;
	(void)change;
	(void)serial;
	(void)when;
	fail();
	return SERVED_BY_DELTA;
}

/* ---- a keeper of nothing but connections and evidence ---- */

static struct conf conf;
static struct loop *loop;
static struct store_guard guard;
static struct store *reader; /* sees what is committed */
static struct transaction *transaction;
static struct evidence *evidence;
static struct connections *connections;
enum { GATE, WEB, ROLES };
static struct role_socket listening[ROLES] = {{.name = "bus-gate"}, {.name = "bus-web"}};
static char socket_paths[ROLES][96];
static unsigned messages;
static int gate_fd, other_fd;
static struct buf gate_in;
static int closed, released;
/* What the gate was told last of other processes of its role. */
static struct {
	unsigned times;
	bool others;
	uint32_t serial;
} beside;
static void (*after_message)(void); /* within the loop: nothing is asserted there */

static void on_message(struct connection *connection, const Stockade__Message *message, void *arg)
{
	(void)arg;
	messages++;
	if (message->kind_case == STOCKADE__MESSAGE__KIND_PUT)
		evidence_handle(evidence, connection, message->put);
	if (after_message != NULL)
		after_message();
}

static void on_closed(struct connection *connection, void *arg)
{
	(void)connection;
	(void)arg;
	closed++;
}

static void on_released(struct connection *connection)
{
	(void)connection;
	released++;
}

static void on_committed(void *arg)
{
	(void)arg;
}

static void stop_on(struct timer *timer, void *arg)
{
	(void)timer;
	loop_stop(arg);
}

static void turns_after(int64_t ms)
{
	moving_clock_add(ms);
	for (int i = 0; i < 4; i++) {
		struct timer timer;

		timer_init(&timer, loop, stop_on, loop);
		timer_set(&timer, loop_now_ms(loop));
		loop_run(loop);
		timer_done(&timer);
	}
}

static int role_connect(int role)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_paths[role]);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	turns_after(0);
	return fd;
}

static int keeper_make(void **state)
{
	static const struct connection_calls calls = {
		.message = on_message, .closed = on_closed, .released = on_released};
	struct role_context context = {.sockets = listening, .sockets_len = ROLES};
	struct fault why = {""};

	if (temp_store_make(state) < 0 ||
		store_open(&(struct store_opening){.url = temp_url}, &reader, &why) < 0)
		return -1;
	for (int i = 0; i < ROLES; i++) {
		snprintf(socket_paths[i], sizeof(socket_paths[i]), "%s/%d.sock", temp_folder, i);
		if (socket_listen_unix(socket_paths[i], 0600, &listening[i].fd, &why) < 0)
			return -1;
	}
	loop = loop_new();
	guard = (struct store_guard){.store = temp_store, .conf = &conf, .loop = loop};
	memset(&published, 0, sizeof(published));
	closed = released = 0;
	beside.times = 0;
	after_message = NULL;
	transaction = transaction_new(&guard, NULL, on_committed, NULL);
	evidence = evidence_new(&guard, transaction);
	connections = connections_new(loop, NULL, &calls, NULL);
	connections_listen(connections, &context);
	buf_init(&gate_in, FRAME_ROLE_MAX);
	gate_fd = role_connect(GATE);
	other_fd = -1;
	return 0;
}

static int keeper_remove(void **state)
{
	transaction_commit(transaction);
	connections_free(&connections);
	turns_after(0); /* what was closed goes now */
	evidence_free(&evidence);
	transaction_free(&transaction);
	loop_free(&loop);
	buf_done(&gate_in);
	close(gate_fd);
	if (other_fd >= 0)
		close(other_fd);
	for (int i = 0; i < ROLES; i++) {
		close(listening[i].fd);
		unlink(socket_paths[i]);
	}
	store_free(&reader);
	return temp_store_remove(state);
}

/* ---- the role at the other end ---- */

static void role_says(int fd, const Stockade__Message *message)
{
	struct buf out;
	struct span bytes;

	buf_init(&out, FRAME_ROLE_MAX);
	assert_int_equal(frame_append(&out, message, FRAME_ROLE_MAX), 0);
	bytes = buf_span(&out);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
	buf_done(&out);
}

static void role_serves(int fd, uint32_t serial)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Hello hello = STOCKADE__HELLO__INIT;

	hello.role = (char *)"gate";
	hello.version = 1;
	hello.serial = serial;
	message.kind_case = STOCKADE__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	role_says(fd, &message);
	turns_after(0);
}

static void gate_puts_incident(uint64_t number)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Put put = STOCKADE__PUT__INIT;
	Stockade__Incident incident = STOCKADE__INCIDENT__INIT;
	Stockade__Source source = STOCKADE__SOURCE__INIT;
	uint8_t id[MESSAGE_ID_SIZE] = {(uint8_t)number};

	source.domain = (char *)"example.org";
	incident.number = number;
	incident.source = &source;
	put.id = (ProtobufCBinaryData){sizeof(id), id};
	put.what_case = STOCKADE__PUT__WHAT_INCIDENT;
	put.incident = &incident;
	message.kind_case = STOCKADE__MESSAGE__KIND_PUT;
	message.put = &put;
	role_says(gate_fd, &message);
}

static bool is_beside(const Stockade__Message *message)
{
	if (message->kind_case != STOCKADE__MESSAGE__KIND_BESIDE)
		return false;
	beside.times++;
	beside.others = message->beside->others;
	beside.serial = message->beside->serial;
	return true;
}

/* The next message that is not of those; NULL: nothing came. */
static Stockade__Message *gate_hears(void)
{
	Stockade__Message *message = NULL;
	struct fault why = {""};
	struct span body;
	size_t used = 0;
	uint8_t bytes[4096];
	ssize_t len = read(gate_fd, bytes, sizeof(bytes));

	if (len > 0)
		buf_append(&gate_in, span_of(bytes, (size_t)len));
	if (frame_next(buf_span(&gate_in), FRAME_ROLE_MAX, &body, &used) != 1)
		return NULL;
	assert_int_equal(message_decode(body, &message, &why), 0);
	buf_consume(&gate_in, used);
	if (!is_beside(message))
		return message;
	message_free(&message);
	return gate_hears();
}

static bool gate_hears_nothing(void)
{
	Stockade__Message *message = gate_hears();
	bool is_silent = message == NULL;

	message_free(&message);
	return is_silent;
}

static bool gate_hears_ack_of(uint8_t id)
{
	Stockade__Message *message = gate_hears();
	bool is_right = message != NULL && message->kind_case == STOCKADE__MESSAGE__KIND_ACK &&
			message->ack->n_ids == 1 && message->ack->ids[0].data[0] == id;

	message_free(&message);
	return is_right;
}

static bool gate_hears_answer(uint64_t tag)
{
	Stockade__Message *message = gate_hears();
	bool is_right = message != NULL && message->kind_case == STOCKADE__MESSAGE__KIND_ANSWER &&
			message->answer->tag == tag;

	message_free(&message);
	return is_right;
}

/* ---- acknowledged means committed ---- */

static int incident_seen(const struct store_incident *incident, void *arg)
{
	(void)incident;
	(void)arg;
	return 0;
}

static bool incident_is_committed(uint64_t number)
{
	return store_incident_get(reader, number, incident_seen, NULL) >= 0;
}

static bool was_silent_before;

static void before_the_commit(void)
{
	was_silent_before =
		guard.in_transaction && !incident_is_committed(7) && gate_hears_nothing();
}

static void evidence_is_acknowledged_when_it_is_committed(void **state)
{
	(void)state;
	was_silent_before = false;
	after_message = before_the_commit;
	gate_puts_incident(7);
	turns_after(0);
	assert_true(was_silent_before);
	assert_true(gate_hears_ack_of(7));
	assert_true(incident_is_committed(7));
}

static void store_fails(void)
{
	transaction_fail(transaction, E_IO);
	after_message = NULL;
}

static void what_the_store_did_not_keep_is_not_acknowledged(void **state)
{
	(void)state;
	after_message = store_fails;
	gate_puts_incident(7);
	turns_after(0);
	assert_null(after_message);
	assert_true(gate_hears_nothing());
	assert_false(incident_is_committed(7));
	gate_puts_incident(8); /* the store is not well */
	turns_after(0);
	assert_true(gate_hears_nothing());
}

static void gate_hangs_up(void)
{
	assert_int_equal(shutdown(gate_fd, SHUT_RDWR), 0);
	after_message = NULL;
}

static void evidence_of_who_hangs_up_is_kept(void **state)
{
	(void)state;
	after_message = gate_hangs_up;
	gate_puts_incident(7);
	turns_after(0);
	assert_true(incident_is_committed(7));
	assert_int_equal(closed, 1);
	assert_int_equal(released, 1);
}

/* ---- answered means served ---- */

static void keeper_replies(uint64_t tag, enum reply_when when)
{
	struct arena *arena = arena_new(0);
	Stockade__Answer *answer = arena_alloc(arena, sizeof(*answer));
	struct connection *asking = connections_first(connections);

	while (asking->next != NULL) /* the gate came first */
		asking = asking->next;
	stockade__answer__init(answer);
	answer->tag = tag;
	connection_reply(asking, answer, arena, when);
	turns_after(0);
}

static void an_answer_waits_until_everybody_serves_the_change(void **state)
{
	(void)state;
	published.serial = 12;
	role_serves(gate_fd, 11);
	keeper_replies(1, REPLY_WHEN_SERVED);
	assert_true(gate_hears_nothing());
	role_serves(gate_fd, 12);
	connections_answer_pending(connections);
	assert_true(gate_hears_answer(1));
}

static void one_that_has_to_wait_for_nothing_goes_at_once(void **state)
{
	(void)state;
	published.serial = 12;
	role_serves(gate_fd, 11);
	keeper_replies(1, REPLY_NOW);
	assert_true(gate_hears_answer(1));
	role_serves(gate_fd, 12);
	keeper_replies(2, REPLY_WHEN_SERVED);
	assert_true(gate_hears_answer(2));
}

static void a_follower_that_hangs_delays_it_by_half_a_second(void **state)
{
	(void)state;
	published.serial = 12;
	role_serves(gate_fd, 11);
	keeper_replies(1, REPLY_WHEN_SERVED);
	turns_after(400);
	assert_true(gate_hears_nothing());
	turns_after(200);
	assert_true(gate_hears_answer(1));
}

static void what_only_a_snapshot_shows_waits_for_it_however_long(void **state)
{
	(void)state;
	published.serial = 12;
	published.snapshot = 10;
	published.gap = 13;
	role_serves(gate_fd, 12);
	keeper_replies(1, REPLY_AFTER_SNAPSHOT);
	turns_after(60000);
	assert_true(gate_hears_nothing());
	published.snapshot = published.serial = 13;
	connections_answer_pending(connections); /* it is out, and not served yet */
	assert_true(gate_hears_nothing());
	turns_after(600);
	assert_true(gate_hears_answer(1));
}

static void who_is_gone_is_not_waited_for(void **state)
{
	(void)state;
	published.serial = 12;
	other_fd = role_connect(GATE);
	role_serves(other_fd, 11);
	keeper_replies(1, REPLY_WHEN_SERVED);
	assert_true(gate_hears_nothing());
	assert_int_equal(shutdown(other_fd, SHUT_RDWR), 0);
	turns_after(0);
	assert_int_equal(closed, 1);
	assert_true(gate_hears_answer(1));
}

static void an_answer_to_who_is_gone_goes_with_it(void **state)
{
	(void)state;
	published.serial = 12;
	other_fd = role_connect(GATE);
	role_serves(other_fd, 11);
	keeper_replies(1, REPLY_WHEN_SERVED);
	assert_int_equal(shutdown(gate_fd, SHUT_RDWR), 0);
	turns_after(0);
	turns_after(600);
	assert_int_equal(closed, 1);
	assert_int_equal(released, 1);
}

/* ---- rights ---- */

static void who_says_what_it_may_not_is_cut_off(void **state)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Query query = STOCKADE__QUERY__INIT;

	(void)state;
	query.what_case = STOCKADE__QUERY__WHAT_STATUS;
	query.status = true;
	message.kind_case = STOCKADE__MESSAGE__KIND_QUERY;
	message.query = &query;
	role_says(gate_fd, &message);
	turns_after(0);
	assert_int_equal(closed, 1);
	assert_null(connections_first(connections));
}

/* The pages may ask, but not have the keeper compute hashes for strangers. */
static void the_chain_is_verified_for_operators_alone(void **state)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Query query = STOCKADE__QUERY__INIT;

	(void)state;
	query.what_case = STOCKADE__QUERY__WHAT_VERIFY;
	message.kind_case = STOCKADE__MESSAGE__KIND_QUERY;
	message.query = &query;
	other_fd = role_connect(WEB);
	role_says(other_fd, &message);
	turns_after(0);
	assert_int_equal(closed, 1);
}

/* A role that was taken over must not take the descriptors of the operators. */
static void a_role_has_so_many_connections(void **state)
{
	enum { MORE = 24 };
	int fds[MORE];
	size_t open = 0;
	char byte;

	(void)state;
	for (int i = 0; i < MORE; i++)
		fds[i] = role_connect(GATE);
	for (int i = 0; i < MORE; i++)
		open += read(fds[i], &byte, 1) < 0; /* the others read their end */
	assert_int_equal(open, 15);                 /* and the gate's own */
	for (int i = 0; i < MORE; i++)
		close(fds[i]);
	turns_after(0);
	other_fd = role_connect(GATE);
	assert_int_equal(read(other_fd, &byte, 1), -1);
}

/* Strangers' questions come in hundreds; a command that comes between is not behind them all. */
static void what_strangers_ask_is_answered_one_in_a_turn(void **state)
{
	enum { QUESTIONS = 50, TURNS = 4 };
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Query query = STOCKADE__QUERY__INIT;

	(void)state;
	query.what_case = STOCKADE__QUERY__WHAT_INCIDENT;
	query.incident = 1;
	message.kind_case = STOCKADE__MESSAGE__KIND_QUERY;
	message.query = &query;
	other_fd = role_connect(WEB);
	messages = 0;
	for (int i = 0; i < QUESTIONS; i++)
		role_says(other_fd, &message);
	turns_after(0);
	assert_in_range(messages, 1, 3 * TURNS);
	for (int i = 0; i < QUESTIONS; i++)
		turns_after(0);
	assert_int_equal(messages, QUESTIONS); /* all of them, without another word */
}

/* ---- one process of a role beside the next ---- */

static void hears_of_others(unsigned times, bool others, uint32_t serial)
{
	assert_true(gate_hears_nothing());
	assert_int_equal(beside.times, times);
	assert_int_equal(beside.others, others);
	assert_int_equal(beside.serial, serial);
}

static void who_follows_knows_up_to_where_another_did(void **state)
{
	(void)state;
	published.serial = 12;
	role_serves(gate_fd, 11);
	hears_of_others(1, false, 12);
	role_serves(gate_fd, 12); /* no news */
	hears_of_others(1, false, 12);
	other_fd = role_connect(WEB); /* another role is none of its business */
	role_serves(other_fd, 12);
	hears_of_others(1, false, 12);
	close(other_fd);
	other_fd = role_connect(GATE);
	role_serves(other_fd, 12);
	hears_of_others(2, true, 12);
	published.serial = 15;
	close(other_fd);
	other_fd = -1;
	turns_after(0);
	hears_of_others(3, false, 15);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, keeper_make, keeper_remove)
	const struct CMUnitTest tests[] = {
		CASE(evidence_is_acknowledged_when_it_is_committed),
		CASE(what_the_store_did_not_keep_is_not_acknowledged),
		CASE(evidence_of_who_hangs_up_is_kept),
		CASE(an_answer_waits_until_everybody_serves_the_change),
		CASE(one_that_has_to_wait_for_nothing_goes_at_once),
		CASE(a_follower_that_hangs_delays_it_by_half_a_second),
		CASE(what_only_a_snapshot_shows_waits_for_it_however_long),
		CASE(who_is_gone_is_not_waited_for),
		CASE(an_answer_to_who_is_gone_goes_with_it),
		CASE(who_says_what_it_may_not_is_cut_off),
		CASE(the_chain_is_verified_for_operators_alone),
		CASE(a_role_has_so_many_connections),
		CASE(what_strangers_ask_is_answered_one_in_a_turn),
		CASE(who_follows_knows_up_to_where_another_did),
	};

	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
