/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/macro.h"
#include "conf/conf.h"

/* The least that is a configuration; what is wrong begins in line 4. */
#define LEAST                               \
	"hostname: mx.example.org\n"        \
	"contact: postmaster@example.org\n" \
	"portal-url: https://mail.example.org/why\n"
#define POLICY                                                               \
	"policies:\n"                                                        \
	"  p: {criterion: {version: 1, text: words}, lasts: until-review}\n" \
	"lists:\n"                                                           \
	"  main:\n"                                                          \
	"    zone: bl.example.org\n"

#define FEEDS                                                                               \
	"run: {roles: [keeper, courier]}\n"                                                 \
	"policies:\n"                                                                       \
	"  p: {criterion: {version: 1, text: words}, lasts: until-review}\n"                \
	"  f: {criterion: {version: 1, text: words}, takes: [feed], lasts: until-review}\n" \
	"lists:\n"                                                                          \
	"  main:\n"                                                                         \
	"    zone: bl.example.org\n"                                                        \
	"    sublists:\n"                                                                   \
	"      hand: {code: 127.0.0.8, policy: p}\n      theirs: {code: 127.0.0.2, policy: f}\n"
#define FROM "\"axfr://192.0.2.1/bl.example.net\""

#define GATE                               \
	"own:\n  domains: [example.org]\n" \
	"gate:\n"
#define GATE_TO_25                     \
	GATE "  listen: ['[::]:25']\n" \
	     "  backend: {address: '192.0.2.1:25', pass-client: xclient}\n"

struct bad {
	const char *text;  /* behind LEAST */
	const char *first; /* the first complaint, from the line number on */
	unsigned errors;
};

