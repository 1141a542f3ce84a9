/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The texts of a configuration: one file, and the files *.yaml of the folder conf.d beside it. They
 * are read once and kept with the configuration, so that who read them can hand them to others
 * (conf/sealed.h). At start and reload.
 */
#include "conf/load.h"

/* Into loader->conf->sources, conf.d in the order of the names; the diagnostics say what cannot be
 * read. E_ABSENT: the file itself is not there; E_CONFIG: something else. A folder conf.d that is
 * not there is empty, one that cannot be read is an error. */
int sources_read(struct loader *loader, const char *path);
