/*-------------------------------------------------------------------------
 *
 * user_profile.h
 *	  Settings of the module.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef USER_PROFILE_H
#define USER_PROFILE_H

#include "compat.h"

#include "utils/timestamp.h"

/* user_profile.batch_size: most events that one refresh transaction folds */
extern int	batch_size;

/* user_profile.session_timeout, in microseconds */
extern int64 session_timeout_usecs(void);

/* user_profile.period */
extern Interval default_period_length(void);

#endif							/* USER_PROFILE_H */
