/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * YAML as a tree of words with locations; the door to libfyaml. YAML gives no value its type here
 * (`no`, `1e3`, `0x10` stay words), knows no anchors, aliases, tags and second documents, and depth
 * and size are bounded: what a configuration never needs is an error with a location instead of a
 * surprise. Nodes live in the arena of the caller; pure; any thread.
 */
#include "conf/diagnostic.h"

enum {
	TREE_DEPTH_MAX = 12,
	TREE_NODES_MAX = 100000,
	TREE_KEYS_MAX = 1000,
	TREE_TEXT_MAX = 1 << 20
};

enum tree_kind { TREE_WORD, TREE_LIST, TREE_MAP };

struct conf_tree {
	enum tree_kind kind;
	struct conf_location location;
	struct span text; /* TREE_WORD */
	bool plain;       /* not quoted: an empty plain word is "no value" */
	struct span key;  /* as an entry of a map */
	struct conf_location key_location;
	size_t count;
	struct conf_tree *first, *last; /* of TREE_LIST and TREE_MAP */
	struct conf_tree *next;
};

/* The name of the file has to live as long as the tree. An empty text is an empty map. E_CONFIG:
 * the diagnostics say why. */
int tree_parse(const struct conf_source *source, struct diagnostics *diagnostics,
	struct arena *arena, struct conf_tree **ret_tree);

/* Adds the entries of `from` (a map) to `into`; complains about what both hold, unless both are
 * maps. */
void tree_merge(struct conf_tree *into, struct conf_tree *from, struct diagnostics *diagnostics);

/* The entry of a map, or NULL. */
const struct conf_tree *tree_find(const struct conf_tree *map, const char *key);

/* A tree for a default: "word" or "[word, word]"; without locations. */
struct conf_tree *tree_of_text(const char *text, struct arena *arena);
