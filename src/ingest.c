/*-------------------------------------------------------------------------
 *
 * ingest.c
 *	  Functions that bring in users, companies, memberships and events.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Run a statement of a function that returns nothing */
static void
run(SqlQuery *query, QueryArgs args)
{
	SPI_connect();
	query_execute(query, args);
	SPI_finish();
}

/* Traits are an object; NULL is an empty one */
static void
check_traits(FunctionCallInfo fcinfo, int argno, QueryArgs *args)
{
	if (PG_ARGISNULL(argno))
	{
		args->values[argno] = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
		args->nulls[argno] = false;
	}
	else if (!JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(argno)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("traits must be a JSON object, not %s",
						text_to_cstring(DatumGetTextPP(DirectFunctionCall1(jsonb_typeof,
																		   PG_GETARG_DATUM(argno))))),
				 errhint("Give traits such as {\"name\": \"Ada\", \"plan\": \"pro\"}.")));
}

/* A trait that is a column: set where the key is given, removed by a JSON null */
#define TRAIT(row, column, key) \
	column " = CASE WHEN $2 ? '" key "' THEN excluded." column " ELSE " row "." column " END"

/*
 * A time in JSON: a number counts seconds since 1970, or milliseconds where
 * seconds would be past the year 5000.
 */
#define JSON_TIME(value) \
	"CASE jsonb_typeof(" value ") WHEN 'null' THEN NULL WHEN 'number' THEN" \
	" to_timestamp((" value ")::float8 / CASE WHEN (" value ")::float8 < 1e11 THEN 1 ELSE 1000 END)" \
	" ELSE (" value " #>> '{}')::timestamptz END"

#define SIGNED_UP_AT	JSON_TIME("coalesce($2 -> 'signed_up_at', $2 -> 'created_at')")

/* What is left for properties: keys that are no columns, without the removed ones */
#define PROPERTIES(row) \
	"properties = (" row ".properties || excluded.properties) -" \
	" (SELECT coalesce(array_agg(key), '{}') FROM jsonb_each($2) WHERE value = 'null')"
#define NEW_PROPERTIES(columns) \
	"(SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each($2)" \
	" WHERE value <> 'null' AND key <> ALL (" columns "))"

#define USER_COLUMNS	"'{name,email,country,signed_up_at,created_at}'"
#define COMPANY_COLUMNS "'{name,signed_up_at,created_at}'"

PG_FUNCTION_INFO_V1(identify);
Datum
identify(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.users AS u (user_id, name, email, country, signed_up_at, properties)"
		" VALUES ($1, $2 ->> 'name', $2 ->> 'email', $2 ->> 'country', " SIGNED_UP_AT ","
		"  " NEW_PROPERTIES(USER_COLUMNS) ")"
		" ON CONFLICT (user_id) DO UPDATE SET "
		TRAIT("u", "name", "name") ", "
		TRAIT("u", "email", "email") ", "
		TRAIT("u", "country", "country") ", "
		"signed_up_at = CASE WHEN $2 ?| '{signed_up_at,created_at}'"
		"  THEN excluded.signed_up_at ELSE u.signed_up_at END, "
		PROPERTIES("u"),
		{TEXTOID, JSONBOID}
	};
	QueryArgs	args = query_args(fcinfo);

	check_id(fcinfo, 0, "user_id");
	check_traits(fcinfo, 1, &args);
	run(&query, args);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(identify_company);
Datum
identify_company(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.companies AS c (company_id, name, signed_up_at, properties)"
		" VALUES ($1, $2 ->> 'name', " SIGNED_UP_AT ", " NEW_PROPERTIES(COMPANY_COLUMNS) ")"
		" ON CONFLICT (company_id) DO UPDATE SET "
		TRAIT("c", "name", "name") ", "
		"signed_up_at = CASE WHEN $2 ?| '{signed_up_at,created_at}'"
		"  THEN excluded.signed_up_at ELSE c.signed_up_at END, "
		PROPERTIES("c"),
		{TEXTOID, JSONBOID}
	};
	QueryArgs	args = query_args(fcinfo);

	check_id(fcinfo, 0, "company_id");
	check_traits(fcinfo, 1, &args);
	run(&query, args);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(join_company);
Datum
join_company(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"WITH u AS ("
		"  INSERT INTO user_profile.users (user_id) VALUES ($1) ON CONFLICT DO NOTHING"
		"), c AS ("
		"  INSERT INTO user_profile.companies (company_id) VALUES ($2) ON CONFLICT DO NOTHING"
		")"
		"INSERT INTO user_profile.memberships (user_id, company_id, joined_at)"
		" VALUES ($1, $2, $3)"
		" ON CONFLICT DO NOTHING",
		{TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};

	check_id(fcinfo, 0, "user_id");
	check_id(fcinfo, 1, "company_id");
	check_time(fcinfo, 2, "at");
	run(&query, query_args(fcinfo));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(leave_company);
Datum
leave_company(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"UPDATE user_profile.memberships SET left_at = $3"
		" WHERE user_id = $1 AND company_id = $2 AND left_at IS NULL AND joined_at <= $3",
		{TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	static SqlQuery joined = {
		"SELECT joined_at FROM user_profile.memberships"
		" WHERE user_id = $1 AND company_id = $2 AND left_at IS NULL",
		{TEXTOID, TEXTOID}
	};
	QueryArgs	args = query_args(fcinfo);

	check_id(fcinfo, 0, "user_id");
	check_id(fcinfo, 1, "company_id");
	check_time(fcinfo, 2, "at");
	SPI_connect();
	if (query_execute(&query, args) == 0)
	{
		args.nargs = 2;
		if (query_execute(&joined, args) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("user \"%s\" is not a member of company \"%s\"",
							text_arg(fcinfo, 0), text_arg(fcinfo, 1))));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("user \"%s\" cannot leave company \"%s\" at %s, before joining it",
						text_arg(fcinfo, 0), text_arg(fcinfo, 1),
						timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(2)))));
	}
	SPI_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(track);
Datum
track(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.events"
		" (user_id, name, kind, page, properties, occurred_at, action, message_id)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (user_id, message_id) WHERE message_id IS NOT NULL DO NOTHING"
		" RETURNING event_id",
		{TEXTOID, TEXTOID, InvalidOid, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}
	};
	Datum		event_id;
	bool		isnull;

	check_id(fcinfo, 0, "user_id");
	check_id(fcinfo, 1, "name");
	check_not_null(fcinfo, 2, "kind");
	check_time(fcinfo, 5, "occurred_at");
	query.types[2] = get_fn_expr_argtype(fcinfo->flinfo, 2);
	SPI_connect();
	query_execute(&query, query_args(fcinfo));
	event_id = query_value(1, &isnull);
	SPI_finish();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(event_id);
}
