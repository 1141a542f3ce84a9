/* SPDX-License-Identifier: ISC */
/* What values mean together. Each rule is a function over the filled struct; diagnostics stand at
 * the part that is wrong. */
#include "base/arena.h"
#include "base/hostname.h"
#include "base/macro.h"
#include "base/public_suffix.h"
#include "base/suggest.h"
#include "conf/load.h"
#include "conf/value.h"

enum { EARLY_WAIT_MS = 6000, LISTENERS_MAX = 40 };

static const struct conf_check check_defaults[] = {
#define CHECK(id, key_, action_, weight_, title, meaning, remedy) \
	{.key = key_, .action = action_, .weight = weight_},
#include "catalogue/checks.def"
#undef CHECK
};

/* Where a path of keys is written; line 0 when it is not. */
static struct conf_location location_find(const struct loader *loader, const char *path)
{
	const struct conf_tree *node = loader->root;
	struct span rest = span_text(path);

	while (rest.len != 0 && node != NULL) {
		const char *key = arena_string(loader->arena, span_split(&rest, '.'));

		node = node->kind == TREE_MAP ? tree_find(node, key) : NULL;
	}
	return node != NULL ? node->key_location : (struct conf_location){loader->conf->file, 0, 0};
}

/* ---- what is implied ---- */

static const struct conf_check *check_given(const struct conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->checks_len; i++) {
		if (strcmp(conf->checks[i].key, key) == 0)
			return &conf->checks[i];
	}
	return NULL;
}

static void error_unknown_checks(struct loader *loader)
{
	for (size_t i = 0; i < loader->conf->checks_len; i++) {
		const struct conf_check *given = &loader->conf->checks[i];
		struct suggest meant = {.word = span_text(given->key)};
		bool known = false;

		for (size_t k = 0; k < COUNTOF(check_defaults); k++) {
			known |= span_equal_text(meant.word, check_defaults[k].key);
			suggest_offer(&meant, span_text(check_defaults[k].key));
		}
		if (known)
			continue;
		error_at(loader->diagnostics, given->location, "unknown check '%s'%s", given->key,
			suggest_hint(&meant));
	}
}

/* `action: NULL` in the table: an entry without an action keeps that of the check. */
static bool check_has_key(const struct loader *loader, const char *check, const char *key)
{
	const struct conf_tree *checks = tree_find(loader->root, "checks");
	const struct conf_tree *entry =
		checks != NULL && checks->kind == TREE_MAP ? tree_find(checks, check) : NULL;

	return entry != NULL && (entry->kind == TREE_WORD ? strcmp(key, "action") == 0
							  : entry->kind == TREE_MAP &&
								    tree_find(entry, key) != NULL);
}

/* A section of its own, without what makes no sense for it. */
static void complete_grey(const struct conf_grey *grey, struct conf_check *check)
{
	static const enum action actions[] = {
		[GREY_OFF] = ACTION_OFF, [GREY_TAG] = ACTION_TAG, [GREY_ON] = ACTION_GREYLIST};

	check->action = actions[grey->action];
	check->has_mode = grey->has_mode;
	check->mode = grey->mode;
	check->location = grey->location;
}

/* One row for each check, in the order of the catalogue. */
static void complete_checks(struct loader *loader)
{
	struct conf_check *checks = arena_alloc(loader->arena, sizeof(check_defaults));

	error_unknown_checks(loader);
	for (size_t i = 0; i < COUNTOF(check_defaults); i++) {
		const struct conf_check *given = check_given(loader->conf, check_defaults[i].key);

		checks[i] = given != NULL ? *given : check_defaults[i];
		checks[i].key = check_defaults[i].key;
		if (given == NULL || !check_has_key(loader, given->key, "action"))
			checks[i].action = check_defaults[i].action;
		if (given == NULL || !check_has_key(loader, given->key, "weight"))
			checks[i].weight =
				checks[i].action == ACTION_SCORE && check_defaults[i].weight == 0
					? 1
					: check_defaults[i].weight;
		if (strcmp(checks[i].key, "score") == 0)
			checks[i].location = loader->conf->score_location;
		if (strcmp(checks[i].key, "grey") == 0)
			complete_grey(&loader->conf->grey, &checks[i]);
		if (strcmp(checks[i].key, "early") != 0) {
			if (given != NULL && check_has_key(loader, given->key, "wait"))
				error_at(loader->diagnostics, given->location,
					"'wait' belongs to the check 'early' only");
		} else if (given == NULL || !check_has_key(loader, "early", "wait")) {
			checks[i].wait_ms = EARLY_WAIT_MS;
		}
	}
	loader->conf->checks = checks;
	loader->conf->checks_len = COUNTOF(check_defaults);
}

