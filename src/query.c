/*-------------------------------------------------------------------------
 *
 * query.c
 *	  The one way by which entry points reach the relations.
 *
 * An entry point checks its arguments and runs a query that is prepared once a
 * session, as the caller and with the caller's rights.  Its plan is generic: a
 * profile is looked up by keys, and planning would cost more than running.
 *
 * The functions that come here are declared with search_path = pg_catalog,
 * pg_temp, so that no name in a query can be captured.  refresh() cannot be,
 * as a procedure with such a clause may not commit: it calls pin_settings() in
 * each of its transactions.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "timeline.h"

/* The arguments of a function as the parameters of its query */
QueryArgs
query_args(FunctionCallInfo fcinfo)
{
	QueryArgs	args = {0};

	args.nargs = PG_NARGS();
	Assert(args.nargs <= QUERY_MAX_ARGS);
	for (int i = 0; i < args.nargs; i++)
	{
		args.values[i] = PG_GETARG_DATUM(i);
		args.nulls[i] = PG_ARGISNULL(i);
	}
	return args;
}

/* Prepare a query, unless that is done */
static void
query_prepare(SqlQuery *query)
{
	int			nargs = 0;

	while (nargs < QUERY_MAX_ARGS && OidIsValid(query->types[nargs]))
		nargs++;

	/* Types of the extension get other OIDs when it is created again */
	if (query->plan != NULL &&
		memcmp(query->types, query->types_prepared, sizeof(query->types)) != 0)
	{
		SPI_freeplan(query->plan);
		query->plan = NULL;
	}
	if (query->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(query->sql, nargs, query->types,
											  CURSOR_OPT_GENERIC_PLAN |
											  CURSOR_OPT_PARALLEL_OK);

		if (plan == NULL)
			elog(ERROR, "could not prepare query: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		query->plan = plan;
		memcpy(query->types_prepared, query->types, sizeof(query->types));
	}
}

/* Change a setting until the current GUC nest level ends */
void
set_for_now(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Run a prepared query.  JIT compilation is off for it: the plan is kept for
 * the session, its compiled form is not, and to compile takes longer than most
 * of our queries.
 */
static uint64
run_plan(SPIPlanPtr plan, const SPIExecuteOptions *options)
{
	int			nestlevel = 0;
	int			result;

	if (jit_enabled)
	{
		nestlevel = NewGUCNestLevel();
		set_for_now("jit", "off");
	}
	result = SPI_execute_plan_extended(plan, options);
	if (result < 0)
		elog(ERROR, "could not run query: %s", SPI_result_code_string(result));
	if (nestlevel > 0)
		AtEOXact_GUC(true, nestlevel);
	return SPI_processed;
}

/* Make the parameter list of a query */
static ParamListInfo
query_params(const SqlQuery *query, const QueryArgs *args)
{
	ParamListInfo params = makeParamList(args->nargs);

	for (int i = 0; i < args->nargs; i++)
	{
		params->params[i].value = args->values[i];
		params->params[i].isnull = args->nulls[i];
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = query->types[i];
	}
	return params;
}

/* Return the rows of a query as those of a set-returning function */
static Datum
query_rows_as_of(FunctionCallInfo fcinfo, SqlQuery *query, QueryArgs args, bool read_only)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SPIExecuteOptions options = {0};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, rsinfo->setResult,
									rsinfo->econtext->ecxt_per_query_memory,
									false, NULL, NULL);
	SPI_connect();
	query_prepare(query);
	options.params = query_params(query, &args);
	options.read_only = read_only;
	(void) run_plan(query->plan, &options);
	SPI_finish();
	return (Datum) 0;
}

/* The same of a query that only reads: it sees what the calling statement sees */
Datum
query_rows(FunctionCallInfo fcinfo, SqlQuery *query, QueryArgs args)
{
	return query_rows_as_of(fcinfo, query, args, true);
}

/* The same of a query that sees what its function did */
Datum
query_rows_now(FunctionCallInfo fcinfo, SqlQuery *query, QueryArgs args)
{
	return query_rows_as_of(fcinfo, query, args, false);
}

/*
 * Run a query within the caller's SPI connection, and return the number of its
 * rows.  They go to the receiver, or without one to SPI_tuptable.  The memory
 * context stays the caller's, which SPI alone would change.
 */
static uint64
query_run(SqlQuery *query, QueryArgs args, bool read_only, DestReceiver *receiver)
{
	MemoryContext context = CurrentMemoryContext;
	SPIExecuteOptions options = {0};
	uint64		nrows;

	query_prepare(query);
	options.params = query_params(query, &args);
	options.read_only = read_only;
	options.dest = receiver;
	nrows = run_plan(query->plan, &options);
	MemoryContextSwitchTo(context);
	return nrows;
}

/* Run a query that may write: it sees all that was done before it */
uint64
query_execute(SqlQuery *query, QueryArgs args)
{
	return query_run(query, args, false, NULL);
}

/*
 * May an error have nothing to do with what was done, so that something else
 * would meet it as well: an interrupt, a deadlock, a lack of memory or disk?
 */
bool
is_general_error(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return false;
	}
}

