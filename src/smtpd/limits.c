/* SPDX-License-Identifier: ISC */
#include "smtpd/limits.h"

static size_t fitting(size_t wanted, size_t most)
{
	return wanted < most ? wanted : most;
}

/* Each of these has a descriptor. Sessions and connections to the backend have three quarters of
 * all, questions an eighth: who is let in can be served to the end, and who is not is told so
 * instead of starving the others. */
void smtpd_limits_fit(struct smtpd_limits *limits, const struct conf *conf, size_t descriptors)
{
	size_t eighth = descriptors / 8;

	limits->backends = fitting(conf->total_backend_connections, 2 * eighth);
	limits->sessions = fitting(conf->total_connections, 6 * eighth - limits->backends);
	limits->questions = fitting(conf->total_dns_questions, eighth);
}

struct smtpd_limits smtpd_limits_stressed(const struct smtpd_limits *limits)
{
	struct smtpd_limits stressed = *limits;

	stressed.greet_ms = 2000;
	stressed.command_ms = 10000;
	stressed.errors_hard = 1;
	stressed.backend_idle_ms = 0;
	return stressed;
}