static void complete_allow(struct loader *loader)
{
	static const struct conf_policy policy = {
		.name = "allow",
		.version = 1,
		.text = "Allowed by a named operator with a written reason.",
		.takes_operator = true,
		.review_every_s = INT64_C(90) * 86400,
	};
	static const struct conf_sublist sublist = {.name = "allow", .policy = "allow"};
	static const struct conf_list list = {
		.name = "allow",
		.holds = LIST_OF_ADDRESSES,
		.action = ACTION_ALLOW,
		.sublists = &sublist,
		.sublists_len = 1,
	};
	struct conf *conf = loader->conf;
	struct conf_policy *policies =
		arena_alloc(loader->arena, (conf->policies_len + 1) * sizeof(policy));
	struct conf_list *lists = arena_alloc(loader->arena, (conf->lists_len + 1) * sizeof(list));

	for (size_t i = 0; i < conf->policies_len; i++)
		policies[i] = conf->policies[i];
	for (size_t i = 0; i < conf->lists_len; i++)
		lists[i] = conf->lists[i];
	policies[conf->policies_len++] = policy;
	lists[conf->lists_len++] = list;
	conf->policies = policies;
	conf->lists = lists;
}

void conf_complete(struct loader *loader)
{
	struct conf *conf = loader->conf;
	char *url = conf->portal_url != NULL ? arena_copy_string(loader->arena, conf->portal_url)
					     : NULL;

	complete_checks(loader);
	complete_allow(loader);
	conf_complete_dnsbls(loader);
	conf_complete_feeds(loader);
	if (conf->nameservers_len == 0 && conf->hostname != NULL) {
		const char **names = arena_alloc(loader->arena, sizeof(*names));

		names[0] = conf->hostname;
		conf->nameservers = names;
		conf->nameservers_len = 1;
	}
	if (url == NULL)
		return;
	for (size_t len = strlen(url); len != 0 && url[len - 1] == '/'; len--)
		url[len - 1] = '\0';
	conf->portal_url = url;
}

/* ---- lists ---- */

static void check_sublist_policy(struct loader *loader, const struct conf_sublist *sublist)
{
	struct suggest meant;

	if (sublist->policy == NULL || conf_policy_find(loader->conf, sublist->policy) != NULL)
		return;
	meant = (struct suggest){.word = span_text(sublist->policy)};
	for (size_t i = 0; i < loader->conf->policies_len; i++)
		suggest_offer(&meant, span_text(loader->conf->policies[i].name));
	error_at(loader->diagnostics, sublist->location, "'%s' is not among the policies%s",
		sublist->policy, suggest_hint(&meant));
}

static void check_sublists(struct loader *loader, const struct conf_list *list)
{
	const struct ip none = {{0}};

	for (size_t i = 0; i < list->sublists_len; i++) {
		const struct conf_sublist *sublist = &list->sublists[i];

		if (label_is_of_address(sublist->name))
			error_at(loader->diagnostics, sublist->location,
				"'%s' cannot be the name of a sublist: below the zone, one letter or digits only are part of an address",
				sublist->name);
		check_sublist_policy(loader, sublist);
		if (sublist->text != NULL && !text_is_ascii(sublist->text))
			error_at(loader->diagnostics, sublist->location,
				"'text' may hold printable ASCII only");
		for (size_t k = 0; k < i; k++) {
			if (ip_equal(sublist->code, none) ||
				!ip_equal(list->sublists[k].code, sublist->code))
				continue;
			error_at(loader->diagnostics, sublist->location,
				"'%s' has the same code as '%s'", sublist->name,
				list->sublists[k].name);
		}
	}
}

static void check_lists(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i + 1 < conf->lists_len; i++) {
		const struct conf_list *list = &conf->lists[i];

		if (strcmp(list->name, "allow") == 0)
			error_at(loader->diagnostics, list->location,
				"the list 'allow' exists always and is not configured");
		check_sublists(loader, list);
	}
}

