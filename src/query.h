/*-------------------------------------------------------------------------
 *
 * query.h
 *	  Prepared queries over the relations, and the checks of arguments.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef QUERY_H
#define QUERY_H

#include "compat.h"

#include "common/hashfn.h"
#include "executor/spi.h"

#define QUERY_MAX_ARGS	10

/*
 * A query, prepared at its first use and kept for the session.  The types of
 * its parameters are those of types, up to the first InvalidOid.
 */
typedef struct SqlQuery
{
	const char *sql;
	Oid			types[QUERY_MAX_ARGS];
	SPIPlanPtr	plan;
	Oid			types_prepared[QUERY_MAX_ARGS];
} SqlQuery;

/* Values for the parameters of a query */
typedef struct QueryArgs
{
	int			nargs;
	Datum		values[QUERY_MAX_ARGS];
	bool		nulls[QUERY_MAX_ARGS];
} QueryArgs;

extern QueryArgs query_args(FunctionCallInfo fcinfo);
extern Datum query_rows(FunctionCallInfo fcinfo, SqlQuery *query, QueryArgs args);
extern Datum query_rows_now(FunctionCallInfo fcinfo, SqlQuery *query, QueryArgs args);
extern uint64 query_execute(SqlQuery *query, QueryArgs args);
extern bool is_general_error(const ErrorData *error);
extern ErrorData *run_in_subtransaction(void (*function) (void *arg), void *arg);
extern void query_execute_past_others(SqlQuery *query, QueryArgs args);
extern void query_receive(SqlQuery *query, QueryArgs args, DestReceiver *receiver);
extern uint64 query_read(SqlQuery *query, QueryArgs args);
extern Datum query_value(int column, bool *isnull);

/* What tells a query from another one, for same_query(); zero for none yet */
typedef struct QueryMark
{
	Oid			role;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	CommandId	curcid;
} QueryMark;

extern bool same_query(QueryMark *mark);
extern void see_all_rows(void);
extern int	pin_settings(void);
extern void set_for_now(const char *name, const char *value);
extern Oid	relation_oid(const char *name);
extern bool relation_is_empty(const char *name);
extern Oid	type_oid(const char *name);

extern void check_not_null(FunctionCallInfo fcinfo, int argno, const char *name);
extern void check_id(FunctionCallInfo fcinfo, int argno, const char *name);
extern void check_period_arg(FunctionCallInfo fcinfo, int argno);
extern void check_time(FunctionCallInfo fcinfo, int argno, const char *name);
extern void check_timezone_arg(FunctionCallInfo fcinfo, int argno);
extern void check_max_rows(FunctionCallInfo fcinfo, int argno);
extern char *text_arg(FunctionCallInfo fcinfo, int argno);

/* Texts as keys of hash tables: by their bytes, as = compares in any deterministic collation */
static inline bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static inline uint32
hash_text(const text *value)
{
	return hash_bytes((const unsigned char *) VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value));
}

#endif							/* QUERY_H */