static const struct bad bads[] = {
	/* keys */
	{"hostnam: x\n", "4:1: error: unknown key 'hostnam'; did you mean 'hostname'?", 1},
	{"gate: {listn: []}\n",
		"4:8: error: unknown key 'listn' below 'gate'; did you mean 'listen'?", 1},
	{"frobnicate: 1\n", "4:1: error: unknown key 'frobnicate'\n", 1},
	{"mode: tag\nmode: tag\n", "5:1: error: 'mode' is given twice; first in line 4", 1},
	{"log: {level: info, level: info}\n",
		"4:20: error: 'level' is given twice; first in line 4", 1},
	{"<<: {mode: tag}\n", "4:1: error: unknown key '<<'", 1},

	/* shapes */
	{"gate: 5\n", "4:7: error: expected a section, like {key: value}", 1},
	{"mode: [tag]\n", "4:7: error: expected one word (observe, tag, enforce), found a list", 1},
	{"mode: {a: b}\n", "4:7: error: expected one word (observe, tag, enforce), found a section",
		1},
	{"mode:\n", "4:6: error: expected one word (observe, tag, enforce), found nothing", 1},
	{"dnsbl: {zone: a.b}\n", "4:8: error: expected a list of sections", 1},
	{"dnsbl: [words]\n", "4:9: error: expected a section, like {...}", 1},
	{"lists: [a]\n", "4:8: error: expected a section with names as keys", 1},
	{"own: {networks: {a: b}}\n", "4:17: error: expected: list of networks, like [a, b]", 1},
	{"own: {networks: [[10.0.0.0/8]]}\n", "4:18: error: expected a word", 1},

	/* transfers */
	{"dns: {transfer-to: [{address: '192.0.2.1:53', key: sec}]}\n",
		"4:21: error: the key 'sec' is not among dns.keys", 1},
	{"dns: {transfer-to: [{address: '192.0.2.1:53'}, {address: '192.0.2.1:53'}]}\n",
		"4:48: error: this secondary is named twice", 1},
	{"dns: {keys: {sec: {algorithm: hmac-md5, file: /etc/stockade/sec}}}\n",
		"4:31: error: 'hmac-md5' is not an algorithm (hmac-sha256, hmac-sha512)", 1},

	{"dns: {keys: {k: {file: /k}}, transfer-to: [{key: k}]}\n",
		"4:44: error: 'address' is missing", 1},

	/* ways that lead back */
	{GATE "  listen: ['192.0.2.1:25']\n  backend: {address: '192.0.2.1:25', pass-client: xclient}\n",
		"8:13: error: the gate itself listens here", 1},
	{GATE "  listen: ['[::]:25']\n  backend: {address: '127.0.0.1:25', pass-client: xclient}\n",
		"8:13: error: the gate itself listens here", 1},
	{GATE "  listen: ['[::]:25']\n  backend: {address: '127.0.0.1:2x', pass-client: xclient}\n",
		"8:23: error: '127.0.0.1:2x' has no valid port", 1},
	{GATE_TO_25 "run: {resolver: '127.0.0.1:53'}\ndns: {listen: ['127.0.0.1:53']}\n",
		"9:7: error: our own name server listens where 'run.resolver' is asked", 1},
	{GATE_TO_25 "dns: {listen: ['127.0.0.1:53']}\n",
		"9:7: error: our own name server listens where 'run.resolver' is asked", 1},
	{"dns: {listen: ['127.0.0.1:8460']}\n",
		"4:7: error: 'dns.listen' and 'portal.listen' name the same address", 1},
	{"dns: {listen: ['0.0.0.0:8460']}\n",
		"4:7: error: 'dns.listen' and 'portal.listen' name port 8460 of all addresses and of one: keep one of them\n",
		1},

	/* values */
	{"mode: off\n", "4:7: error: 'off' is not a mode (observe, tag, enforce)\n", 1},
	{"checks: {no-ptr: rejct}\n",
		"4:18: error: 'rejct' is not an action (off, tag, score, reject); did you mean 'reject'?",
		1},
	{"checks: {no-ptr: {action: rejct}}\n",
		"4:27: error: 'rejct' is not an action (off, tag, score, reject); did you mean 'reject'?",
		1},
	{"dns: {ttl: 5}\n",
		"4:12: error: '5' is not a duration (a number with s, m, h, d or y, like 5m)", 1},
	{"dns: {ttl: 5 m}\n",
		"4:12: error: '5 m' is not a duration (a number with s, m, h, d or y, like 5m)", 1},
	{"dns: {ttl: 2d}\n", "4:12: error: '2d' is outside 1s to 1d", 1},
	{"dns: {ttl: 99999999999999999999s}\n", "4:12: error: '99999999999999999999s' is too long",
		1},
	{"dns: {ttl: 1500ms}\n", "4:12: error: '1500ms' is not a whole number of seconds", 1},
	{"dns: {threads: 1.5}\n", "4:16: error: '1.5' is not a number", 1},
	{"dns: {threads: 0x10}\n", "4:16: error: '0x10' is not a number", 1},
	{"dns: {threads: -1}\n", "4:16: error: '-1' is outside 0 to 256", 1},
	{"gate: {message-size-limit: 1T}\n",
		"4:28: error: '1T' is not a size (a number, or one with K, M or G)", 1},
	{"gate: {message-size-limit: 1K}\n", "4:28: error: '1K' is outside 64K to 4G", 1},
	{"own: {networks: [10.0.0.1/8]}\n",
		"4:18: error: '10.0.0.1/8' has bits behind the prefix length; the network is 10.0.0.0/8",
		1},
	{"own: {networks: [10.0.0.0/33]}\n",
		"4:18: error: '10.0.0.0/33' has no valid prefix length", 1},
	{"own: {networks: [10.0.0.0/8, 10.0.0.0/8]}\n", "4:30: error: '10.0.0.0/8' is given twice",
		1},
	{"own: {domains: [example]}\n", "4:17: error: 'example' is not a full DNS name", 1},
	{"own: {domains: [\"*.example.org\"]}\n",
		"4:18: error: '*.example.org' is not a full DNS name", 1},
	{"own: {domains: [..example.org]}\n", "4:17: error: '.example.org' is not a full DNS name",
		1},
	{"own: {domains: [example.org.]}\n", "4:17: error: 'example.org.' is not a full DNS name",
		1},
	{"run: {resolver: 127.0.0.1}\n", "4:17: error: '127.0.0.1' has no port", 1},
	{"run: {folder: run}\n", "4:15: error: 'run' is not an absolute path", 1},
	{"run: {roles: []}\n", "4:14: error: there has to be at least one", 1},
	{"store: postgresql://db/stockade\n",
		"4:8: error: 'postgresql://db/stockade' is not a store (sqlite:/PATH)", 1},
	{"mode: \"ta\\x00g\"\n", "4:8: error: control characters are not used in this file", 1},

	/* checks and foreign lists */
	{"checks: {no-prt: off}\n", "4:10: error: unknown check 'no-prt'; did you mean 'no-ptr'?",
		1},
	{"checks: {no-ptr: {wait: 1s}}\n", "4:10: error: 'wait' belongs to the check 'early' only",
		1},
	{"checks: {score: {tag-at: 9}}\n", "4:10: error: 'tag-at' is above 'reject-at'", 1},
	{"checks: {score: {reject-at: 0}}\n", "4:29: error: '0' is outside 1 to 1000", 1},
	{"checks: {score: reject}\n", "4:17: error: expected a section, like {key: value}", 1},
	{"dnsbl:\n  - {zone: bl.example.net, name: Net}\n", "5:5: error: 'codes' is missing", 1},
	{"dnsbl: [{zone: bl.example.net, name: Net, codes: []}]\n",
		"4:50: error: there has to be at least one", 1},
	{"dnsbl: [{zone: bl.example.net, name: Net, codes: 10.0.0.2}]\n",
		"4:50: error: '10.0.0.2' is outside 127.0.0.0/8, where lists answer (RFC 5782 section 2.1)",
		1},
	{"dnsbl: [{zone: bl.example.net, name: Net, codes: 127.0.0.9-2}]\n",
		"4:50: error: '127.0.0.9-2' is not a code (like 127.0.0.2, 127.0.0.2-11, 127.0.*.1-3, 127.0.0.[4;7] or &0x02)",
		1},
	{"dnsbl: [{zone: bl.example.net, name: Net, codes: 127.*.*.2}]\n",
		"4:50: error: '127.*.*.2' includes 127.255.255.0/24", 1},
	{"dnsbl: [{preset: spamhaus}]\n", "4:9: error: no preset is called 'spamhaus'", 1},
	{"dnsbl: [{preset: spamhaus-zem}]\n",
		"no preset is called 'spamhaus-zem'; did you mean 'spamhaus-zen'?", 1},
	{"dnsbl: [{preset: spamhaus-zen-dqs}]\n",
		"4:9: error: 'key' is missing: this list knows its users by it", 1},
	{"dnsbl: [{preset: spamcop, key: aa}]\n",
		"4:9: error: 'key' is for a zone that begins with KEY", 1},
	{"dnsbl: [{preset: spamhaus-zen-dqs, key: a.b}]\n", "4:9: error: 'key' is no label", 1},
	{"dnsbl: [{zone: secret0secret_secret., name: N, codes: 127.0.0.2}]\n",
		"4:16: error: this is not a full DNS name", 1},
	{"dnsbl: [{zone: bl.example.net, name: Net, codes: 127.0.0.2*500}]\n",
		"4:50: error: '127.0.0.2*500' has no weight from -100 to 100 behind its last '*'",
		1},

	/* feeds */
	{FEEDS "feeds: [{name: f, from: \"http://192.0.2.1/bl.example.net\", into: main}]\n",
		"14:9: error: 'http://192.0.2.1/bl.example.net' is not where a zone comes from", 1},
	{FEEDS "feeds: [{name: f, from: \"axfr://192.0.2.1\", into: main}]\n",
		"14:9: error: 'axfr://192.0.2.1' is not where a zone comes from", 1},
	{FEEDS "feeds: [{name: f, from: \"axfr://bl.example.net/bl.example.net\", into: main}]\n",
		"14:9: error: 'axfr://bl.example.net/bl.example.net' is not where a zone comes from",
		1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: man}]\n",
		"14:9: error: 'into': there is no list 'man'", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: allow}]\n",
		"14:9: error: no sublist of 'allow' has a policy that takes feeds", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main, codes: {127.0.0.2: hand}}]\n",
		"14:80: error: the policy of 'hand' does not take feeds", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main, codes: {127.0.0.2: them}}]\n",
		"14:80: error: the list 'main' has no sublist 'them'", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main, codes: {10.0.0.2: theirs}}]\n",
		"14:80: error: '10.0.0.2' is outside 127.0.0.0/8", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main, largest-change: 30}]\n",
		"14:88: error: '30' is not a percentage (like 30%)", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main, largest-change: 0%}]\n",
		"14:88: error: '0%' is outside 1% to 100%", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main}, {name: f, from: " FROM
	       ", into: main}]\n",
		"14:73: error: there is a feed 'f' already", 1},
	{FEEDS "feeds: [{name: f, from: " FROM ", into: main}, {name: g, from: " FROM
	       ", into: main}]\n",
		"14:73: error: the feed 'f' fills one of its sublists already", 1},
	{FEEDS "feeds: [{name: f, into: main}]\n", "14:9: error: 'from' is missing", 1},
	{"policies: {q: {criterion: {version: 1, text: w}, takes: [operator, feed], lasts: until-review}}\n"
	 "lists: {main: {zone: bl.example.org, sublists: {hand: {code: 127.0.0.2, policy: q}}}}\n",
		"4:12: error: a policy that takes feed takes nothing else", 1},
	{"policies: {q: {criterion: {version: 1, text: w}, takes: [feed], lasts: 24h}}\n"
	 "lists: {main: {zone: bl.example.org, sublists: {hand: {code: 127.0.0.2, policy: q}}}}\n",
		"4:12: error: a policy that takes feed needs 'lasts: until-review'", 1},

	/* lists and policies */
	{POLICY "    sublists: {a: {code: 127.0.0.2, policy: p}}\n",
		"9:16: error: 'a' cannot be the name of a sublist", 1},
	{POLICY "    sublists: {42: {code: 127.0.0.2, policy: p}}\n",
		"9:16: error: '42' cannot be the name of a sublist", 1},
	{POLICY "    sublists: {Big: {code: 127.0.0.2, policy: p}}\n",
		"9:16: error: 'Big' is not a name (a-z, 0-9 and '-', at most 32)", 2},
	{POLICY "    sublists: {hand: {code: 127.0.0.1, policy: p}}\n",
		"9:29: error: 127.0.0.1 cannot be a code", 1},
	{POLICY "    sublists: {hand: {code: 192.0.2.1, policy: p}}\n",
		"9:29: error: '192.0.2.1' is not a code: an address in 127.0.0.0/8, like 127.0.0.2",
		1},
	{POLICY "    sublists: {hand: {code: 127.255.255.2, policy: p}}\n",
		"9:29: error: '127.255.255.2' cannot be a code", 1},
	{POLICY "    sublists: {one: {code: 127.0.0.2, policy: p}, two: {code: 127.0.0.2, policy: p}}\n",
		"9:51: error: 'two' has the same code as 'one'", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: q}}\n",
		"5:3: error: no sublist uses the policy 'p'", 2},
	{POLICY "    sublists: {}\n", "5:3: error: no sublist uses the policy 'p'", 2},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n  other: {zone: BL.example.org, "
		"sublists: {hand: {code: 127.0.0.2, policy: p}}}\n",
		"10:3: error: the zone 'bl.example.org' is served for the list 'main' already", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n  other: {zone: hand.bl.example.org, "
		"sublists: {hand: {code: 127.0.0.2, policy: p}}}\n",
		"10:3: error: the zone 'hand.bl.example.org' is served for the list 'main' already",
		1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {x.example.org: {lists: [mian]}}\n",
		"10:25: error: 'mian' is not among the lists; did you mean 'main'?", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {x.example.org: {lists: [allow]}}\n",
		"10:25: error: the list 'allow' is never published", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {x: {lists: [main]}}\n",
		"10:9: error: 'x' is not a full DNS name", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {x.example.org: {}}\n",
		"10:9: error: 'lists' is missing", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {BL.example.org: {lists: [main]}}\n",
		"10:9: error: the zone 'bl.example.org' is served for the list 'main' already", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {x.example.org: {lists: [main]}, hand.main.x.example.org: {lists: [main]}}\n",
		"10:41: error: the zone 'hand.main.x.example.org' is served for the zone 'x.example.org' already",
		1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n  o: {zone: o.example.org, sublists: {a-b: {code: 127.0.0.3, policy: p}}}\nzones: {x.example.org: {lists: [main, o]}}\n",
		"11:9: error: the list 'o' cannot be part of a zone", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n  other: {zone: o.example.org, sublists: {too: {code: 127.0.0.2, policy: p}}}\nzones: {x.example.org: {lists: [main, other]}}\n",
		"11:9: error: 'hand' of the list 'main' and 'too' of 'other' have the same code 127.0.0.2",
		1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n  other: {zone: o.example.org, holds: domains, sublists: {too: {code: 127.0.1.2, policy: p}}}\nzones: {x.example.org: {lists: [main, other]}}\n",
		"11:9: error: a zone combines lists of addresses or lists of domains, not both", 1},
	{POLICY "    answers: bitmask\n    sublists: {hand: {code: 127.0.0.2, policy: p}, two: {code: 127.0.0.6, policy: p}}\n",
		"10:52: error: the code 127.0.0.6 of 'two' is not a single bit", 1},
	{POLICY "    answers: bitmask\n    sublists: {hand: {code: 127.0.0.2, policy: p}, two: {code: 127.0.1.4, policy: p}}\n",
		"10:52: error: the code 127.0.1.4 of 'two' is not in the /24 of that of 'hand'", 1},
	{POLICY "    answers: bitmask\n    sublists: {hand: {code: 127.0.0.2, policy: p}, two: {code: 10.0.0.4, policy: p}}\n",
		"10:64: error: '10.0.0.4' is not a code", 1},
	{POLICY "    sublists: {hand: {policy: p}}\n  other: {zone: o.example.org, sublists: {too: {policy: p}}}\nzones: {x.example.org: {lists: [main, other]}}\n",
		"9:16: error: 'code' is missing", 2},
	{POLICY "    keys: /etc/keys\n    sublists: {hand: {code: 127.0.0.2, policy: p}}\nzones: {x.example.org: {lists: [main]}}\n",
		"11:9: error: not everybody may ask the list 'main': say who may ask 'x.example.org'",
		1},
	{POLICY "    answers: mask\n    sublists: {hand: {code: 127.0.0.2, policy: p}}\n",
		"9:14: error: 'mask' is not a way to answer (codes, bitmask)", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p, template: '${ip}'}}\n",
		"9:16: error: '${ip}' stands for nothing here", 1},
	{"dns: {template: '${url'}\n", "4:7: error: '${url}' stands for nothing here", 1},
	{POLICY "    nameservers: [ns1.bl.example.org]\n    sublists: {hand: {code: 127.0.0.2, policy: p}}\n",
		"7:3: error: the name server 'ns1.bl.example.org' of 'bl.example.org' lies in a zone of ours and has no address",
		1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\ndns: {addresses: {ns1.example.net: 192.0.2.1}}\n",
		"10:19: error: 'ns1.example.net' is not below one of our zones", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\ndns: {addresses: {hand.bl.example.org: 192.0.2.1}}\n",
		"10:19: error: 'hand.bl.example.org' cannot be a host", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\ndns: {addresses: {10.bl.example.org: 192.0.2.1}}\n",
		"10:19: error: '10.bl.example.org' cannot be a host", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\ndns: {addresses: {ns.bl.example.org: [192.0.2.0/24]}}\n",
		"10:39: error: '192.0.2.0/24' is not an address", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n  allow: {zone: al.example.org, "
		"sublists: {hand: {code: 127.0.0.2, policy: p}}}\n",
		"10:3: error: the list 'allow' exists always and is not configured", 1},
	{POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n    never: [specialuse]\n",
		"10:13: error: 'specialuse' is not something a list can exclude (special-use, own); did you mean "
		"'special-use'?",
		1},
	{"policies: {p: {criterion: {version: 1}, lasts: 1h}}\n", "4:12: error: no sublist uses",
		2},

	/* the gate */
	{"own: {domains: [a.example]}\ngate: {listen: [\"127.0.0.1:25\"]}\n",
		"5:8: error: 'gate.backend.address' is missing", 1},
	{"own: {domains: [a.example]}\ngate: {listen: [\"127.0.0.1:25\"], backend: {address: \"127.0.0.1:26\"}}\n",
		"5:34: error: 'pass-client' is missing", 1},
	{"gate: {probe-client: 127.0.0.2}\n",
		"4:8: error: 127.0.0.2 is in 'own.networks', and for those", 1},
	{"gate: {probe-client: [192.0.2.1, 192.0.2.2]}\n",
		"4:8: error: one address of each family at most", 1},
	{"gate: {listen: [\"127.0.0.1:25\"], backend: {address: \"127.0.0.1:26\", pass-client: xclient}}\n",
		"4:8: error: 'own.domains' is missing", 1},

	/* YAML itself */
	{"gate: {listen: [", "", 1},
	{"mode: \"tag\n", "", 1},
	{"\tmode: tag\n", "4:1: error: a tab in the indentation; YAML needs spaces here", 1},
	{"mode: t\001ag\n", "4:8: error: byte 0x01 is not text", 1},
	{"mode: \xff\xfe\n", "4:7: error: byte 0xff is not text", 1},
	{"mode: *anchor\n", "4:8: error: aliases are not used in this file; write the value out",
		1},
	{"mode: &anchor tag\n",
		"error: anchors and tags are not used in this file; write the value out", 1},
	{"mode: !!str tag\n",
		"error: anchors and tags are not used in this file; write the value out", 1},
	{"---\nmode: tag\n", "4:1: error: a second document begins here; there is one to a file",
		1},
	{"? [a, b]\n: c\n", "4:3: error: a key has to be a word", 1},
	{"x: [[[[[[[[[[[[[[1]]]]]]]]]]]]]]\n", "error: nested too deeply", 1},
};

