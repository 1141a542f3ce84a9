/* SPDX-License-Identifier: ISC */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/macro.h"
#include "base/text.h"

struct err_row {
	const char *text;
	int exit_code;
};

static const struct err_row rows[] = {
	{"success", 0},
#define ERROR(name, text, exit_code) {text, exit_code},
#include "base/errors.def"
#undef ERROR
};

static const struct err_row *err_row(int error)
{
	if (error >= 0)
		return &rows[0];
	if (error < -(int)(COUNTOF(rows) - 1))
		return &rows[-E_BUG];
	return &rows[-error];
}

const char *err_text(int error)
{
	return err_row(error)->text;
}

int err_exit_code(int error)
{
	return err_row(error)->exit_code;
}

int err_from_errno(int error_number)
{
	switch (error_number) {
	case ENOENT:
		return E_ABSENT;
	case EEXIST:
		return E_EXISTS;
	case EACCES:
	case EPERM:
		return E_DENIED;
	case ENOMEM:
	case ENOBUFS:
		return E_NOMEM;
	case EMFILE:
	case ENFILE:
		return E_TOO_MANY;
	case ENOSPC:
	case EDQUOT:
		return E_FULL;
	case EAGAIN:
		return E_AGAIN;
	case ETIMEDOUT:
		return E_TIMEOUT;
	case EPIPE:
	case ECONNRESET:
		return E_CLOSED;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return E_AWAY;
	case EIO:
		return E_IO;
	default:
		return E_SYSTEM;
	}
}

int fault_set(struct fault *why, int error, const char *format, ...)
{
	va_list args;

	if (why != NULL) {
		va_start(args, format);
		text_format_list(why->text, sizeof(why->text), format, args);
		va_end(args);
	}
	return error;
}

int fault_prefix(struct fault *why, int error, const char *format, ...)
{
	struct fault said;
	va_list args;
	size_t used;

	if (why == NULL)
		return error;
	said = *why;
	va_start(args, format);
	text_format_list(why->text, sizeof(why->text), format, args);
	va_end(args);
	used = strlen(why->text);
	if (used + 2 < sizeof(why->text))
		text_format(why->text + used, sizeof(why->text) - used, ": %s", said.text);
	return error;
}
