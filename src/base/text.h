/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * C strings in a room of fixed size: what does not fit is cut between characters (UTF-8), so that
 * half of one never reaches a message or the store. Pure; any thread.
 */
#include <stdarg.h>
#include <stddef.h>

/* As snprintf(). */
void text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void text_format_list(char *out, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
