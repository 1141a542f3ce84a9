/* SPDX-License-Identifier: ISC */
#include "smtpd/session_priv.h"

#include <inttypes.h>

/*
 * A message in chunks (BDAT, RFC 3030): the client counts the octets, and each chunk has a reply.
 * The backend gets it as DATA, so that one form of a message leaves us. The octets of a chunk are
 * read in any case, also when its command was refused and answered: none is taken for a command.
 * Between chunks the session is at its commands.
 */

void session_chunk_end(struct session *s)
{
	if (!session_message_is_open(s))
		return; /* answered */
	if (s->chunk.last && session_message_passes(s)) {
		smtp_data_finish_chunks(&s->message->data, &s->env->scratch);
		session_data_write(s);
	}
	if (s->chunk.last || !session_message_passes(s))
		session_data_end(s);
	else
		session_reply(s, "250 2.0.0 Ok, go on");
}

void session_chunk_read(struct session *s)
{
	struct buf *in = stream_in(s->stream);
	struct span octets = buf_span(in);

	if (octets.len > s->chunk.left)
		octets.len = (size_t)s->chunk.left;
	if (octets.len == 0 || session_data_must_pause(s))
		return;
	if (session_message_is_open(s)) {
		smtp_data_read_chunk(&s->message->data, octets, &s->env->scratch);
		session_data_write(s);
		session_data_check_size(s);
	}
	s->chunk.left -= octets.len;
	buf_consume(in, octets.len);
	if (s->message != NULL)
		session_data_pace(s, octets.len);
	else
		session_restart_idle(s);
	if (session_message_passes(s))
		session_data_send(s);
	if (s->chunk.left == 0)
		session_chunk_end(s);
}

void session_on_bdat(struct session *s, const struct smtp_command *command)
{
	struct session_chunk chunk = {.given = true};

	if (command->unclean || smtp_chunk_parse(command->params, &chunk.left, &chunk.last) < 0) {
		session_fault_verb(s, REFUSAL_SYNTAX, SMTP_BDAT);
		session_close(s); /* nobody knows where the next command begins */
		return;
	}
	s->chunk = chunk;
	if ((s->offer.keywords & SMTP_CHUNKING) == 0)
		session_fault_verb(s, REFUSAL_NOT_IMPLEMENTED, SMTP_BDAT);
	else if (!s->mail.given || s->mail.recipients == 0)
		session_fault_verb(s, REFUSAL_SEQUENCE, SMTP_BDAT);
	else if (s->mail.accepted == 0)
		session_reply(s, "554 5.5.1 No valid recipients");
	else if (s->message == NULL)
		session_data_begin(s);
	else if (chunk.left == 0)
		session_chunk_end(s);
	if (chunk.left == 0 && !chunk.last && s->wait == WAIT_NONE)
		session_count_junk(s); /* also behind a fault, which counts by itself */
}