static bool policy_is_used(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->lists_len; i++) {
		for (size_t k = 0; k < conf->lists[i].sublists_len; k++) {
			const char *policy = conf->lists[i].sublists[k].policy;

			if (policy != NULL && strcmp(policy, name) == 0)
				return true;
		}
	}
	return false;
}

static void check_policies(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i + 1 < conf->policies_len; i++) {
		const struct conf_policy *policy = &conf->policies[i];

		if (strcmp(policy->name, "allow") == 0)
			error_at(loader->diagnostics, policy->location,
				"the policy 'allow' belongs to the list of that name and is not configured");
		else if (!policy_is_used(conf, policy->name))
			error_at(loader->diagnostics, policy->location,
				"no sublist uses the policy '%s'", policy->name);
	}
}

/* ---- the gate and what it asks ---- */

static bool is_public_resolver(struct ip ip)
{
	static const char *const known[] = {
		"1.1.1.1", "1.0.0.1", "2606:4700:4700::1111",
		"2606:4700:4700::1001", /* Cloudflare */
		"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844", /* Google */
		"9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9",            /* Quad9 */
		"208.67.222.222", "208.67.220.220",                                   /* OpenDNS */
	};

	for (size_t i = 0; i < COUNTOF(known); i++) {
		struct ip other;

		if (ip_parse(span_text(known[i]), &other) == 0 && ip_equal(ip, other))
			return true;
	}
	return false;
}

static void check_public_resolver(struct loader *loader)
{
	if (loader->conf->dnsbls_len != 0 && is_public_resolver(loader->conf->resolver.ip))
		warn_at(loader->diagnostics, location_find(loader, "run.resolver"),
			"this is a public resolver, and most blocklists refuse those; run one of your own, for example unbound");
}

static bool has_role(const struct conf *conf, const char *role)
{
	for (size_t i = 0; i < conf->roles_len; i++) {
		if (conf->roles[i] != NULL && strcmp(conf->roles[i], role) == 0)
			return true;
	}
	return false;
}

static bool is_given(const struct loader *loader, const char *path)
{
	return location_find(loader, path).line != 0;
}

static bool mailbox_is_own(const struct conf *conf, const char *mailbox)
{
	const char *at = strrchr(mailbox, '@');
	bool own = false;

	for (size_t i = 0; at != NULL && i < conf->own_domains_len; i++)
		own |= hostname_covers(conf->own_domains[i], span_text(at + 1));
	return own;
}

static bool endpoint_is_any(struct endpoint endpoint)
{
	const struct ip any = {{0}};

	return ip_equal(endpoint.ip, any) || ip_equal(endpoint.ip, ip_from_v4(0));
}

/* Whether who connects to `to` reaches who listens at `at`. Of a listener at all addresses only
 * this machine's own is known here. */
static bool endpoint_reaches(struct endpoint to, struct endpoint at)
{
	struct prefix loopback4 = {.ip = ip_from_v4(0x7f000000), .bits = IP_V4_BITS + 8};
	struct ip loopback6 = {{[15] = 1}};
	bool here =
		prefix_has(loopback4, to.ip) || ip_equal(to.ip, loopback6) || endpoint_is_any(to);

	return endpoint_equal(to, at) || (to.port == at.port && here && endpoint_is_any(at));
}

static bool any_reached(struct endpoint to, const struct endpoint *listen, size_t len)
{
	bool any = false;

	for (size_t i = 0; i < len; i++)
		any |= endpoint_reaches(to, listen[i]);
	return any;
}

/* Where a setting is given, or else the one that its default does not go with. */
static struct conf_location location_of_either(
	const struct loader *loader, const char *path, const char *other)
{
	return location_find(loader, is_given(loader, path) ? path : other);
}

/* A resolver that shares its port with a wildcard of ours may be right: the kernel gives packets to
 * the more specific socket where both share the port. */