/*
 * Run a function in a subtransaction, within the caller's SPI connection.
 * Returns NULL, or the error that has undone it, in the caller's memory
 * context.  A general error is raised again.
 */
ErrorData *
run_in_subtransaction(void (*function) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		function(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL && is_general_error(error))
		ReThrowError(error);
	return error;
}

/* A query with its arguments, as one pointer */
typedef struct QueryCall
{
	SqlQuery   *query;
	QueryArgs  *args;
} QueryCall;

static void
execute_call(void *arg)
{
	QueryCall  *call = arg;

	query_execute(call->query, *call->args);
}

/*
 * Run a query that may write, once more each time that it collides with a
 * unique key that another transaction has just committed: it sees that row
 * then, as it could not before.
 */
void
query_execute_past_others(SqlQuery *query, QueryArgs args)
{
	QueryCall	call = {query, &args};
	ErrorData  *error;

	while ((error = run_in_subtransaction(execute_call, &call)) != NULL)
	{
		if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || IsolationUsesXactSnapshot())
			ReThrowError(error);
		FreeErrorData(error);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Hand the rows of a query to a receiver: it sees all that was done before it */
void
query_receive(SqlQuery *query, QueryArgs args, DestReceiver *receiver)
{
	(void) query_run(query, args, false, receiver);
}

/* Run a query that only reads: it sees what the calling statement sees */
uint64
query_read(SqlQuery *query, QueryArgs args)
{
	return query_run(query, args, true, NULL);
}

/* A column (from 1) of the first row of the query just run; null where there is none */
Datum
query_value(int column, bool *isnull)
{
	*isnull = true;
	if (SPI_processed == 0 || SPI_tuptable == NULL)
		return (Datum) 0;
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}

/*
 * For what must see all rows to be right: where row-level security would hide
 * some from the current user, an error, until the current GUC nest level ends
 */
void
see_all_rows(void)
{
	set_for_now("row_security", "off");
}

/*
 * The settings of what commits, and so has no SET clause: until the end of the
 * transaction, or until AtEOXact_GUC() is given the level that is returned
 */
int
pin_settings(void)
{
	int			nestlevel = NewGUCNestLevel();

	set_for_now("search_path", "pg_catalog, pg_temp");
	see_all_rows();
	return nestlevel;
}

/*
 * Is the query that calls a function the one of the last call, or at least one
 * that sees the same, with the same rights?  What a function keeps for a query
 * (in fn_extra) may live longer: PL/pgSQL keeps the state of an expression for a
 * transaction.
 */
bool
same_query(QueryMark *mark)
{
	Snapshot	snapshot = GetActiveSnapshot();
	QueryMark	present = {
		GetUserId(), snapshot->xmin, snapshot->xmax, snapshot->xcnt, snapshot->curcid
	};
	bool		same = memcmp(mark, &present, sizeof(QueryMark)) == 0;

	*mark = present;
	return same;
}

/* The OID of one of our relations */
Oid
relation_oid(const char *name)
{
	Oid			namespace = get_namespace_oid("user_profile", false);
	Oid			oid = get_relname_relid(name, namespace);

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"user_profile.%s\" does not exist", name),
				 errhint("CREATE EXTENSION user_profile makes it.")));
	return oid;
}

/*
 * Has one of our tables no row, whichever snapshot looks?  Then its file has no
 * page.  A table that was emptied has some until it is vacuumed.
 */
bool
relation_is_empty(const char *name)
{
	Relation	relation = relation_open(relation_oid(name), AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(relation) == 0;

	relation_close(relation, AccessShareLock);
	return empty;
}

/* The OID of one of our types, which is another one when the extension is created again */
Oid
type_oid(const char *name)
{
	Oid			namespace = get_namespace_oid("user_profile", false);
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									   ObjectIdGetDatum(namespace));

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"user_profile.%s\" does not exist", name),
				 errhint("CREATE EXTENSION user_profile makes it.")));
	return type;
}

/*----------
 * Checks of arguments: each names the argument and the value
 *----------
 */

void
check_not_null(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

/* The id of a user or a company */
void
check_id(FunctionCallInfo fcinfo, int argno, const char *name)
{
	check_not_null(fcinfo, argno, name);
	if (VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(argno)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", name)));
}

void
check_period_arg(FunctionCallInfo fcinfo, int argno)
{
	(void) period_from_arg(fcinfo, argno);
}

void
check_time(FunctionCallInfo fcinfo, int argno, const char *name)
{
	check_not_null(fcinfo, argno, name);
	if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(argno)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite, not %s", name,
						timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(argno)))));
}

void
check_max_rows(FunctionCallInfo fcinfo, int argno)
{
	if (!PG_ARGISNULL(argno) && PG_GETARG_INT32(argno) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE),
				 errmsg("max_rows must not be negative, but is %d", PG_GETARG_INT32(argno)),
				 errhint("NULL is no limit.")));
}

/* The name of a time zone, or NULL */
void
check_timezone_arg(FunctionCallInfo fcinfo, int argno)
{
	(void) timezone_from_arg(fcinfo, argno);
}

/* A text argument as a C string, for messages */
char *
text_arg(FunctionCallInfo fcinfo, int argno)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(argno));
}
