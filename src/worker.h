/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  The background worker: its settings, and its start with the server.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_H
#define WORKER_H

#include "compat.h"

#include "utils/guc.h"

/* So many databases can be listed */
#define WORKER_MAX_DATABASES	64

extern char *worker_databases;
extern char *worker_role;
extern int	worker_interval;
extern int	worker_max;

extern bool check_worker_databases(char **newval, void **extra, GucSource source);
extern void worker_init(void);

#endif							/* WORKER_H */
