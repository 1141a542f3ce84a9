/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The one way to ask the gate for a verdict, through whichever face a client comes: the SMTP proxy
 * (smtpd/), later a milter and Postfix's policy service; `stockade explain` asks without a client.
 * A face knows the client and what it said; this knows DNS, our own lists, the configuration of the
 * moment, incidents and the words of a refusal. It knows no protocol, no socket of a client and no
 * session.
 *
 *   c = consultation_start(...)   with the first packet: DNS is asked in parallel
 *   consultation_is_ready(c)      else consultation_wait(c): `ready` comes when facts are complete
 *                                 or their time is over
 *   consultation_decide(c, ...)   for each recipient: verdict, incident, words
 *
 * By example: 192.0.2.7 connects and its PTR name is asked for. At RCPT the name is there and has
 * no address: not ready, so the face waits. The address comes, `ready` is called, the face decides:
 * fcrdns refuses. answer.reply is "550 5.7.25 ..." with the incident's number in it, the keeper has
 * been told of the incident, and the face says and logs what it has to.
 *
 * One loop, one thread. Owner of the consult: the role; of a consultation: the face's session.
 */
#include "gate/gather.h"
#include "gate/verdict.h"

struct consult;      /* what all consultations of a role share */
struct consultation; /* about one client */
struct bus_client;
struct shelf;

struct consult_limits {
	int64_t facts_ms;          /* from the start on: what DNS did not tell by then is unknown */
	int64_t passed_s;          /* a client that waited for the greeting need not again */
	int64_t incident_s;        /* one number per source and story for so long */
	int64_t incident_update_s; /* a growing count is reported at most so often */
};

static const struct consult_limits consult_limits_default = {
	.facts_ms = 8000,
	.passed_s = 86400,
	.incident_s = 3600,
	.incident_update_s = 60,
};

struct greylisting;

/* All have to live longer than the consult, but conf, of which it takes a reference. */
struct consult_settings {
	struct loop *loop;
	struct resolver *resolver;
	struct shelf *views; /* of struct view; never empty */
	const struct conf *conf;
	const struct consult_limits *limits;
	struct bus_client *bus; /* takes incidents to the keeper; NULL: nobody is told */
	/* The consult's from then on; NULL: nobody is asked to come back. */
	struct greylisting *greylisting;
};

/* Starts to probe the foreign lists at once. */
struct consult *consult_new(const struct consult_settings *settings);
/* All consultations have to be gone. */
void consult_free(struct consult **consult);
/* What is gathered from now on, and the foreign lists that are watched. A client that is there ends
 * under the rules that it came under, and hears the same in one transaction; lists and allowances
 * are always the newest. */
void consult_set_conf(struct consult *consult, const struct conf *conf);
/* For `stockade status`: the health of conf->dnsbls[i]. NULL when the list is off. */
const struct dnsbl_health *consult_dnsbl_health(const struct consult *consult, size_t dnsbl);
enum lists_reach consult_lists_reach(const struct consult *consult);

struct consult_client {
	struct ip ip;
	const struct conf *conf; /* its rules; has to live as long as the consultation */
	/* Never from inside a call; once when DNS has told everything, and when a wait was ended by
	 * the clock. The consultation may be freed in it. */
	void (*ready)(struct consultation *consultation, void *arg);
	void *arg;
	bool is_person; /* who looks at all that lists say, and waits for it */
};

struct consultation *consultation_start(
	struct consult *consult, const struct consult_client *client);
void consultation_free(struct consultation **consultation);

/* Whether a decision now is as good as one later: all facts are there, or their time is over, or
 * the client is ours, of whom no check asks. */
bool consultation_is_ready(const struct consultation *consultation);
/* `ready` comes when that is so. */
void consultation_wait(struct consultation *consultation);

/* Whether it cannot change anything any more if the client waits for its greeting: it did so
 * before, it is ours or allowed, or a list refuses it anyway. */
bool consultation_is_settled(struct consultation *consultation);
/* The client waited for its greeting. */
void consultation_passed(struct consultation *consultation);

/* What the client said. */
struct consult_request {
	bool spoke_early;
	bool at_data;     /* the recipient was taken, and the message is about to come */
	struct ip server; /* where the client came in */
	struct span helo;
	struct span sender; /* without brackets; empty: <> */
	struct span recipient;
};

/* What the client has said of itself and of the sender: whether that domain lets it is asked of
 * DNS, unless it does not matter any more. Before each recipient; the same again costs nothing. */
void consultation_hear(struct consultation *consultation, const struct consult_request *request);

struct consult_answer {
	struct facts facts;
	struct verdict verdict; /* points into facts */
	uint64_t incident;      /* 0: nothing refuses, in no mode */
	struct span reply; /* what is said, or would be in enforce mode; until the next decision */
};

/* Decides by what is known now. A refusal, also one that the mode turns into a mark, becomes an
 * incident and is told to the keeper. ret_answer is large and the caller's; it points to the
 * request, the view and the consultation. */
void consultation_decide(struct consultation *consultation, const struct consult_request *request,
	struct consult_answer *ret_answer);

/* The same for what the client did against the rules of the protocol: an incident, and by its
 * verdict whether it ends there. */
void consultation_note(struct consultation *consultation, const struct consult_request *request,
	const struct verdict_fault *fault, struct consult_answer *ret_answer);

/* The same for a client that is not even greeted; of `client` only who it is. */
void consult_note(struct consult *consult, const struct consult_client *client,
	const struct verdict_fault *fault, struct consult_answer *ret_answer);

/* Whether limits are wider for it: it is allowed, by its address; by its name as well, as far as
 * that is known. */
bool consult_knows_as_good(struct consult *consult, const struct conf *conf, struct ip client);
bool consultation_is_known_good(struct consultation *consultation);

/* What a decision would be made from; and the part of it that DNS told. */
void consultation_facts(struct consultation *consultation, const struct consult_request *request,
	struct facts *ret_facts);
void consultation_names(const struct consultation *consultation, struct facts *ret_facts);