static char printed[16384];

static int load(const char *text, size_t len, unsigned *ret_errors)
{
	struct conf *conf = NULL;
	struct conf_report report;
	struct buf out;
	int r = conf_load_text(
		&(struct conf_source){"test.yaml", span_of(text, len)}, 1000, &conf, &report);

	assert_true((r < 0) == (conf == NULL)); /* untouched on failure */
	assert_true((r < 0) == (report.errors_len != 0));
	buf_init(&out, 0);
	conf_report_print(&report, "test.yaml", &out);
	snprintf(printed, sizeof(printed), "%s", buf_cstr(&out));
	buf_done(&out);
	*ret_errors = (unsigned)report.errors_len;
	conf_report_done(&report);
	conf_free(&conf);
	return r;
}

static void each_mistake_is_named_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(bads); i++) {
		char text[4096];
		unsigned errors = 0;

		snprintf(text, sizeof(text), LEAST "%s", bads[i].text);
		if (load(text, strlen(text), &errors) >= 0)
			fail_msg("taken: %s", bads[i].text);
		if (strstr(printed, bads[i].first) == NULL || errors != bads[i].errors)
			fail_msg("for: %s\nexpected %u: %s\ngot:\n%s", bads[i].text, bads[i].errors,
				bads[i].first, printed);
	}
}

