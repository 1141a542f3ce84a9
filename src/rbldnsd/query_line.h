/* SPDX-License-Identifier: ISC */
#pragma once
/* A line of the query log, in rbldnsd's form:
 * "1700000000 192.0.2.1 2.0.0.127.bl.example A IN: NOERROR/1/64". Pure; any thread. */
#include "dns/request.h"

enum { RBL_QUERY_LINE_MAX = 1200 };

/* Appends the line of an answered query, with its newline; nothing for one without a question that
 * could be read. What is not printable ASCII in the name is written \DDD, so that nobody writes
 * lines of his own into the log. */
size_t rbl_query_line(
	const struct dns_request *request, int64_t now_s, char text[RBL_QUERY_LINE_MAX]);
