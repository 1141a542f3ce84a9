/* SPDX-License-Identifier: ISC */
#pragma once
/* Answers a stranger's query from a table of zones, as rbldnsd does where that is right
 * (man/stockade-rbldnsd.8 has every difference). Pure: octets in, octets out; no clock, no socket,
 * no allocation, no lock. Any thread. */
#include "dns/request.h"
#include "rbldnsd/command.h"
#include "rbldnsd/count.h"
#include "rbldnsd/table.h"

struct rbl_service {
	const struct rbl_table *table;
	bool authority; /* -A */
	enum rbl_version version;
};

/* Answers a batch of at most RBL_BATCH_MAX requests: all queries are read and what they ask for is
 * fetched from memory together, then each is answered. Fills out and out_len (0: no answer) of each
 * request, and ret_outcomes: how each is counted. */
enum { RBL_BATCH_MAX = 16 };
void rbl_answer_requests(const struct rbl_service *service, struct dns_request *requests,
	size_t requests_len, int64_t now_s, struct rbl_outcome *ret_outcomes);

/* One alone. */
struct rbl_outcome rbl_answer(
	const struct rbl_service *service, struct dns_request *request, int64_t now_s);