static void check_resolver(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	struct conf_location location = location_of_either(loader, "run.resolver", "dns.listen");

	for (size_t i = 0; i < conf->dns_listen_len; i++) {
		if (endpoint_equal(conf->resolver, conf->dns_listen[i]))
			error_at(loader->diagnostics, location,
				"our own name server listens where 'run.resolver' is asked, and knows our zones only; name a recursive resolver");
		else if (endpoint_reaches(conf->resolver, conf->dns_listen[i]))
			warn_at(loader->diagnostics, location,
				"'dns.listen' takes port %d of all addresses, that of 'run.resolver' too; name the addresses that the world asks",
				conf->resolver.port);
	}
}

/* Ways that lead back to ourselves. */
static void check_circles(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	if (conf->backend.port != 0 &&
		any_reached(conf->backend, conf->gate_listen, conf->gate_listen_len))
		error_at(loader->diagnostics, location_find(loader, "gate.backend.address"),
			"the gate itself listens here ('gate.listen'): mail would come back to it for ever");
	if (conf->gate_listen_len != 0) /* nobody else asks the resolver */
		check_resolver(loader);
}

struct listen_place {
	const char *path;
	struct endpoint endpoint;
};

/* One address has one listener: the others would end the start. Those of dns share theirs, and a
 * wildcard of IPv6 leaves IPv4 to who names it. */
static void check_two_listeners(
	struct loader *loader, const struct listen_place *one, const struct listen_place *other)
{
	struct conf_location location = location_of_either(loader, one->path, other->path);
	struct endpoint a = one->endpoint, b = other->endpoint;

	if (endpoint_equal(a, b))
		error_at(loader->diagnostics, location, "'%s' and '%s' name the same address",
			other->path, one->path);
	else if (a.port == b.port && ip_is_v4(a.ip) == ip_is_v4(b.ip) &&
		 (endpoint_is_any(a) || endpoint_is_any(b)) &&
		 !(strcmp(one->path, "dns.listen") == 0 && strcmp(other->path, "dns.listen") == 0))
		error_at(loader->diagnostics, location,
			"'%s' and '%s' name port %d of all addresses and of one: keep one of them",
			other->path, one->path, a.port);
}

static void check_listeners(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	struct listen_place all[LISTENERS_MAX];
	size_t len = 0;

	for (size_t i = 0; i < conf->gate_listen_len && len < LISTENERS_MAX; i++)
		all[len++] = (struct listen_place){"gate.listen", conf->gate_listen[i]};
	for (size_t i = 0; i < conf->dns_listen_len && len < LISTENERS_MAX; i++)
		all[len++] = (struct listen_place){"dns.listen", conf->dns_listen[i]};
	if (conf->has_portal_listen && len < LISTENERS_MAX)
		all[len++] = (struct listen_place){"portal.listen", conf->portal_listen};
	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < i; k++)
			check_two_listeners(loader, &all[i], &all[k]);
	}
}

/* Whom senders that we refuse are told to write to. */
static void check_contact(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	if (conf->contact != NULL && conf->own_domains_len != 0 && conf->gate_listen_len != 0 &&
		!mailbox_is_own(conf, conf->contact))
		warn_at(loader->diagnostics, location_find(loader, "contact"),
			"this mailbox is not at one of 'own.domains': whoever we refuse reaches it only if another mail server takes his mail");
}

static void check_tls(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	if ((conf->tls_certificate != NULL) != (conf->tls_key != NULL))
		error_at(loader->diagnostics, conf->tls_location,
			"'certificate' and 'key' belong together: one of them is missing");
}

static void check_gate(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	struct conf_location listen = location_find(loader, "gate.listen");

	check_circles(loader);
	check_listeners(loader);
	check_contact(loader);
	check_tls(loader);
	if (conf->gate_listen_len == 0)
		return;
	if (!is_given(loader, "gate.backend.address"))
		error_at(loader->diagnostics, listen,
			"'gate.backend.address' is missing: the gate is not a queue and needs a mail server behind it");
	else if (!is_given(loader, "gate.backend.pass-client"))
		error_at(loader->diagnostics, conf->backend_location,
			"'pass-client' is missing: the mail server has to hear who the client is, or it takes everybody for us");
	if (!is_given(loader, "own.domains"))
		error_at(loader->diagnostics, listen,
			"'own.domains' is missing: the gate would take mail for nobody");
}

/* /0 for /24, and the whole world is one of us, or says who it is. All of IPv4, or all of IPv6 that
 * is in use (2000::/3). */