/* Cut anywhere, a file is an error with a line, or one that is whole up to there; never a crash.
 * Cut inside braces it is always an error. */
static void a_truncated_file_is_an_error(void **state)
{
	static const char text[] =
		LEAST POLICY "    sublists: {hand: {code: 127.0.0.2, policy: p}}\n";
	unsigned errors = 0;
	int open = 0;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1, &errors), 0);
	for (size_t cut = 0; cut < sizeof(text) - 2; cut++) {
		int r = load(text, cut, &errors);

		if (open > 0 && (r >= 0 || strncmp(printed, "test.yaml:", 10) != 0))
			fail_msg("cut at %zu: %s", cut, printed);
		open += (text[cut] == '{') - (text[cut] == '}');
	}
	assert_int_equal(load(text, sizeof(LEAST) - 20, &errors), 0);
	assert_int_equal(load(text, 30, &errors), E_CONFIG);
}

static void all_errors_come_at_once_in_order(void **state)
{
	static const char text[] =
		"contact: nobody\nportal-url: ftp://x\nmode: of\nlog: {level: loud}\n";
	unsigned errors = 0;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1, &errors), E_CONFIG);
	assert_string_equal(printed,
		"test.yaml: error: 'hostname' is missing\n"
		"test.yaml:1:10: error: 'nobody' is not a mailbox (name@example.org)\n"
		"contact: nobody\n"
		"         ^~~~~~\n"
		"test.yaml:2:13: error: 'ftp://x' is not a URL that begins with https:// or http://\n"
		"portal-url: ftp://x\n"
		"            ^~~~~~~\n"
		"test.yaml:3:7: error: 'of' is not a mode (observe, tag, enforce)\n"
		"mode: of\n"
		"      ^~\n"
		"test.yaml:4:14: error: 'loud' is not a log level (error, warning, notice, info, debug)\n"
		"log: {level: loud}\n"
		"             ^~~~\n"
		"test.yaml: 5 errors; nothing changed\n");
}

