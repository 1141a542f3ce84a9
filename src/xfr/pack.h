/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Octets in less room: the compressed data format of RFC 1951, made quickly. For what we keep
 * ourselves; it never reads what others sent. Pure; any thread.
 */
#include "base/span.h"

/* Into out, which has as much room as plain; the length there, plain.len: it gets no shorter, and
 * stands there as it is. */
size_t octets_pack(struct span plain, uint8_t *out);
/* What octets_pack made; plain_len octets into out. */
void octets_unpack(struct span packed, uint8_t *out, size_t plain_len);
