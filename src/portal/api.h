/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The answers of /api/v1: from a model (portal/model.h) to JSON, and problems (RFC 9457). Times are
 * ISO 8601 UTC; what is not known is null; texts of strangers are valid UTF-8 with every control
 * character made visible. Pure; any thread. Each function appends one object and a line feed to
 * *out.
 */
#include "base/buf.h"
#include "conf/conf.h"
#include "portal/model.h"
#include "portal/trouble.h"

void api_source(const struct conf *conf, const struct model_source *model, struct buf *out);
void api_incident(const struct conf *conf, const struct model_incident *model, struct buf *out);
void api_lists(const struct conf *conf, uint32_t serial, struct buf *out);
void api_policies(const struct conf *conf, struct buf *out);

/* {"status": word} for the health checks at the root. */
void api_health(const char *word, uint32_t serial, struct buf *out);

void api_print_problem(const struct conf *conf, const struct trouble *trouble, struct buf *out);
