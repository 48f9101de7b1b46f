/*-------------------------------------------------------------------------
 *
 * refresh.h
 *	  Refreshing and folding, for what changes folded events.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef REFRESH_H
#define REFRESH_H

#include "query.h"

/* refresh.c */
extern void refresh_all(bool (*may_go_on) (void));
extern void keep_out_writers(void);
extern void lock_refresh(const char *function);
extern void wait_for_writers(void);
extern void begin_rewrite(const char *function, bool wait, bool keep_out);
extern int64 fold_again(Datum user_id, bool all_users);

/* fold.c */
extern int64 fold_into_timelines(SqlQuery *query, QueryArgs args);

#endif							/* REFRESH_H */
