/*-------------------------------------------------------------------------
 *
 * suppress.h
 *	  Digests of deleted ids.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef SUPPRESS_H
#define SUPPRESS_H

#include "compat.h"

extern bytea *subject_digest(const char *subject, const text *id);

#endif							/* SUPPRESS_H */
