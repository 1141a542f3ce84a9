/* SPDX-License-Identifier: ISC */
#include "portal/portal.h"

#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/utf8.h"
#include "http/server.h"
#include "list/incident.h"
#include "list/view.h"
#include "portal/api.h"
#include "portal/lookup.h"
#include "portal/model.h"
#include "portal/page.h"

/*
 * A request for a page that needs the keeper becomes an inquiry, which lives until the keeper has
 * answered:
 *
 *   /why/<source>, /api/v1/ip/...                        ask source -> view, model -> answer
 *   /why/<number>, /api/v1/incident/...  ask incident -> ask source -> view, model -> answer
 *
 * Configuration and view may change while the keeper thinks: both are looked at when its last
 * answer is there.
 */
/* For people, or for programs. */
enum format { AS_PAGE, AS_JSON };

enum { PAGE_MAX = 1 << 20, STOP_MS = 5000, AWAY_RETRY_S = 30 };

struct portal {
	uint32_t magic;
	struct loop *loop;
	const struct conf *conf;
	struct shelf *shelf;
	struct shelf_item *held;
	struct view *empty;
	struct page_set *pages;
	struct rate *rate;
	struct http_server *server;
	struct inquiry *inquiries;
	void (*ask)(void *ask_arg, const struct bus_query *query, bus_answer_call *call, void *arg);
	void *ask_arg;
};

struct inquiry {
	uint32_t magic;
	struct portal *portal;
	struct inquiry *next, *prev;
	struct http_call *call;
	enum format format;
	struct source source;
	struct model_incident *incident; /* of a look-up by number, once it is known */
};

struct rate_settings portal_rate_default(void)
{
	return (struct rate_settings){.burst = 120, .per_minute = 60};
}

/* ---- answers ---- */

static const struct view *portal_view(struct portal *portal)
{
	const struct view *view;

	shelf_refresh(portal->shelf, &portal->held);
	view = shelf_object(portal->held);
	return view != NULL ? view : portal->empty;
}

static struct page_context portal_context(struct portal *portal, struct arena *arena)
{
	return (struct page_context){.set = portal->pages,
		.arena = arena,
		.conf = portal->conf,
		.now_s = loop_now_s(portal->loop)};
}

static const char html_type[] = "text/html; charset=utf-8";
static const char json_type[] = "application/json";
static const char problem_type[] = "application/problem+json";

/* Sends what is in body, and empties it. A page that could not be made is our fault and says so. */
static void reply_body(
	struct http_call *call, int result, struct http_reply *reply, struct buf *body)
{
	if (result < 0 || body->bad)
		*reply = (struct http_reply){.status = 500,
			.type = "text/plain; charset=utf-8",
			.body = span_text("Our fault: this page could not be made.\n")};
	else
		reply->body = buf_span(body);
	http_reply(call, reply);
	buf_done(body);
}

static void reply_json(struct http_call *call, struct buf *body)
{
	struct http_reply reply = {.status = 200, .type = json_type, .cache = HTTP_REVALIDATE};

	reply_body(call, 0, &reply, body);
}

static void reply_trouble(
	struct portal *portal, struct http_call *call, enum format format, struct trouble trouble)
{
	struct page_context context = portal_context(portal, http_call_arena(call));
	struct http_reply reply = {.status = trouble.status,
		.type = format == AS_JSON ? problem_type : html_type,
		.retry_after_s = trouble.retry_after_s,
		.allow = trouble.allow,
		.noindex = true};
	struct buf body;
	int r = 0;

	trouble.path = http_call_request(call)->path;
	buf_init(&body, PAGE_MAX);
	if (format == AS_JSON)
		api_print_problem(portal->conf, &trouble, &body);
	else
		r = page_print_error(&context, &trouble, &body);
	reply_body(call, r, &reply, &body);
}

static const struct trouble not_found = {.status = 404,
	.type = "unknown",
	.title = "There is no such page",
	.advice =
		"Perhaps the link was cut short. Enter the number or address from the error message:",
	.detail = "There is nothing at this address.",
	.ask = true};