/* The caret stands below the character, however wide those before it are. */
static void the_caret_counts_characters(void **state)
{
	static const char text[] = LEAST "gate: {\"\xc3\xbc\xe2\x82\xac\": 1, listn: []}\n";
	unsigned errors = 0;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1, &errors), E_CONFIG);
	assert_non_null(strstr(printed, "4:17: error: unknown key 'listn'"));
	assert_non_null(strstr(printed, "\n                ^~~~~\n"));
}

static void a_public_resolver_is_only_warned_about(void **state)
{
	static const char text[] =
		LEAST "run: {resolver: \"9.9.9.9:53\"}\n"
		      "dnsbl: [{zone: bl.example.net, name: Net, codes: 127.0.0.2}]\n";
	unsigned errors = 7;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1, &errors), 0);
	assert_int_equal(errors, 0);
	assert_non_null(strstr(printed, "test.yaml:4:7: warning: this is a public resolver"));
	assert_non_null(strstr(printed, "test.yaml: 1 warning\n"));
}

/* A gate asks 127.0.0.1:53, and dns takes all of port 53. Without a gate nobody asks. */
static void a_resolver_beside_a_wildcard_is_warned_about(void **state)
{
	static const char alone[] = LEAST "dns: {listen: ['[::]:53']}\n";
	static const char text[] = LEAST GATE_TO_25 "dns: {listen: ['[::]:53']}\n";
	unsigned errors = 7;

	(void)state;
	assert_int_equal(load(alone, sizeof(alone) - 1, &errors), 0);
	assert_string_equal(printed, "");
	assert_int_equal(load(text, sizeof(text) - 1, &errors), 0);
	assert_non_null(strstr(
		printed, "test.yaml:9:7: warning: 'dns.listen' takes port 53 of all addresses"));
}

