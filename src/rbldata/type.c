/* SPDX-License-Identifier: ISC */
#include "rbldata/type.h"

#include "base/err.h"

struct type {
	const char *name;
	unsigned kinds;
};

static const struct type types[RBL_TYPES] = {
	[RBL_IP4SET] = {"ip4set", RBL_KIND_V4},
	[RBL_IP4TSET] = {"ip4tset", RBL_KIND_V4},
	[RBL_IP4TRIE] = {"ip4trie", RBL_KIND_V4},
	[RBL_IP6TSET] = {"ip6tset", RBL_KIND_V6},
	[RBL_IP6TRIE] = {"ip6trie", RBL_KIND_V6},
	[RBL_DNSET] = {"dnset", RBL_KIND_NAME},
	[RBL_GENERIC] = {"generic", RBL_KIND_NAME},
	[RBL_COMBINED] = {"combined", 0},
	[RBL_ACL] = {"acl", 0},
};

int rbl_type_parse(struct span name, enum rbl_type *ret_type)
{
	for (unsigned i = 0; i < RBL_TYPES; i++) {
		if (span_equal_text(name, types[i].name)) {
			*ret_type = (enum rbl_type)i;
			return 0;
		}
	}
	return E_ABSENT;
}

const char *rbl_type_name(enum rbl_type type)
{
	return types[type].name;
}

unsigned rbl_type_kinds(enum rbl_type type)
{
	return types[type].kinds;
}
