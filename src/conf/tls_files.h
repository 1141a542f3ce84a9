/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Of the secrets that a configuration holds (conf/secrets.h) the certificate and key of gate.tls.
 * The context belongs to whoever asked.
 */
#include "conf/conf.h"
#include "loop/tls.h"

/* 0, and *ret_context untouched, where there is no gate.tls. E_CONFIG with words that name the line
 * and the file: one of them is none, or they do not belong to each other. */
int tls_files_load(const struct conf *conf, struct tls_context **ret_context, struct fault *why);
/* Whether they are what they should be. */
int tls_files_check(const struct conf *conf, struct fault *why);
