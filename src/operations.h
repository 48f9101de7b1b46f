/*-------------------------------------------------------------------------
 *
 * operations.h
 *	  Scheduled deletions, for the background worker.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "compat.h"

#include "nodes/pg_list.h"

extern List *due_deletions(MemoryContext context);
extern int64 run_due_deletion(text *user_id, int elevel);

#endif							/* OPERATIONS_H */
