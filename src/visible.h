/*-------------------------------------------------------------------------
 *
 * visible.h
 *	  Row-level security on users.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include "compat.h"

/* What is decided once a query; 0: not yet */
typedef enum Visibility
{
	EVERYBODY = 1,
	BY_POLICY
} Visibility;

extern bool user_is_visible(Datum user_id, Visibility *visibility);

#endif							/* VISIBLE_H */