static void lists_that_ended_are_warned_of(void **state)
{
	static const char text[] =
		LEAST "dnsbl:\n"
		      "  - {zone: spam.dnsbl.sorbs.net, name: S, codes: 127.0.0.6}\n"
		      "  - {zone: notsorbs.net, name: N, codes: 127.0.0.6}\n"
		      "  - {zone: dnsbl.ahbl.org, name: A, codes: 127.0.0.6, action: off}\n";
	unsigned errors = 7;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1, &errors), 0);
	assert_non_null(strstr(printed,
		"test.yaml:5:5: warning: the list 'sorbs.net' ended on 2024-06-05, and it was emptied"));
	assert_non_null(strstr(printed, "test.yaml: 1 warning\n"));
}

/* A report goes into a mail to the administrator, or into a ticket. */
static void the_key_of_a_zone_is_not_quoted(void **state)
{
	static const char text[] =
		LEAST "dnsbl: [{zone: abcdefghij0123456789.bl.example.net, name: Net, codes: 1}]\n";
	unsigned errors = 0;

	(void)state;
	assert_int_equal(load(text, sizeof(text) - 1, &errors), E_CONFIG);
	assert_null(strstr(printed, "0123456789"));
	assert_non_null(strstr(printed, "{zone: ********************.bl.example.net"));
}

