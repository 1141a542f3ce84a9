/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Answers a stranger's query from a table of zones, as rbldnsd does where that is right (man/stockade-rbldnsd.8 has every
 * difference). Pure: octets in, octets out; no clock, no socket, no allocation, no lock. Any thread.
 */
#include "dns/job.h"
#include "rbl/command.h"
#include "rbl/count.h"
#include "rbl/table.h"

struct rbl_service {
	const struct rbl_table *table;
	bool authority; /* -A */
	enum rbl_version version;
};

/* Fills job->out and job->out_len (0: no answer). Returns how it is counted. */
struct rbl_outcome rbl_answer(
	const struct rbl_service *service, struct dns_job *job, int64_t now_s);
