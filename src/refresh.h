/*-------------------------------------------------------------------------
 *
 * refresh.h
 *	  Folding, for what changes folded events.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef REFRESH_H
#define REFRESH_H

#include "compat.h"

extern void refresh_all(bool (*may_go_on) (void));
extern void lock_refresh(const char *function);
extern void wait_for_writers(void);
extern int64 fold_again(Datum user_id, bool all_users);

#endif							/* REFRESH_H */