static void who_trusts_everybody_is_warned(void **state)
{
	static const struct {
		const char *text, *warning;
	} rows[] = {
		{LEAST "own: {networks: [10.0.0.0/8, 0.0.0.0/0]}\n",
			"4:7: warning: nobody is checked, and strangers may relay: 0.0.0.0/0 is everybody"},
		{LEAST "own: {networks: [\"::/0\"]}\n", "4:7: warning: nobody is checked"},
		{LEAST "own: {domains: [postmaster.test, .co.uk]}\n",
			"4:7: warning: mail for domains of others"},
		{LEAST "gate: {proxy-from: [\"fc00::/7\", \"2000::/3\"]}\n",
			"4:8: warning: any client may say that it is another"},
		{LEAST "own: {networks: [10.0.0.0/8, \"fc00::/7\"]}\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		unsigned errors = 7;

		assert_int_equal(load(rows[i].text, strlen(rows[i].text), &errors), 0);
		assert_int_equal(errors, 0);
		if (rows[i].warning != NULL)
			assert_non_null(strstr(printed, rows[i].warning));
		else
			assert_null(strstr(printed, "warning"));
	}
}

static void an_overlong_portal_url_is_refused(void **state)
{
	char text[512], url[128];
	unsigned errors = 0;

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://x.example/", 18);
	for (size_t len = 100; len <= 101; len++) {
		snprintf(text, sizeof(text),
			"hostname: mx.example.org\ncontact: a@example.org\nportal-url: %.*s\n",
			(int)len, url);
		assert_int_equal(load(text, strlen(text), &errors), len == 100 ? 0 : E_CONFIG);
	}
	assert_non_null(
		strstr(printed, "3:13: error: 101 characters are too many; at most 100 fit"));
}

static void many_errors_are_counted_and_bounded(void **state)
{
	char text[16384] = LEAST;
	unsigned errors = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "k%d: 1\n", i);
	assert_int_equal(load(text, strlen(text), &errors), E_CONFIG);
	assert_int_equal(errors, 500);
	assert_non_null(strstr(printed, "test.yaml: 500 errors; nothing changed\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_named_at_its_place),
		cmocka_unit_test(a_truncated_file_is_an_error),
		cmocka_unit_test(all_errors_come_at_once_in_order),
		cmocka_unit_test(the_caret_counts_characters),
		cmocka_unit_test(a_public_resolver_is_only_warned_about),
		cmocka_unit_test(a_resolver_beside_a_wildcard_is_warned_about),
		cmocka_unit_test(lists_that_ended_are_warned_of),
		cmocka_unit_test(the_key_of_a_zone_is_not_quoted),
		cmocka_unit_test(who_trusts_everybody_is_warned),
		cmocka_unit_test(an_overlong_portal_url_is_refused),
		cmocka_unit_test(many_errors_are_counted_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