static bool is_everybody(struct prefix net)
{
	static const char *const worlds[] = {"0.0.0.0/0", "2000::/3"};
	struct prefix world;

	for (size_t i = 0; i < COUNTOF(worlds); i++) {
		if (prefix_parse(span_text(worlds[i]), &world, NULL) == 0 &&
			prefix_covers(net, world))
			return true;
	}
	return false;
}

/* Of one label it may be the site's own: ".lan". */
static bool domains_are_of_others(const char *domain)
{
	return domain[0] == '.' && strchr(domain + 1, '.') != NULL &&
	       public_suffix_is(span_text(domain + 1));
}

static void check_trust(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < conf->own_domains_len; i++) {
		if (domains_are_of_others(conf->own_domains[i]))
			warn_at(loader->diagnostics, location_find(loader, "own.domains"),
				"mail for domains of others is taken: '%s' is a public suffix, below which anybody registers",
				conf->own_domains[i]);
	}
	for (size_t i = 0; i < conf->own_networks_len; i++) {
		if (is_everybody(conf->own_networks[i]))
			warn_at(loader->diagnostics, location_find(loader, "own.networks"),
				"nobody is checked, and strangers may relay: %s is everybody",
				prefix_print(conf->own_networks[i], text));
	}
	for (size_t i = 0; i < conf->proxy_from_len; i++) {
		if (is_everybody(conf->proxy_from[i]))
			warn_at(loader->diagnostics, location_find(loader, "gate.proxy-from"),
				"any client may say that it is another, one of ours perhaps: %s is everybody",
				prefix_print(conf->proxy_from[i], text));
	}
}

/* A relay for one of ours is none. */
static void check_probe_clients(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i < conf->probe_clients_len; i++) {
		struct ip ip = conf->probe_clients[i];
		char text[IP_TEXT_SIZE];

		for (size_t k = 0; k < conf->own_networks_len; k++) {
			if (prefix_has(conf->own_networks[k], ip))
				error_at(loader->diagnostics, conf->probe_clients_location,
					"%s is in 'own.networks', and for those the mail server may relay",
					ip_print(ip, text));
		}
		if (i != 0 && ip_is_v4(ip) == ip_is_v4(conf->probe_clients[0]))
			error_at(loader->diagnostics, conf->probe_clients_location,
				"one address of each family at most");
	}
}

static void check_roles(struct loader *loader)
{
	const struct conf *conf = loader->conf;
	struct conf_location location = location_find(loader, "run.roles");

	if (location.line == 0)
		return; /* the default fits every placement */
	if (has_role(conf, "gate") && conf->gate_listen_len == 0)
		warn_at(loader->diagnostics, location,
			"the gate has nothing to do: 'gate.listen' is empty");
	if (has_role(conf, "dns") && conf->dns_listen_len == 0)
		warn_at(loader->diagnostics, location,
			"the role dns has nothing to do: 'dns.listen' is empty");
}

static void check_transfers(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i < conf->transfers_len; i++) {
		const struct conf_transfer *transfer = &conf->transfers[i];

		if (transfer->key != NULL && conf_key_find(conf, transfer->key) == NULL)
			error_at(loader->diagnostics, transfer->location,
				"the key '%s' is not among dns.keys", transfer->key);
		if (transfer->address.port == 0 && !endpoint_is_any(transfer->address))
			error_at(loader->diagnostics, transfer->location,
				"a transfer needs a port other than 0");
		for (size_t k = 0; k < i; k++) {
			if (ip_equal(transfer->address.ip, conf->transfers[k].address.ip) &&
				transfer->address.port == conf->transfers[k].address.port)
				error_at(loader->diagnostics, transfer->location,
					"this secondary is named twice");
		}
	}
}

void conf_check_all(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	check_lists(loader);
	conf_check_zones(loader);
	check_policies(loader);
	conf_check_dnsbls(loader);
	check_public_resolver(loader);
	check_transfers(loader);
	conf_check_feeds(loader);
	check_gate(loader);
	check_trust(loader);
	check_probe_clients(loader);
	check_roles(loader);
	/* 0: not a number, which was said */
	if (conf->score_reject_at != 0 && conf->score_tag_at > conf->score_reject_at)
		error_at(
			loader->diagnostics, conf->score_location, "'tag-at' is above 'reject-at'");
}
