/*-------------------------------------------------------------------------
 *
 * server.h
 *	  What stands in for the server in the harness of the functions.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef SERVER_H
#define SERVER_H

#include "../../src/timeline.h"

#define MAX_COLUMNS 9

/* A row that a set-returning function gave */
typedef struct Row
{
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} Row;

/* A call of a SQL function, with up to three arguments */
typedef Datum (*SqlFunction) (FunctionCallInfo fcinfo);
typedef struct Call
{
	SqlFunction function;
	Datum		args[3];
	Period		period;			/* what period_from_arg() gives */
	int64		timeout;		/* what timeout_from_arg() gives */
	int			ncolumns;		/* of a set, or 0 */
} Call;

extern Row *rows;
extern size_t nrows;

extern int	call_function(const Call *call, FmgrInfo *flinfo, Datum *result);
extern int	guarded(void (*run) (void *), void *arg);
extern void release_memory(void);

#endif							/* SERVER_H */