static const struct trouble incident_unknown = {.status = 404,
	.type = "unknown",
	.title = "This number is not known here",
	.advice =
		"It is well formed, but no incident has it: it may come from another mail server, or be older than we keep records. Look up the address instead, or compare the number with the message:",
	.detail =
		"No incident has this number: it may come from another mail server, or be older than records are kept.",
	.ask = true};

static const struct trouble incident_gone = {.status = 410,
	.type = "gone",
	.title = "This number is too old",
	.advice =
		"Its record is no longer kept. Whether the address is listed today can still be looked up:",
	.detail =
		"The number says that it was given out so long ago that its record is no longer kept.",
	.ask = true};

static const struct trouble keeper_away = {.status = 503,
	.type = "unavailable",
	.title = "Details are not available just now",
	.advice =
		"Our records cannot be read for the moment. That is our fault and does not change anything about your mail.",
	.retry_after_s = AWAY_RETRY_S};

static const struct trouble no_list = {.status = 503,
	.type = "unavailable",
	.title = "Our lists are not here yet",
	.advice =
		"No list has been received from the keeper yet, so nobody can say here who is listed. That is our fault. Please try again in a few seconds.",
	.retry_after_s = AWAY_RETRY_S};

static const struct trouble method_wrong = {.status = 405,
	.type = "invalid",
	.title = "Pages here can only be read",
	.advice = "This address takes no forms and no changes.",
	.allow = "GET, HEAD"};

/* ---- inquiries ---- */

static void inquiry_free(struct inquiry *inquiry)
{
	if (inquiry->prev != NULL)
		inquiry->prev->next = inquiry->next;
	else
		inquiry->portal->inquiries = inquiry->next;
	if (inquiry->next != NULL)
		inquiry->next->prev = inquiry->prev;
	inquiry->magic = 0;
	mem_free(inquiry);
}

static struct inquiry *inquiry_new(
	struct portal *portal, struct http_call *call, enum format format)
{
	struct inquiry *inquiry = mem_new(inquiry);

	inquiry->magic = (uint32_t)MAGIC_inquiry;
	inquiry->portal = portal;
	inquiry->call = call;
	inquiry->format = format;
	inquiry->next = portal->inquiries;
	if (inquiry->next != NULL)
		inquiry->next->prev = inquiry;
	portal->inquiries = inquiry;
	return inquiry;
}

static void inquiry_reply_trouble(struct inquiry *inquiry, struct trouble trouble)
{
	reply_trouble(inquiry->portal, inquiry->call, inquiry->format, trouble);
	inquiry_free(inquiry);
}

/* source: what holds now; NULL for an incident that is about none. */
static void inquiry_reply(struct inquiry *inquiry, const struct model_source *source)
{
	struct portal *portal = inquiry->portal;
	struct page_context context = portal_context(portal, http_call_arena(inquiry->call));
	struct http_reply html = {.status = 200, .type = html_type, .noindex = true};
	struct model_incident *incident = inquiry->incident;
	struct buf body;
	int r = 0;

	buf_init(&body, PAGE_MAX);
	if (incident != NULL)
		incident->source = source;
	if (inquiry->format == AS_JSON && incident != NULL)
		api_incident(portal->conf, incident, &body);
	else if (inquiry->format == AS_JSON)
		api_source(portal->conf, source, &body);
	else if (incident != NULL)
		r = page_incident(&context, incident, &body);
	else
		r = page_source(&context, source, &body);
	if (inquiry->format == AS_JSON)
		reply_json(inquiry->call, &body);
	else
		reply_body(inquiry->call, r, &html, &body);
	inquiry_free(inquiry);
}

/* The last answer: about the source. Without it the page is of the view alone and says so; without
 * a view there is nothing to be said of the source, which is not "not listed". */
