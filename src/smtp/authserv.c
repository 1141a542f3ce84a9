/* SPDX-License-Identifier: ISC */
#include "smtp/authserv.h"

#include "base/span.h"

void smtp_authserv_init(struct smtp_authserv *authserv, const char *id)
{
	*authserv = (struct smtp_authserv){.id = id, .state = AUTHSERV_SPACE};
}

/* The id is complete. */
static enum authserv_is authserv_end(const struct smtp_authserv *a)
{
	return a->id[a->matched] == '\0' ? AUTHSERV_OURS : AUTHSERV_OTHER;
}

static enum authserv_is authserv_match(struct smtp_authserv *a, uint8_t byte)
{
	uint8_t wanted = (uint8_t)a->id[a->matched];

	if (wanted == '\0' || ascii_lower(byte) != ascii_lower(wanted))
		return AUTHSERV_OTHER;
	a->matched++;
	return AUTHSERV_OPEN;
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void authserv_comment(struct smtp_authserv *a, uint8_t byte)
{
	if (a->escaped)
		a->escaped = false;
	else if (byte == '\\')
		a->escaped = true;
	else if (byte == '(')
		a->depth++;
	else if (byte == ')' && --a->depth == 0)
		a->state = AUTHSERV_SPACE;
}

static enum authserv_is authserv_space(struct smtp_authserv *a, uint8_t byte)
{
	if (is_space(byte))
		return AUTHSERV_OPEN;
	if (byte == '"') {
		a->state = AUTHSERV_QUOTED;
	} else if (byte == '(') {
		a->state = AUTHSERV_COMMENT;
		a->depth = 1;
	} else {
		a->state = AUTHSERV_TOKEN;
		return authserv_match(a, byte);
	}
	return AUTHSERV_OPEN;
}

static enum authserv_is authserv_quoted(struct smtp_authserv *a, uint8_t byte)
{
	if (!a->escaped && byte == '\\') {
		a->escaped = true;
		return AUTHSERV_OPEN;
	}
	if (!a->escaped && byte == '"')
		return authserv_end(a);
	a->escaped = false;
	return authserv_match(a, byte);
}

enum authserv_is smtp_authserv_read(struct smtp_authserv *authserv, uint8_t byte)
{
	switch (authserv->state) {
	case AUTHSERV_SPACE:
		return authserv_space(authserv, byte);
	case AUTHSERV_COMMENT:
		authserv_comment(authserv, byte);
		return AUTHSERV_OPEN;
	case AUTHSERV_QUOTED:
		return authserv_quoted(authserv, byte);
	case AUTHSERV_TOKEN:
		break;
	}
	if (is_space(byte) || byte == ';' || byte == '(')
		return authserv_end(authserv);
	return authserv_match(authserv, byte);
}
