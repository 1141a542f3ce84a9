/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The settings table (settings.def) as a value: one row for each key of the YAML file. Reading,
 * defaults, `config show`, the manual page and its test all walk it. Paths: "gate.backend.address";
 * "dnsbl[].zone" is the key of each element of a list, "lists.NAME.zone" of each entry of a map
 * whose keys are names of the administrator's choice. Constant; any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/value.h"

/* SETTING_TYPE(type, what the manual calls a value of it, the C type of the member) */
#define SETTING_TYPES                                                                            \
	SETTING_TYPE(HOST, "DNS name") /* const char *, lower case */                            \
	SETTING_TYPE(HOSTS, "list of DNS names")                                                 \
	SETTING_TYPE(DOMAINS, "list of DNS names, .NAME for NAME and all below")                 \
	SETTING_TYPE(MAILBOX, "mail address")   /* const char * */                               \
	SETTING_TYPE(URL, "URL")                /* const char *, without slashes at the end */   \
	SETTING_TYPE(TEXT, "text")              /* const char * */                               \
	SETTING_TYPE(PATH, "absolute path")     /* const char * */                               \
	SETTING_TYPE(STORE, "sqlite:PATH")      /* const char * */                               \
	SETTING_TYPE(NAME, "name")              /* const char * */                               \
	SETTING_TYPE(WORD, "word")              /* an enum, in the order of .words */            \
	SETTING_TYPE(SWITCH, "word")            /* bool: the second of .words is true */         \
	SETTING_TYPE(WORDS, "list of words")    /* const char *const *, each of .words */        \
	SETTING_TYPE(FLAGS, "list of words")    /* bools one after the other, as .words */       \
	SETTING_TYPE(NUMBER, "number")          /* int or unsigned, .low to .high */             \
	SETTING_TYPE(SAMPLE, "off, all or 1/N") /* unsigned: one in N, 0: none */                \
	SETTING_TYPE(PERCENT, "percentage")     /* int, .low to .high */                         \
	SETTING_TYPE(SECONDS, "duration")       /* int64_t */                                    \
	SETTING_TYPE(MILLISECONDS, "duration")  /* int64_t */                                    \
	SETTING_TYPE(LASTS, "duration")         /* int64_t seconds, 0: until-review */           \
	SETTING_TYPE(SIZE, "size")              /* uint64_t, .low to .high */                    \
	SETTING_TYPE(ENDPOINT, "address:port")  /* struct endpoint; .count: bool, with "off" */  \
	SETTING_TYPE(ENDPOINTS, "list of address:port")                                          \
	SETTING_TYPE(NETWORKS, "list of networks")                                               \
	SETTING_TYPE(ADDRESSES, "list of addresses")                   /* const struct ip * */   \
	SETTING_TYPE(NAMES, "list of names")                           /* const char *const * */ \
	SETTING_TYPE(RECIPIENTS, "list of mail addresses and domains") /* const char *const * */ \
	SETTING_TYPE(CODE, "address in 127.0.0.0/8")                   /* struct ip */           \
	SETTING_TYPE(CODES, "code or list of codes") /* const struct conf_filter * */            \
	SETTING_TYPE(SECTION, "section")             /* nothing but a location */                \
	SETTING_TYPE(ITEMS, "list of sections")      /* array of structs, .size each */          \
	SETTING_TYPE(NAMED, "sections by name")      /* the same, the key goes to .name */

enum setting_type {
#define SETTING_TYPE(type, words) SETTING_##type,
	SETTING_TYPES
#undef SETTING_TYPE
};

enum { SETTING_NO_MEMBER = -1 };

struct setting {
	const char *path;
	enum setting_type type;
	ptrdiff_t member;     /* offset in the struct of its group */
	const char *initial;  /* as it would be written; NULL: absent without harm */
	const char *sentence; /* for the manual */
	bool required;        /* absent is an error */
	/* of lists: offset of the size_t; of single values: of a bool "is given"; 0 none */
	ptrdiff_t count;
	/* offset of a struct conf_location; 0 none. ITEMS, NAMED: within the element */
	ptrdiff_t location;
	ptrdiff_t name;    /* NAMED: offset of the const char *, within the element */
	bool host_keys;    /* NAMED: the keys are DNS names, lower case */
	size_t size;       /* ITEMS, NAMED: of an element */
	const char *words; /* separated by blanks */
	const char *noun;  /* "an action": what a wrong word is not */
	/* ITEMS, NAMED, SECTION: a word in the place of an element stands for this key of it */
	const char *brief;
	/* Offset of the const char * that is printed in its place: it is a secret. 0: none */
	ptrdiff_t shown;
	int64_t low, high;
};

extern const struct setting settings[];
extern const size_t settings_len;

const char *setting_type_words(enum setting_type type);

/* A number, percentage, duration or size as it would be written: "1d" for 86400 of SECONDS. Other
 * types have none. */
bool setting_has_range(enum setting_type type);
const char *setting_print_quantity(
	const struct setting *row, int64_t value, char text[DURATION_TEXT_SIZE]);

/* The row of prefix and key ("gate.", "listen"), or NULL. */
const struct setting *setting_find(const char *prefix, struct span key);

/* Walks the keys directly below a prefix: false at the end; *at begins as 0. A key may be a section
 * without a row. */
bool setting_next(const char *prefix, size_t *at, struct span *ret_key);