static void inquiry_on_source(int error, const struct bus_answer *answer, void *arg)
{
	struct inquiry *inquiry = OBJ(inquiry, arg);
	struct portal *portal = inquiry->portal;
	struct arena *arena = http_call_arena(inquiry->call);
	struct model_source *model;

	if (!view_is_known(portal_view(portal))) {
		if (inquiry->incident != NULL)
			inquiry_reply(inquiry, NULL);
		else
			inquiry_reply_trouble(inquiry, no_list);
		return;
	}
	model = model_source_new(arena, portal->conf, portal_view(portal), &inquiry->source);
	if (error >= 0 && answer != NULL && answer->error >= 0)
		model_source_fill(model, arena, portal->conf, answer);
	inquiry_reply(inquiry, model);
}

static void inquiry_ask_source(struct inquiry *inquiry, const struct source *source)
{
	struct portal *portal = inquiry->portal;
	struct bus_query query = {.what = BUS_QUERY_SOURCE, .source = &inquiry->source};

	inquiry->source = *source;
	portal->ask(portal->ask_arg, &query, inquiry_on_source, inquiry);
}

static void inquiry_on_incident(int error, const struct bus_answer *answer, void *arg)
{
	struct inquiry *inquiry = OBJ(inquiry, arg);
	int r = error;

	if (r >= 0)
		r = answer == NULL ? E_AWAY : answer->error;
	if (r >= 0)
		r = model_incident_new(http_call_arena(inquiry->call), answer, &inquiry->incident);
	if (r == E_GONE)
		inquiry_reply_trouble(inquiry, incident_gone);
	else if (r == E_ABSENT)
		inquiry_reply_trouble(inquiry, incident_unknown);
	else if (r < 0)
		inquiry_reply_trouble(inquiry, keeper_away);
	else if (inquiry->incident->has_about)
		inquiry_ask_source(inquiry, &inquiry->incident->about);
	else
		inquiry_reply(inquiry, NULL);
}

static void inquiry_start(struct portal *portal, struct http_call *call,
	const struct lookup *lookup, enum format format)
{
	struct inquiry *inquiry = inquiry_new(portal, call, format);
	struct bus_query query = {.what = BUS_QUERY_INCIDENT, .incident = lookup->incident};

	if (lookup->kind == LOOKUP_SOURCE)
		inquiry_ask_source(inquiry, &lookup->source);
	else
		portal->ask(portal->ask_arg, &query, inquiry_on_incident, inquiry);
}

/* ---- routes ---- */

/* One row: an exact path, or a path that ends in a slash and goes on, and what is served there. */
struct route {
	const char *path;
	bool counted; /* against the client's rate */
	enum format format;
	/* rest: what stands behind the path. */
	void (*serve)(struct portal *portal, struct http_call *call, struct span rest);
	int (*page)(const struct page_context *context, struct buf *out); /* or this page */
	const char *file, *type; /* or this one, which is part of the program */
};

static void serve_page(struct portal *portal, struct http_call *call,
	int (*print)(const struct page_context *context, struct buf *out))
{
	struct page_context context = portal_context(portal, http_call_arena(call));
	struct http_reply reply = {.status = 200, .type = html_type, .cache = HTTP_REVALIDATE};
	struct buf body;
	int r;

	buf_init(&body, PAGE_MAX);
	r = print(&context, &body);
	reply_body(call, r, &reply, &body);
}

/* What was typed cannot be looked up. */
static struct trouble typed_wrong(int error, struct span typed)
{
	bool number = error == E_CHECKSUM || error == E_TRUNCATED;

	return (struct trouble){.status = 400,
		.type = number ? "bad-number" : "bad-address",
		.title = number ? "Please check the number" : "What are you looking for?",
		.advice =
			"We could not look this up. Compare it with the error message and try again:",
		.ask = true,
		.typed = utf8_cut(typed, 300),
		.wrong = lookup_advice(error)};
}

