/* SPDX-License-Identifier: ISC */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* How long the character is that begins with this octet; 0: none does. */
static size_t length_by(uint8_t lead)
{
	return lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

void text_format_list(char *out, size_t size, const char *format, va_list args)
{
	size_t len, begins;

	if (vsnprintf(out, size, format, args) < (int)size)
		return;
	len = begins = strlen(out);
	while (begins != 0 && length_by((uint8_t)out[--begins]) == 0)
		;
	if (begins + length_by((uint8_t)out[begins]) > len)
		out[begins] = '\0';
}

void text_format(char *out, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_format_list(out, size, format, args);
	va_end(args);
}
