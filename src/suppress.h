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

#include "fmgr.h"

extern bool id_is_suppressed(FunctionCallInfo fcinfo, const text *user_id, bool missing_key_ok);
extern bytea *subject_digest(const char *subject, const text *id);

#endif							/* SUPPRESS_H */