/* The form: to the one address of what was typed, which can be kept and passed on. */
static void serve_lookup(struct portal *portal, struct http_call *call, struct span rest)
{
	struct arena *arena = http_call_arena(call);
	struct span typed = {NULL, 0};
	struct lookup lookup;
	struct buf value;
	int r;

	(void)rest;
	buf_init(&value, 0);
	r = http_query_get(http_call_request(call)->query, "q", &value);
	if (r >= 0)
		typed = arena_copy(arena, buf_span(&value));
	buf_done(&value);
	if (r >= 0)
		r = lookup_parse(typed, &lookup);
	if (r < 0) {
		reply_trouble(portal, call, AS_PAGE, typed_wrong(r, typed));
	} else {
		const char *path = page_path(arena, span_text(lookup_print(&lookup, arena)));
		struct http_reply reply = {
			.status = 303, .location = span_text(arena_format(arena, "/why/%s", path))};

		http_reply(call, &reply);
	}
}

static void serve_why(struct portal *portal, struct http_call *call, struct span rest)
{
	struct lookup lookup;
	int r = lookup_parse(rest, &lookup);

	if (r < 0)
		reply_trouble(portal, call, AS_PAGE, typed_wrong(r, rest));
	else
		inquiry_start(portal, call, &lookup, AS_PAGE);
}

static void serve_api_incident(struct portal *portal, struct http_call *call, struct span rest)
{
	struct lookup lookup = {.kind = LOOKUP_INCIDENT};
	int r = incident_number_parse(rest, &lookup.incident);

	if (r < 0)
		reply_trouble(portal, call, AS_JSON,
			typed_wrong(r == E_CHECKSUM ? r : E_TRUNCATED, rest));
	else
		inquiry_start(portal, call, &lookup, AS_JSON);
}

static void serve_api_source(
	struct portal *portal, struct http_call *call, struct span rest, enum source_kind kind)
{
	struct lookup lookup = {.kind = LOOKUP_SOURCE};
	int r = lookup_parse_source(rest, &lookup.source);

	if (r >= 0 && lookup.source.kind != kind)
		r = E_PARSE;
	if (r < 0)
		reply_trouble(portal, call, AS_JSON, typed_wrong(r, rest));
	else
		inquiry_start(portal, call, &lookup, AS_JSON);
}

static void serve_api_ip(struct portal *portal, struct http_call *call, struct span rest)
{
	serve_api_source(portal, call, rest, SOURCE_NET);
}

static void serve_api_domain(struct portal *portal, struct http_call *call, struct span rest)
{
	serve_api_source(portal, call, rest, SOURCE_DOMAIN);
}

static void serve_api_lists(struct portal *portal, struct http_call *call, struct span rest)
{
	struct buf body;

	(void)rest;
	buf_init(&body, PAGE_MAX);
	api_lists(portal->conf, view_serial(portal_view(portal)), &body);
	reply_json(call, &body);
}

static void serve_api_policies(struct portal *portal, struct http_call *call, struct span rest)
{
	struct buf body;

	(void)rest;
	buf_init(&body, PAGE_MAX);
	api_policies(portal->conf, &body);
	reply_json(call, &body);
}

static void reply_health(struct portal *portal, struct http_call *call, const char *word)
{
	struct http_reply reply = {.status = 200, .type = json_type};
	struct buf body;

	buf_init(&body, PAGE_MAX);
	api_health(word, view_serial(portal_view(portal)), &body);
	reply_body(call, 0, &reply, &body);
}

static void serve_healthz(struct portal *portal, struct http_call *call, struct span rest)
{
	(void)rest;
	reply_health(portal, call, "alive");
}

/* Ready: a list has come from the keeper at least once, so that "not listed" means something. */
static void serve_readyz(struct portal *portal, struct http_call *call, struct span rest)
{
	(void)rest;
	if (!view_is_known(portal_view(portal)))
		reply_trouble(portal, call, AS_JSON, no_list);
	else
		reply_health(portal, call, "ready");
}

