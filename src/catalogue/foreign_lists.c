/* SPDX-License-Identifier: ISC */
#include "catalogue/foreign_lists.h"

#include "base/macro.h"

static const struct foreign_list lists[] = {
#define FOREIGN_LIST(preset, zone, name, codes, action, url, skips, terms) \
	{preset, zone, name, codes, action, url, skips, terms},
#define FOREIGN_ERROR(zone, code, meaning)
#define FOREIGN_DEAD(zone, date, how, source)
#include "catalogue/foreign_lists.def"
#undef FOREIGN_LIST
#undef FOREIGN_ERROR
#undef FOREIGN_DEAD
};

static const struct {
	const char *zone, *code;
} errors[] = {
#define FOREIGN_LIST(preset, zone, name, codes, action, url, skips, terms)
#define FOREIGN_ERROR(zone, code, meaning) {zone, code},
#define FOREIGN_DEAD(zone, date, how, source)
#include "catalogue/foreign_lists.def"
#undef FOREIGN_LIST
#undef FOREIGN_ERROR
#undef FOREIGN_DEAD
};

static const struct foreign_dead dead[] = {
#define FOREIGN_LIST(preset, zone, name, codes, action, url, skips, terms)
#define FOREIGN_ERROR(zone, code, meaning)
#define FOREIGN_DEAD(zone, date, how, source) {zone, date, how, source},
#include "catalogue/foreign_lists.def"
#undef FOREIGN_LIST
#undef FOREIGN_ERROR
#undef FOREIGN_DEAD
};

const struct foreign_list *foreign_list_at(size_t index)
{
	return index < COUNTOF(lists) ? &lists[index] : NULL;
}

const struct foreign_list *foreign_list_find(struct span preset)
{
	for (size_t i = 0; i < COUNTOF(lists); i++)
		if (span_equal_text(preset, lists[i].preset))
			return &lists[i];
	return NULL;
}

static bool zone_is_below(struct span zone, const char *suffix)
{
	size_t len = strlen(suffix);

	if (!span_has_suffix_nocase(zone, span_text(suffix)))
		return false;
	return zone.len == len || zone.ptr[zone.len - len - 1] == '.';
}

const struct foreign_dead *foreign_dead_find(struct span zone)
{
	for (size_t i = 0; i < COUNTOF(dead); i++)
		if (zone_is_below(zone, dead[i].zone))
			return &dead[i];
	return NULL;
}

bool foreign_code_is_error(struct span zone, const uint8_t code[4])
{
	struct ip error;

	for (size_t i = 0; i < COUNTOF(errors); i++)
		if (zone_is_below(zone, errors[i].zone) &&
			ip_parse(span_text(errors[i].code), &error) == 0 &&
			memcmp(&error.b[12], code, 4) == 0)
			return true;
	return code[0] == 127 && code[1] == 255 && code[2] == 255;
}
