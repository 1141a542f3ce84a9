/* SPDX-License-Identifier: ISC */
#include "process/reload.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "process/folders.h"
#include "process/handover.h"
#include "process/jail.h"
#include "process/run_state_file.h"
#include "process/sockets_beside.h"

static bool conf_has_role(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->roles_len; i++) {
		if (strcmp(conf->roles[i], name) == 0)
			return true;
	}
	return false;
}

/* Nothing changes after all. */
static void supervised_give_back(struct supervised *supervised, struct sockets *sockets)
{
	sockets_move(sockets, &supervised->sockets);
	sockets_move(sockets, &supervised->leaving);
	sockets_close(sockets);
}

/* Folders and sockets of one role; sockets it has already are kept. Nothing changes on failure. */
static int supervised_prepare(struct supervised *supervised, const struct conf *conf,
	struct sockets *ret_sockets, struct fault *why)
{
	int r = folders_prepare(conf, supervised->role->name, why);

	if (r == 0 && role_is_keeper(supervised->role))
		r = folders_prepare_sockets(conf, why);
	if (r == 0)
		r = sockets_plan(conf, supervised->role->name, ret_sockets, why);
	if (r < 0)
		return r;
	sockets_move(&supervised->sockets, ret_sockets);
	sockets_move(&supervised->leaving, ret_sockets);
	r = supervised->all->conf == NULL ? sockets_open(ret_sockets, why)
					  : sockets_open_beside(ret_sockets,
						    (const struct sockets *[]){&supervised->sockets,
							    &supervised->leaving},
						    why);
	if (r == 0)
		r = sockets_hand_over(ret_sockets, why);
	if (r < 0)
		supervised_give_back(supervised, ret_sockets);
	return r;
}

/* Prepares all roles of a configuration; all or nothing. */
static int supervision_prepare(struct supervision *all, const struct conf *conf,
	struct sockets *ret_sockets, struct fault *why)
{
	for (size_t i = 0; i < all->lives.len; i++) {
		struct supervised *supervised = &all->roles[i];
		int r = 0;

		ret_sockets[i].len = 0;
		if (conf_has_role(conf, supervised->role->name))
			r = supervised_prepare(supervised, conf, &ret_sockets[i], why);
		if (r == 0)
			continue;
		for (size_t back = 0; back < i; back++)
			supervised_give_back(&all->roles[back], &ret_sockets[back]);
		return r;
	}
	return 0;
}

/* Puts one role where the configuration wants it, which is the supervisor's already. */
static void supervised_adopt(
	struct supervised *supervised, const struct conf *old, const struct sockets *sockets)
{
	const struct conf *conf = supervised->all->conf;
	const char *name = supervised->role->name;
	bool same = sockets_equal(&supervised->sockets, sockets) && old != NULL &&
		    jail_is_same(name, old, conf);
	enum life_change change = !conf_has_role(conf, name)         ? LIFE_UNWANTED
				  : same                             ? LIFE_SAME_PROCESS
				  : supervised->role->retire != NULL ? LIFE_BESIDE
								     : LIFE_NEW_PROCESS;

	/* Those that are no longer listened on, by and by. */
	if (change == LIFE_BESIDE)
		sockets_leave(&supervised->sockets, &supervised->leaving);
	sockets_close(&supervised->sockets);
	if (change == LIFE_UNWANTED)
		sockets_close(&supervised->leaving);
	supervised->sockets = *sockets;
	supervised_act(supervised,
		lifecycle_configure(supervised->life, change, loop_now_ms(supervised->all->loop)));
	if (change == LIFE_UNWANTED)
		supervised_end_formers(supervised);
}

/* Another run.folder is another place: it may be somebody's already. */
static int supervision_lock(
	const struct supervision *all, const struct conf *conf, int *ret_fd, struct fault *why)
{
	const struct conf *old = all->conf;

	if (old != NULL && strcmp(old->run_path, conf->run_path) == 0)
		return 0;
	return folders_lock(conf, ret_fd, why);
}

int supervision_adopt(struct supervision *all, struct conf *conf, struct fault *why)
{
	struct sockets *sockets = mem_alloc_array(ROLES_MAX, sizeof(*sockets));
	struct conf *old = all->conf;
	int lock_fd = -1, r = supervision_lock(all, conf, &lock_fd, why);

	if (r == 0)
		r = supervision_prepare(all, conf, sockets, why);
	if (r < 0 && lock_fd >= 0)
		close(lock_fd);
	if (r == 0 && lock_fd >= 0) {
		if (all->lock_fd >= 0) {
			run_state_remove(old);
			close(all->lock_fd);
		}
		all->lock_fd = lock_fd;
	}

	if (r == 0) {
		all->conf = conf;
		log_open("run", (enum log_level)conf->log_level);
		for (size_t i = 0; i < all->lives.len; i++)
			supervised_adopt(&all->roles[i], old, &sockets[i]);
		conf_free(&old);
	}
	mem_free(sockets);
	return r;
}

int supervision_load(const char *path, struct conf **ret_conf, struct fault *why)
{
	AUTO(conf) *conf = NULL;
	int r = handover_load(path, &conf);
	unsigned secrets = 0;

	for (size_t i = 0; r == 0 && i < conf->roles_len; i++)
		secrets |= handover_secrets(conf->roles[i]);
	if (r == 0)
		r = handover_load_secrets(conf, secrets, why);
	if (r == 0)
		*ret_conf = TAKE(conf);
	return r;
}
