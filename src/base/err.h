/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The one error model: functions return an int, 0 or positive for success, a negative E_... for
 * failure. Outputs are named ret_x and stay untouched on failure. A struct fault carries words for
 * people; it is the last argument, may be NULL, and belongs to the caller. Any thread.
 */

enum err_index {
	ERR_NONE,
#define ERROR(name, text, exit_code) name##_INDEX,
#include "base/errors.def"
#undef ERROR
};

enum err {
#define ERROR(name, text, exit_code) name = -(int)name##_INDEX,
#include "base/errors.def"
#undef ERROR
};

/* What failed, for a person: lower case, no full stop, the subject quoted. */
struct fault {
	char text[512];
};

/* The text of an error ("not found"); for a value that is not an error, "success". */
const char *err_text(int error);

/* The exit code of a verb that ends with this error (sysexits.h). */
int err_exit_code(int error);

/* Turns errno (read on the line after the call that set it) into an E_.... */
int err_from_errno(int error_number);

/* Fills *why, when there is one, and returns error:
 * `return fault_set(why, E_PARSE, "no zone in '%s'", name);`. */
int fault_set(struct fault *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before what *why says already; returns error. */
int fault_prefix(struct fault *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
