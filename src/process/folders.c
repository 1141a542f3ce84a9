/* SPDX-License-Identifier: ISC */
#include "process/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "conf/store_url.h"

/* systemd's range for dynamic users, 61184 to 65519; the manual tells the numbers of the roles. */
enum { DYNAMIC_GROUP = 61184 };

static const struct {
	const char *role;
	uid_t uid;
} dynamic_users[] = {
	{"keeper", 61185},
	{"dns", 61186},
	{"gate", 61187},
	{"web", 61188},
	{"courier", 61189},
};

static gid_t folders_group(void)
{
	struct group *group = getgrnam("_stockade");

	return group != NULL ? group->gr_gid : DYNAMIC_GROUP;
}

struct role_user role_user(const char *role)
{
	char name[64];
	struct passwd *entry;

	if (geteuid() != 0)
		return (struct role_user){.own = false, .uid = geteuid(), .gid = getegid()};
	snprintf(name, sizeof(name), "_stockade-%s", role);
	entry = getpwnam(name);
	if (entry != NULL)
		return (struct role_user){
			.own = true, .uid = entry->pw_uid, .gid = folders_group()};
	for (size_t i = 0; i < COUNTOF(dynamic_users); i++) {
		if (strcmp(dynamic_users[i].role, role) == 0)
			return (struct role_user){
				.own = true, .uid = dynamic_users[i].uid, .gid = folders_group()};
	}
	return (struct role_user){.own = true, .uid = 65534, .gid = 65534};
}

int role_user_become(struct role_user user, struct fault *why)
{
	if (!user.own)
		return 0;
	if (setgroups(1, &user.gid) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
		setresuid(user.uid, user.uid, user.uid) < 0)
		return fault_set(why, E_SYSTEM, "cannot become user %u, group %u: %s",
			(unsigned)user.uid, (unsigned)user.gid, strerror(errno));
	return 0;
}

static int folder_fail(struct fault *why, const char *verb, const char *path)
{
	int number = errno;

	return fault_set(
		why, err_from_errno(number), "cannot %s '%s': %s", verb, path, strerror(number));
}

/* mkdir -p for what is above; those folders are everybody's way through and nobody's place. */
static int folder_parents(const char *path, struct fault *why)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return fault_set(why, E_LIMIT, "path '%s' is too long", path);
	for (const char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return folder_fail(why, "make folder", part);
	}
	return 0;
}

/* Whether a folder that was there is the one that was meant. */
static int folder_check(const char *path, uid_t owner, struct fault *why)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return folder_fail(why, "look at", path);
	if (!S_ISDIR(status.st_mode))
		return fault_set(why, E_CONFLICT, "'%s' is not a folder", path);
	if (status.st_uid != owner)
		return fault_set(why, E_CONFLICT,
			"folder '%s' belongs to user %u, and user %u has to write there: chown -R %u '%s'",
			path, (unsigned)status.st_uid, (unsigned)owner, (unsigned)owner, path);
	return 0;
}

static int folder_make(const char *path, mode_t mode, struct role_user user, struct fault *why)
{
	int r = folder_parents(path, why);

	if (r < 0)
		return r;
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? folder_check(path, user.uid, why)
				       : folder_fail(why, "make folder", path);
	/* Past the umask, and to the owner while nobody else can have put anything there. */
	if (chmod(path, mode) < 0 || (user.own && chown(path, user.uid, user.gid) < 0))
		return folder_fail(why, "hand over folder", path);
	return 0;
}

int folders_store(const struct conf *conf, char *path, size_t size)
{
	const char *file = store_url_path(conf->store);
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;

	if (slash == NULL || (size_t)(slash - file) >= size)
		return slash == NULL ? 0 : E_LIMIT;
	snprintf(path, size, "%.*s", (int)(slash - file), file);
	return 1;
}

int folders_state(const struct conf *conf, const char *role, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/%s", conf->state_path, role);

	return len < 0 || (size_t)len >= size ? E_LIMIT : 0;
}

int folders_prepare_sockets(const struct conf *conf, struct fault *why)
{
	struct role_user self = {.own = false, .uid = geteuid()};
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/bus", conf->run_path);

	if (len < 0 || (size_t)len >= sizeof(path))
		return fault_set(why, E_LIMIT, "path '%s' is too long", conf->run_path);
	return folder_make(path, self.uid == 0 ? 0711 : 0700, self, why);
}

static int lock_fail(int fd, const char *path, struct fault *why)
{
	int number = errno;
	char owner[16] = "";

	if (fd >= 0 && number == EWOULDBLOCK)
		(void)!pread(fd, owner, sizeof(owner) - 1, 0);
	if (fd >= 0)
		close(fd);
	if (owner[0] != '\0')
		return fault_set(why, E_BUSY,
			"'%s' is held by process %.*s, which runs already with this run.folder",
			path, (int)strcspn(owner, "\n"), owner);
	return fault_set(
		why, err_from_errno(number), "cannot lock '%s': %s", path, strerror(number));
}

int folders_lock(const struct conf *conf, int *ret_fd, struct fault *why)
{
	char path[PATH_MAX];
	int fd, r, len = snprintf(path, sizeof(path), "%s/lock", conf->run_path);

	if (len < 0 || (size_t)len >= sizeof(path))
		return fault_set(why, E_LIMIT, "path '%s' is too long", conf->run_path);
	r = folder_parents(path, why);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return lock_fail(fd, path, why);
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
		return lock_fail(fd, path, why);
	*ret_fd = fd;
	return 0;
}

static int folders_prepare_keeper(const struct conf *conf, struct role_user user, struct fault *why)
{
	char path[PATH_MAX];
	int r = folder_make(conf->lists_path, 0750, user, why);

	if (r < 0)
		return r;
	r = folders_store(conf, path, sizeof(path));
	return r > 0 ? folder_make(path, 0700, user, why) : r;
}

int folders_prepare(const struct conf *conf, const char *role, struct fault *why)
{
	struct role_user user = role_user(role);
	char path[PATH_MAX];
	int r = strcmp(role, "keeper") == 0 ? folders_prepare_keeper(conf, user, why) : 0;

	if (r == 0)
		r = folders_state(conf, role, path, sizeof(path));
	return r == 0 ? folder_make(path, 0700, user, why) : r;
}
