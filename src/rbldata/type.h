/* SPDX-License-Identifier: ISC */
#pragma once
/* The types of rbldnsd's data sets. Neither rbldnsd nor its forks have an "ip6set": IPv6 is ip6trie
 * (any prefix, own values) and ip6tset (/64 only). Pure; any thread. */
#include "base/span.h"

enum rbl_type {
	RBL_IP4SET,
	RBL_IP4TSET,
	RBL_IP4TRIE,
	RBL_IP6TSET,
	RBL_IP6TRIE,
	RBL_DNSET,
	RBL_GENERIC,
	RBL_COMBINED,
	RBL_ACL,
	RBL_TYPES
};

/* As what the names of a zone with such a data set are read: addresses, keys of names; a zone has
 * those of all its data sets. */
enum rbl_kind { RBL_KIND_V4 = 1, RBL_KIND_V6 = 2, RBL_KIND_NAME = 4 };

/* "ip4set" and so on, exactly; E_ABSENT. */
int rbl_type_parse(struct span name, enum rbl_type *ret_type);
const char *rbl_type_name(enum rbl_type type);
unsigned rbl_type_kinds(enum rbl_type type); /* of RBL_COMBINED: none, its subzones see to it */
