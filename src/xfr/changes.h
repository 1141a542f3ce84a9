/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Keeps the journals of the zones: what each change to the lists changes in the records that
 * secondaries have. Owner: the dns role; its main thread, so that no answer waits for it. A change
 * is answered before its difference is worked out.
 */
#include "list/delta.h"
#include "xfr/state.h"

struct dns_changes;

/* Over the shelves of the state, which lives longer. */
struct dns_changes *dns_changes_new(struct transfer_state *state);
void dns_changes_free(struct dns_changes **changes);

/* A change is about to be adopted: remembers what it changes, until the view that it leads to. */
void dns_changes_delta(struct dns_changes *changes, const struct delta *delta);

/* A newer view stands on the shelf. True: the serial is another one, in *ret_serial. */
bool dns_changes_view(struct dns_changes *changes, uint32_t *ret_serial);

/* Of the view that stood on the shelf at the last dns_changes_view; 0: none. */
uint32_t dns_changes_serial(const struct dns_changes *changes);

/* Whether another process serves our zones, too, by rules that may be others: until that is over a
 * secondary may have any serial in its version. From the start on nobody knows. Without others:
 * they have served nothing newer than serial. */
void dns_changes_beside(struct dns_changes *changes, bool others, uint32_t serial);

/* New rules stand on the shelf. differs: the records of the zones may be others under the same
 * serial. */
void dns_changes_rules(struct dns_changes *changes, bool differs);
