/*-------------------------------------------------------------------------
 *
 * access.c
 *	  Give roles the rights of a level, and take them away.
 *
 * Which right on which object belongs to which level is declared in the view
 * access_levels (sql/parts/80_access.sql).
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* The level in an argument, which must be one of the three */
static void
check_level(FunctionCallInfo fcinfo, int argno)
{
	const char *level;

	check_not_null(fcinfo, argno, "level");
	level = text_arg(fcinfo, argno);
	if (strcmp(level, "reader") != 0 && strcmp(level, "writer") != 0 &&
		strcmp(level, "operator") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level must be reader, writer or operator, not \"%s\"", level)));
}

/* Run the statements that a query gives, in the caller's SPI connection */
static void
run_statements(SqlQuery *query, QueryArgs args)
{
	uint64		nstatements = query_execute(query, args);
	SPITupleTable *statements = SPI_tuptable;

	for (uint64 i = 0; i < nstatements; i++)
	{
		char	   *statement = SPI_getvalue(statements->vals[i], statements->tupdesc, 1);
		int			result = SPI_execute(statement, false, 0);

		if (result < 0)
			elog(ERROR, "could not run \"%s\": %s", statement, SPI_result_code_string(result));
	}
}

/*
 * A role that exists.  Only the owner of the extension can grant: GRANT by
 * anybody else would warn, and change nothing.
 */
static void
check_role(FunctionCallInfo fcinfo, int argno)
{
	check_not_null(fcinfo, argno, "role");
	(void) GetUserNameFromId(PG_GETARG_OID(argno), false);
	if (!owns_relation(relation_oid("events")))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of extension user_profile to grant or revoke access")));
}

PG_FUNCTION_INFO_V1(grant_access);
Datum
grant_access(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT format('GRANT USAGE ON SCHEMA user_profile TO %s', $1::regrole)"
		" UNION ALL"
		" SELECT format('GRANT %s ON %s TO %s', a.privileges, a.object, $1::regrole)"
		" FROM user_profile.access_levels a WHERE a.level = $2 OR $2 = 'operator'",
		{OIDOID, TEXTOID}
	};

	check_role(fcinfo, 0);
	check_level(fcinfo, 1);
	SPI_connect();
	run_statements(&query, query_args(fcinfo));
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(revoke_access);
Datum
revoke_access(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT format('REVOKE ALL ON %s FROM %s', a.object, $1::regrole)"
		" FROM (SELECT DISTINCT object FROM user_profile.access_levels) a"
		" UNION ALL"
		" SELECT format('REVOKE USAGE ON SCHEMA user_profile FROM %s', $1::regrole)",
		{OIDOID}
	};

	check_role(fcinfo, 0);
	SPI_connect();
	run_statements(&query, query_args(fcinfo));
	SPI_finish();
	PG_RETURN_VOID();
}
