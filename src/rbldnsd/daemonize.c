/* SPDX-License-Identifier: ISC */
#include "rbldnsd/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "process/jail.h"

#define JAIL_NAME    "rbldnsd"
#define DEFAULT_USER "rbldns"

static int daemonize_fail(struct fault *why, const char *what, const char *subject)
{
	int number = errno;

	return fault_set(why, err_from_errno(number), "unable to %s %s: %s", what, subject,
		strerror(number));
}

int daemonize_fork(struct daemonize_parent *ret_parent, struct fault *why)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ends[2];
	char byte;
	pid_t pid;

	if (nothing < 0)
		return daemonize_fail(why, "open", "/dev/null");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return daemonize_fail(why, "make", "a pipe");
	pid = fork();
	if (pid < 0)
		return daemonize_fail(why, "start", "a daemon");
	if (pid > 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(ends[0]);
	*ret_parent = (struct daemonize_parent){.tell = ends[1], .nothing = nothing};
	return 0;
}

static int user_find(const char *name, struct daemonize_user *user, struct fault *why)
{
	const struct passwd *entry;
	uint64_t number;

	if (span_parse_u64(span_text(name), INT32_MAX, &number) == 0) {
		user->uid = user->gid = (uid_t)number;
		return 0;
	}
	entry = getpwnam(name);
	if (entry == NULL)
		return fault_set(why, E_ABSENT, "unknown user '%s'; name one with -u", name);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	return 0;
}

static int group_find(const char *name, gid_t *ret_gid, struct fault *why)
{
	const struct group *entry;
	uint64_t number;

	if (span_parse_u64(span_text(name), INT32_MAX, &number) == 0) {
		*ret_gid = (gid_t)number;
		return 0;
	}
	entry = getgrnam(name);
	if (entry == NULL)
		return fault_set(why, E_ABSENT, "unknown group '%s'", name);
	*ret_gid = entry->gr_gid;
	return 0;
}

int daemonize_find_user(const char *text, struct daemonize_user *ret_user, struct fault *why)
{
	struct daemonize_user user = {.own = text != NULL, .uid = getuid(), .gid = getgid()};
	char name[LOGIN_NAME_MAX];
	size_t len;
	int r = 0;

	if (text == NULL && user.uid == 0) {
		text = DEFAULT_USER;
		user.own = true;
	}
	if (text != NULL) {
		len = strcspn(text, ":");
		snprintf(name, sizeof(name), "%.*s", (int)len, text);
		r = user_find(name, &user, why);
		if (r == 0 && text[len] != '\0')
			r = group_find(text + len + 1, &user.gid, why);
	}
	if (r == 0 && user.uid == 0)
		r = fault_set(why, E_DENIED, "daemon should not run as root, specify -u option");
	if (r == 0)
		*ret_user = user;
	return r;
}

int daemonize_write_pid(const char *path, struct fault *why)
{
	int fd, len;

	if (path == NULL)
		return 0;
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return daemonize_fail(why, "write pidfile", path);
	len = dprintf(fd, "%ld\n", (long)getpid());
	return close(fd) < 0 || len < 0 ? daemonize_fail(why, "write pidfile", path) : 0;
}

int daemonize_enter(
	const struct rbl_command *command, struct daemonize_user user, struct fault *why)
{
	if (command->root != NULL && (chdir(command->root) < 0 || chroot(command->root) < 0))
		return daemonize_fail(why, "chroot to", command->root);
	if (command->folder != NULL && chdir(command->folder) < 0)
		return daemonize_fail(why, "chdir to", command->folder);
	if (user.own &&
		(setgroups(1, &user.gid) < 0 || setgid(user.gid) < 0 || setuid(user.uid) < 0))
		return daemonize_fail(
			why, "become", command->user != NULL ? command->user : DEFAULT_USER);
	return 0;
}

/* ---- rights ---- */

struct paths {
	size_t len, size;
	struct jail_path *paths;
	char (*text)[PATH_MAX];
};

static void paths_add(struct paths *paths, const char *path, size_t len, bool writes)
{
	char *text = paths->text[paths->len];

	ASSERT(paths->len < paths->size);
	snprintf(text, PATH_MAX, "%.*s", (int)len, path);
	paths->paths[paths->len++] = (struct jail_path){text, writes};
}

/* "." for a name alone, "/" for one right below the root. */
static void paths_add_folder(struct paths *paths, const char *path, bool writes)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		paths_add(paths, ".", 1, writes);
	else
		paths_add(paths, path, slash == path ? 1 : (size_t)(slash - path), writes);
}

/* Whether whole, where path leads, is what path says. */
static bool path_is_straight(const char *path, const char *whole)
{
	char folder[PATH_MAX];
	size_t len;

	if (*path == '/')
		return strcmp(path, whole) == 0;
	if (getcwd(folder, sizeof(folder)) == NULL)
		return false;
	len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
	return strncmp(whole, folder, len) == 0 && whole[len] == '/' &&
	       strcmp(whole + len + 1, path) == 0;
}

/* A data file that is replaced is another file, so it is its folder that has to be read. Where a
 * symbolic link leads there, the link may lead elsewhere one day ("current" -> "release-7"): then
 * the folder above the file's own is read as well. */
static void paths_add_data(struct paths *paths, const char *file)
{
	char whole[PATH_MAX], *slash;

	paths_add_folder(paths, file, false);
	if (realpath(file, whole) == NULL)
		return;
	paths_add_folder(paths, whole, false);
	slash = strrchr(whole, '/');
	if (path_is_straight(file, whole) || slash == whole)
		return;
	*slash = '\0';
	paths_add_folder(paths, whole, false);
}

static void paths_fill(struct paths *paths, const struct rbl_command *command)
{
	const struct rbl_plan *plan = command->plan;

	for (size_t i = 0; i < plan->sources_len; i++) {
		for (size_t j = 0; j < plan->sources[i].files_len; j++)
			paths_add_data(paths, plan->sources[i].files[j]);
	}
	if (command->log.path != NULL && strcmp(command->log.path, "-") != 0)
		paths_add_folder(paths, command->log.path, true);
	if (command->stats.path != NULL)
		paths_add_folder(paths, command->stats.path, true);
}

int daemonize_confine(const struct rbl_command *command, struct fault *why)
{
	struct paths paths = {.size = 2};
	int r, sealed;

	for (size_t i = 0; i < command->plan->sources_len; i++)
		paths.size += 3 * command->plan->sources[i].files_len;
	paths.paths = mem_alloc_array(paths.size, sizeof(*paths.paths));
	paths.text = mem_alloc_array(paths.size, sizeof(*paths.text));
	paths_fill(&paths, command);
	r = jail_confine_to(JAIL_NAME, paths.paths, paths.len, why);
	mem_free(paths.paths);
	mem_free(paths.text);
	sealed = r < 0 ? r : jail_seal(JAIL_NAME, why);
	return sealed < 0 ? sealed : r;
}

void daemonize_detach(const struct daemonize_parent *daemon, bool keep_stdout)
{
	setsid();
	dup2(daemon->nothing, STDIN_FILENO);
	dup2(daemon->nothing, STDERR_FILENO);
	if (!keep_stdout)
		dup2(daemon->nothing, STDOUT_FILENO);
	close(daemon->nothing);
}

void daemonize_ready(const struct daemonize_parent *daemon)
{
	(void)!write(daemon->tell, "", 1);
	close(daemon->tell);
}
