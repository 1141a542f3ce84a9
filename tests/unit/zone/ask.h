/* SPDX-License-Identifier: ISC */
#pragma once
/* One query alone, without a guard: the length of the response in out; 0: no response is due. */
#include "zone/answer.h"

static inline size_t ask_zone(const struct zone_service *service, struct span query,
	enum dns_transport transport, int64_t now_s, uint8_t *out)
{
	struct dns_request request = {.query = query, .transport = transport, .out = out};

	zone_answer_requests(service, &request, 1, (struct dns_now){.s = now_s});
	return request.out_len;
}
