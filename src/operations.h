/*-------------------------------------------------------------------------
 *
 * operations.h
 *	  Parts of operations that a refresh or the background worker does.
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
extern bool any_left_behind(void);
extern void move_left_behind(void);
extern int64 run_due_deletion(text *user_id, int elevel);

#endif							/* OPERATIONS_H */
