/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * How a role gets its configuration: from who started it, through a pair of connected sockets (the
 * role's end is SOCKET_OF_HANDOVER), as a sealed memory file (conf/sealed.h) with the secrets of
 * its row in process/jail_rules.c. The first one waits there when the role starts, a newer one
 * comes with each reload. No role opens the folder of the configuration.
 *
 * The other way the role reports: it is ready, it goes on with its work. Only the process that was
 * started with that end can, and nobody else can fill it: signs of life are its own.
 *
 * A role that is started by itself reads the file before its jail closes, and leaves a small
 * process outside that reads it again when the role gets SIGHUP. Main thread.
 */
#include "conf/conf.h"

enum handover {
	HANDOVER_NOTHING,
	HANDOVER_CONF,   /* this one holds from now on */
	HANDOVER_RETIRE, /* another process took over: no new clients, those that are there end */
	HANDOVER_ENDED,  /* nobody is left on the other side */
};

/* Both ends, closed on exec: ours, which takes no descriptors, and the role's. E_SYSTEM. */
int handover_pair(int ret_ends[2], struct fault *why);

/* E_AGAIN: so many wait there that the other side hangs; E_CLOSED. */
int handover_send_conf(int fd, const struct conf *conf, const char *role, struct fault *why);

int handover_send_retire(int fd);

/* The descriptors of a HANDOVER_CONF, which are the caller's. */
struct handover_parts {
	int conf_fd;
	int dialer_fd; /* process/dialer.h, for the targets of that configuration; -1: none */
};

/* What is next, without waiting. */
enum handover handover_receive(int fd, struct handover_parts *ret_parts);

/* What a role says of itself, best effort: who hears nothing for long enough acts. */
enum handover_report { REPORT_NOTHING, REPORT_READY, REPORT_SIGN, REPORT_ENDED };
void handover_report(int fd, enum handover_report report);
/* What is next, without waiting; REPORT_ENDED: nobody is left who could say anything. */
enum handover_report handover_hear(int fd);

/* The secrets that the role may have: flags of enum secrets_of. */
unsigned handover_secrets(const char *role);

/* The small process, for a role that was started by itself: for each request it reads path again,
 * says what is wrong with it, and sends it when nothing is, with a dialer for it. It ends with us.
 * E_SYSTEM. */
int handover_start_reader(const char *path, const char *role, int *ret_fd, struct fault *why);
void handover_ask_reader(int fd);

/* Reads the configuration, without secrets; complaints go to stderr as people read them; E_CONFIG,
 * E_ABSENT. */
int handover_load(const char *path, struct conf **ret_conf);
/* Reads those secrets into it, and looks whether they are any. E_CONFIG. */
int handover_load_secrets(struct conf *conf, unsigned secrets, struct fault *why);
/* The one that was handed over. */
int handover_open(int conf_fd, struct conf **ret_conf);
