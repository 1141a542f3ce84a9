/* SPDX-License-Identifier: ISC */
#include "store/chain.h"

#include <sodium.h>

#include "base/buf.h"

/* Each text goes in with its length, so that no two different events look the same to the hash. */
static void append_text(struct buf *buf, struct span text)
{
	buf_append_u64(buf, text.len);
	buf_append(buf, text);
}

void chain_hash(struct span before, const struct store_event *event, uint8_t ret_hash[CHAIN_SIZE])
{
	struct buf buf;

	buf_init(&buf, 0);
	append_text(&buf, before);
	buf_append_u64(&buf, event->id);
	buf_append_u64(&buf, (uint64_t)event->time_s);
	append_text(&buf, event->author);
	append_text(&buf, event->verb);
	append_text(&buf, event->subject);
	append_text(&buf, event->reason);
	buf_append_u64(&buf, event->undoes);
	buf_append_u64(&buf, event->serial);
	crypto_generichash(ret_hash, CHAIN_SIZE, buf_span(&buf).ptr, buf_len(&buf), NULL, 0);
	buf_done(&buf);
}