static void serve_file(struct http_call *call, const struct route *route)
{
	struct http_reply reply = {.status = 200, .type = route->type, .cache = HTTP_CACHE_DAY};
	int r = page_file(route->file, &reply.body);

	ASSERT(r >= 0);
	http_reply(call, &reply);
}

static const struct route routes[] = {
	{"/", .page = page_home},
	{"/lookup", .counted = true, .serve = serve_lookup},
	{"/why", .page = page_home}, /* portal-url itself, which zones name in their TXT */
	{"/why/", .counted = true, .serve = serve_why},
	{"/policy", .page = page_policy},
	{"/help", .page = page_help},
	{"/style.css", .file = "style.css", .type = "text/css; charset=utf-8"},
	{"/favicon.svg", .file = "favicon.svg", .type = "image/svg+xml"},
	{"/favicon.ico", .file = "favicon.svg", .type = "image/svg+xml"},
	{"/api/v1/ip/", .counted = true, .format = AS_JSON, .serve = serve_api_ip},
	{"/api/v1/domain/", .counted = true, .format = AS_JSON, .serve = serve_api_domain},
	{"/api/v1/incident/", .counted = true, .format = AS_JSON, .serve = serve_api_incident},
	{"/api/v1/lists", .counted = true, .format = AS_JSON, .serve = serve_api_lists},
	{"/api/v1/policies", .counted = true, .format = AS_JSON, .serve = serve_api_policies},
	{"/healthz", .format = AS_JSON, .serve = serve_healthz},
	{"/readyz", .format = AS_JSON, .serve = serve_readyz},
};

static const struct route *route_find(struct span path, struct span *ret_rest)
{
	for (size_t i = 0; i < COUNTOF(routes); i++) {
		size_t len = strlen(routes[i].path);
		bool goes_on = len > 1 && routes[i].path[len - 1] == '/';

		if (goes_on ? span_equal_text(span_first(path, len), routes[i].path)
			    : span_equal_text(path, routes[i].path)) {
			*ret_rest = span_from(path, len);
			return &routes[i];
		}
	}
	return NULL;
}

/* The path of portal-url: "" for "https://mail.example.org", "/a/b" for "https://example.org/a/b".
 */
static struct span portal_path(const struct portal *portal)
{
	const char *url = portal->conf->portal_url != NULL ? portal->conf->portal_url : "";
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;

	return span_text(path != NULL ? path : "");
}

/* Refusals end with portal-url, a slash and the number, whatever path an administrator chose: what
 * stands below it is looked up as below /why. At the top only what is a number. */
static const struct route *route_of_portal_url(
	const struct portal *portal, struct span path, struct span *ret_rest)
{
	struct span base = portal_path(portal), rest = span_from(path, base.len);
	struct lookup lookup;

	if (!span_equal(span_first(path, base.len), base))
		return NULL;
	if (rest.len == 0 || span_equal_text(rest, "/"))
		return route_find(span_text("/why"), ret_rest);
	if (rest.ptr[0] != '/' ||
		(base.len == 0 && (lookup_parse(span_from(rest, 1), &lookup) < 0 ||
					  lookup.kind != LOOKUP_INCIDENT)))
		return NULL;
	*ret_rest = span_from(rest, 1);
	return route_find(span_text("/why/"), &rest);
}

static void reply_too_many(
	struct portal *portal, struct http_call *call, enum format format, unsigned wait_s)
{
	struct trouble trouble = {.status = 429,
		.type = "rate",
		.title = "Too many questions at once",
		.advice =
			"Your network asks more often than this page can answer for everybody. Nothing is wrong with the number or address.",
		.retry_after_s = wait_s};

	reply_trouble(portal, call, format, trouble);
}

static bool path_is_api(struct span path)
{
	return span_equal_text(span_first(path, 5), "/api/");
}

