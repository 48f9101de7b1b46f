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

/* A deletion that is due, and the receipt that it leaves: 0 for none */
typedef struct DueDeletion
{
	text	   *user_id;
	bool		suppress;
	int64		erasure_id;
} DueDeletion;

extern List *due_deletions(MemoryContext context);
extern bool any_left_behind(void);
extern void move_left_behind(void);
extern void run_due_deletion(DueDeletion *deletion, int elevel);

#endif							/* OPERATIONS_H */
