/*-------------------------------------------------------------------------
 *
 * visible.h
 *	  What a caller may see.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include "query.h"

/* What is decided once a query; zero: not yet */
typedef struct Visibility
{
	QueryMark	query;
	bool		by_policy;
} Visibility;

/* What stands for an error that is not for whoever asks */
#define HIDDEN_ERROR	"not shown, as it may tell of a user: see the log of the server, or ask as an operator"

extern bool user_is_visible(Datum user_id, Visibility *visibility);
extern bool may_read_errors(void);

#endif							/* VISIBLE_H */