static void portal_on_request(struct http_call *call, const struct http_request *request, void *arg)
{
	struct portal *portal = OBJ(portal, arg);
	struct span rest;
	const struct route *named = route_find(request->path, &rest);
	const struct route *route =
		named != NULL ? named : route_of_portal_url(portal, request->path, &rest);
	bool is_api = route != NULL ? route->format == AS_JSON : path_is_api(request->path);
	enum format format = is_api ? AS_JSON : AS_PAGE;
	unsigned wait_s = 0;

	if (request->method != HTTP_OTHER && route != NULL && route->counted)
		wait_s = rate_take(portal->rate, request->client, loop_now_ms(portal->loop));
	if (request->method == HTTP_OTHER)
		reply_trouble(portal, call, format, method_wrong);
	else if (route == NULL)
		reply_trouble(portal, call, format, not_found);
	else if (wait_s != 0)
		reply_too_many(portal, call, format, wait_s);
	else if (route->page != NULL)
		serve_page(portal, call, route->page);
	else if (route->file != NULL)
		serve_file(call, route);
	else
		route->serve(portal, call, rest);
}

/* What never became a request. */
static void portal_on_refused(const struct http_request *request, struct arena *arena,
	struct http_reply *reply, void *arg)
{
	struct portal *portal = OBJ(portal, arg);
	struct page_context context = portal_context(portal, arena);
	struct trouble trouble = {.status = reply->status,
		.type = "invalid",
		.title = "This request cannot be answered",
		.advice =
			"Your browser, or a program between it and us, sent a request that is malformed or too large. Please type the address anew.",
		.detail = "The request is malformed or too large.",
		.path = request->path};
	bool is_api = path_is_api(request->path);
	struct buf body;
	int r = 0;

	buf_init(&body, PAGE_MAX);
	if (is_api)
		api_print_problem(portal->conf, &trouble, &body);
	else
		r = page_print_error(&context, &trouble, &body);
	reply->type = is_api ? problem_type : html_type;
	if (r >= 0)
		reply->body = arena_copy(arena, buf_span(&body));
	buf_done(&body);
}

/* ---- life ---- */

int portal_new(struct loop *loop, const struct portal_settings *settings,
	struct portal **ret_portal, struct fault *why)
{
	AUTO(portal) *portal = mem_new(portal);
	struct http_settings http = http_settings_default();
	int r;

	portal->magic = (uint32_t)MAGIC_portal;
	portal->loop = loop;
	portal->conf = conf_ref(settings->conf);
	portal->shelf = settings->shelf;
	portal->ask = settings->ask;
	portal->ask_arg = settings->ask_arg;
	r = page_set_new(&portal->pages, why);
	if (r < 0)
		return r;
	portal->empty = view_new_empty();
	portal->rate = rate_new(&settings->rate);
	http.request = portal_on_request;
	http.refused = portal_on_refused;
	http.arg = portal;
	portal->server = http_server_new(loop, settings->fd, &http);
	*ret_portal = TAKE(portal);
	return 0;
}

void portal_free(struct portal **portal)
{
	static const struct http_reply nothing = {.status = 503};
	struct portal *p = *portal;

	if (p == NULL)
		return;
	*portal = NULL;
	http_server_free(&p->server);
	while (p->inquiries != NULL) {
		/* The call has nobody to answer any more and only frees itself. */
		http_reply(p->inquiries->call, &nothing);
		inquiry_free(p->inquiries);
	}
	if (p->shelf != NULL)
		shelf_release(p->shelf, &p->held);
	view_free(&p->empty);
	rate_free(&p->rate);
	page_set_free(&p->pages);
	conf_unref(&p->conf);
	p->magic = 0;
	mem_free(p);
}

void portal_set_conf(struct portal *portal, const struct conf *conf)
{
	conf_unref(&portal->conf);
	portal->conf = conf_ref(conf);
}

void portal_stop(struct portal *portal, void (*done)(void *arg), void *arg)
{
	http_server_stop(portal->server, loop_now_ms(portal->loop) + STOP_MS, done, arg);
}
