/*-------------------------------------------------------------------------
 *
 * ingest.c
 *	  Functions that bring in users, companies, memberships and events.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "ingest.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "look.h"
#include "suppress.h"

/*
 * What arrives under an id that is an alias by now belongs to the user that has
 * it; see alias().
 */
#define USER_ID \
	"coalesce((SELECT a.user_id FROM user_profile.aliases a WHERE a.previous_id = $1), $1)"

/* Run a statement of which only the effect counts */
static void
run(SqlQuery *query, QueryArgs args)
{
	SPI_connect();
	query_execute(query, args);
	SPI_finish();
}

/* An argument of a query; NULL is null */
static void
add_arg(QueryArgs *args, const void *value)
{
	args->nulls[args->nargs] = value == NULL;
	args->values[args->nargs++] = PointerGetDatum(value);
}

/*----------
 * JSON
 *----------
 */

/* Get a field of an object; NULL where it is missing or a JSON null */
JsonbValue *
json_field(Jsonb *object, const char *name, JsonbValue *value)
{
	if (getKeyJsonValueFromContainer(&object->root, name, strlen(name), value) == NULL ||
		value->type == jbvNull)
		return NULL;
	return value;
}

/* The type of a JSON value, for messages */
const char *
json_type_name(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return "string";
		case jbvNumeric:
			return "number";
		case jbvBool:
			return "boolean";
		case jbvBinary:
			return JsonContainerIsArray(value->val.binary.data) ? "array" : "object";
		default:
			return "object";
	}
}

/* Raise the error that was caught with a prefix to its message, from PG_CATCH() */
void
rethrow_with_prefix(MemoryContext context, const char *prefix)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	error->message = psprintf("%s: %s", prefix, error->message);
	ReThrowError(error);
}

/* Is this a time in digits, of seconds or milliseconds since 1970? */
static bool
all_digits(const char *string, int length)
{
	if (length != 10 && length != 13)
		return false;
	return strspn(string, "0123456789") == length;
}

/* The text of a time in JSON */
static char *
time_string(const JsonbValue *value, const char *name)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a time, not %s", name, json_type_name(value)),
			 errhint("Give a string as of ISO 8601, or a number of seconds or milliseconds since 1970.")));
	return NULL;				/* keep the compiler quiet */
}

/*
 * Get a time from JSON: a string, or a number of seconds since 1970, or of
 * milliseconds where seconds would be past the year 5000.
 */
TimestampTz
json_time(const JsonbValue *value, const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *string = time_string(value, name);
	volatile TimestampTz result = 0;

	PG_TRY();
	{
		if (value->type == jbvNumeric || all_digits(string, strlen(string)))
		{
			double		number = DatumGetFloat8(DirectFunctionCall1(float8in,
																	CStringGetDatum(string)));

			if (number >= 1e11 || number <= -1e11)
				number /= 1000;
			result = DatumGetTimestampTz(DirectFunctionCall1(float8_timestamptz,
															 Float8GetDatum(number)));
		}
		else
			result = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
															 CStringGetDatum(string),
															 ObjectIdGetDatum(InvalidOid),
															 Int32GetDatum(-1)));
	}
	PG_CATCH();
	{
		rethrow_with_prefix(context, name);
	}
	PG_END_TRY();

	if (TIMESTAMP_NOT_FINITE(result))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite, not %s", name, string)));
	return result;
}

/*----------
 * Users and companies
 *----------
 */

/* Traits are an object; NULL is an empty one */
static Jsonb *
traits_arg(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	if (!JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(argno)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("traits must be a JSON object, not %s",
						text_to_cstring(DatumGetTextPP(DirectFunctionCall1(jsonb_typeof,
																		   PG_GETARG_DATUM(argno))))),
				 errhint("Give traits such as {\"name\": \"Ada\", \"plan\": \"pro\"}.")));
	return PG_GETARG_JSONB_P(argno);
}

/* Add the time of signing up that traits give; null where they give none */
static void
add_signed_up_at(QueryArgs *args, Jsonb *traits)
{
	static const char *const names[] = {"signed_up_at", "created_at"};
	JsonbValue	value;

	args->nulls[args->nargs] = true;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (getKeyJsonValueFromContainer(&traits->root, names[i], strlen(names[i]), &value) == NULL)
			continue;
		if (value.type != jbvNull)
		{
			args->values[args->nargs] = TimestampTzGetDatum(json_time(&value, names[i]));
			args->nulls[args->nargs] = false;
		}
		break;
	}
	args->nargs++;
}

/* A trait that is a column: set where the key is given, removed by a JSON null */
#define TRAIT(row, column) \
	column " = CASE WHEN $2 ? '" column "' THEN excluded." column " ELSE " row "." column " END"
#define SIGNED_UP_AT(row) \
	"signed_up_at = CASE WHEN $2 ?| '{signed_up_at,created_at}'" \
	" THEN excluded.signed_up_at ELSE " row ".signed_up_at END"

/* What is left for properties: keys that are no columns, without the removed ones */
#define PROPERTIES(row) \
	"properties = (" row ".properties || excluded.properties) -" \
	" (SELECT coalesce(array_agg(key), '{}') FROM jsonb_each($2) WHERE value = 'null')"
#define NEW_PROPERTIES(columns) \
	"(SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each($2)" \
	" WHERE value <> 'null' AND key <> ALL (" columns "))"

/* Set traits of a user */
void
put_user(text *user_id, Jsonb *traits)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.users AS u (user_id, name, email, country, signed_up_at, properties)"
		" VALUES (" USER_ID ", $2 ->> 'name', $2 ->> 'email', $2 ->> 'country', $3,"
		"  " NEW_PROPERTIES("'{name,email,country,signed_up_at,created_at}'") ")"
		" ON CONFLICT (user_id) DO UPDATE SET "
		TRAIT("u", "name") ", " TRAIT("u", "email") ", " TRAIT("u", "country") ", "
		SIGNED_UP_AT("u") ", " PROPERTIES("u"),
		{TEXTOID, JSONBOID, TIMESTAMPTZOID}
	};
	QueryArgs	args = {0};

	add_arg(&args, user_id);
	add_arg(&args, traits);
	add_signed_up_at(&args, traits);
	run(&query, args);
}

/* Set traits of a company */
void
put_company(text *company_id, Jsonb *traits)
{
	static SqlQuery query = {
		"INSERT INTO user_profile.companies AS c (company_id, name, signed_up_at, properties)"
		" VALUES ($1, $2 ->> 'name', $3, " NEW_PROPERTIES("'{name,signed_up_at,created_at}'") ")"
		" ON CONFLICT (company_id) DO UPDATE SET "
		TRAIT("c", "name") ", " SIGNED_UP_AT("c") ", " PROPERTIES("c"),
		{TEXTOID, JSONBOID, TIMESTAMPTZOID}
	};
	QueryArgs	args = {0};

	add_arg(&args, company_id);
	add_arg(&args, traits);
	add_signed_up_at(&args, traits);
	run(&query, args);
}

PG_FUNCTION_INFO_V1(identify);
Datum
identify(PG_FUNCTION_ARGS)
{
	check_id(fcinfo, 0, "user_id");
	put_user(PG_GETARG_TEXT_PP(0), traits_arg(fcinfo, 1));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(identify_company);
Datum
identify_company(PG_FUNCTION_ARGS)
{
	check_id(fcinfo, 0, "company_id");
	put_company(PG_GETARG_TEXT_PP(0), traits_arg(fcinfo, 1));
	PG_RETURN_VOID();
}

/*----------
 * Rows that come by COPY or INSERT
 *----------
 */

/* Whose is an id by now, as the active snapshot shows it?  Null where it is no alias. */
static Datum
look_up_alias(Datum previous_id, bool *isnull)
{
	const KeyCondition condition = {BTEqualStrategyNumber, F_TEXTEQ, previous_id};
	Datum		user_id = (Datum) 0;
	KeyScan		look;

	*isnull = true;
	begin_key_scan(&look, keyed_table("aliases"), &condition, 1);
	if (next_row_by_key(&look))
	{
		user_id = slot_getattr(look.row, get_attnum(RelationGetRelid(look.relation), "user_id"),
							   isnull);
		if (!*isnull)
			user_id = PointerGetDatum(DatumGetTextPCopy(user_id));
	}
	end_key_scan(&look);
	return user_id;
}

/* Let a row of users fill what is not known of another user yet; false where there is none */
static bool
fill_user(Datum user_id, HeapTuple row, TupleDesc tupdesc)
{
	static SqlQuery query = {
		"UPDATE user_profile.users u SET name = coalesce(u.name, $2),"
		"  email = coalesce(u.email, $3), country = coalesce(u.country, $4),"
		"  signed_up_at = coalesce(u.signed_up_at, $5),"
		"  properties = coalesce($6, '{}') || u.properties WHERE u.user_id = $1",
		{TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID}
	};
	static const char *const columns[] = {"name", "email", "country", "signed_up_at", "properties"};
	QueryArgs	args = {1, {user_id}};
	bool		filled;

	for (int i = 0; i < lengthof(columns); i++, args.nargs++)
		args.values[args.nargs] = SPI_getbinval(row, tupdesc, SPI_fnumber(tupdesc, columns[i]),
												&args.nulls[args.nargs]);
	SPI_connect();
	filled = query_execute(&query, args) > 0;
	SPI_finish();
	return filled;
}

/*
 * Row trigger of users, memberships and session_replays: what comes under the id
 * of an alias is its user's, and what is of a suppressed user is passed over.
 *
 * It looks as of now: its statement may have waited for a deletion (see
 * keep_out_writers()), so that its snapshot does not show what that one has
 * suppressed.  Where the key of the digests is missing a row is kept, as pg_restore may bring
 * the tables in any order; for the same reason a row of users stays where the
 * alias has no user yet.
 */
PG_FUNCTION_INFO_V1(settle_row);
Datum
settle_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	tupdesc;
	HeapTuple	row;
	int			column;
	Datum		user_id;
	Datum		present;
	bool		isnull;
	bool		is_user;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!(TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("settle_row() must be called as a trigger before an insert or update of a row")));
	tupdesc = RelationGetDescr(trigger->tg_relation);
	column = SPI_fnumber(tupdesc, "user_id");
	if (column <= 0 || SPI_gettypeid(tupdesc, column) != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("relation \"%s\" has no column user_id of type text",
						RelationGetRelationName(trigger->tg_relation))));

	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	user_id = SPI_getbinval(row, tupdesc, column, &isnull);
	if (isnull)
		return PointerGetDatum(row);
	is_user = RelationGetRelid(trigger->tg_relation) == relation_oid("users");

	PushActiveSnapshot(GetLatestSnapshot());
	if (id_is_suppressed(fcinfo, DatumGetTextPP(user_id), true))
		row = NULL;
	present = look_up_alias(user_id, &isnull);
	PopActiveSnapshot();
	if (row == NULL || isnull)
		return PointerGetDatum(row);
	if (!is_user)
		row = heap_modify_tuple_by_cols(row, tupdesc, 1, &column, &present, &isnull);
	else if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && fill_user(present, row, tupdesc))
		row = NULL;
	return PointerGetDatum(row);
}

/*----------
 * Memberships
 *----------
 */

/* Make a user a member of a company; both come to be where unknown */
void
put_membership(text *user_id, text *company_id, TimestampTz at)
{
	static SqlQuery query = {
		"WITH u AS ("
		"  INSERT INTO user_profile.users (user_id) VALUES (" USER_ID ") ON CONFLICT DO NOTHING"
		"), c AS ("
		"  INSERT INTO user_profile.companies (company_id) VALUES ($2) ON CONFLICT DO NOTHING"
		")"
		"INSERT INTO user_profile.memberships (user_id, company_id, joined_at)"
		" VALUES (" USER_ID ", $2, $3)"
		" ON CONFLICT DO NOTHING",
		{TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	QueryArgs	args = {0};

	add_arg(&args, user_id);
	add_arg(&args, company_id);
	args.values[args.nargs++] = TimestampTzGetDatum(at);
	run(&query, args);
}

PG_FUNCTION_INFO_V1(join_company);
Datum
join_company(PG_FUNCTION_ARGS)
{
	check_id(fcinfo, 0, "user_id");
	check_id(fcinfo, 1, "company_id");
	check_time(fcinfo, 2, "at");
	put_membership(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), PG_GETARG_TIMESTAMPTZ(2));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(leave_company);
Datum
leave_company(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"UPDATE user_profile.memberships SET left_at = $3"
		" WHERE user_id = " USER_ID " AND company_id = $2 AND left_at IS NULL AND joined_at <= $3",
		{TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	static SqlQuery joined = {
		"SELECT joined_at FROM user_profile.memberships"
		" WHERE user_id = " USER_ID " AND company_id = $2 AND left_at IS NULL",
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

/*----------
 * Events
 *----------
 */

/* Ids are keys of btrees, which take no long ones */
#define USER_ID_MAX_BYTES	1024

/* Add the column that is at fault to an error about an event */
static int
err_column(const char *column)
{
	err_generic_string(PG_DIAG_SCHEMA_NAME, "user_profile");
	err_generic_string(PG_DIAG_TABLE_NAME, "events");
	err_generic_string(PG_DIAG_COLUMN_NAME, column);
	return err_generic_string(PG_DIAG_CONSTRAINT_NAME, "event_is_valid");
}

/* The bytes of a text, which need not be fetched for it */
static Size
text_bytes(Datum text)
{
	return toast_raw_datum_size(text) - VARHDRSZ;
}

/* Check the score in the properties of an nps event, where it has one */
static void
check_score(Jsonb *properties)
{
	JsonbValue	score;
	const char *found;

	if (!JB_ROOT_IS_OBJECT(properties) || json_field(properties, "score", &score) == NULL)
		return;
	if (score.type == jbvNumeric)
	{
		Datum		number = NumericGetDatum(score.val.numeric);

		for (int whole = 0; whole <= 10; whole++)
			if (DatumGetBool(DirectFunctionCall2(numeric_eq, number,
												 NumericGetDatum(int64_to_numeric(whole)))))
				return;
		found = DatumGetCString(DirectFunctionCall1(numeric_out, number));
	}
	else if (score.type == jbvString)
		found = psprintf("the string \"%s\"", pnstrdup(score.val.string.val, score.val.string.len));
	else
		found = json_type_name(&score);
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 err_column("properties"),
			 errmsg("\"score\" must be a whole number from 0 to 10, not %s", found),
			 errhint("Give a number, as in {\"score\": 9}; null, or no score at all, is none.")));
}

/*
 * Check a row of events: true, or an error.  As in any constraint, a null is no
 * fault; NOT NULL is the table's.  One function rather than a constraint for
 * each column, as the server reads and compiles constraints anew for each
 * statement, which took a quarter of the time of track().
 */
PG_FUNCTION_INFO_V1(check_event);
Datum
check_event(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
	{
		Size		bytes = text_bytes(PG_GETARG_DATUM(0));

		if (bytes == 0)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 err_column("user_id"),
					 errmsg("user_id must not be empty")));
		if (bytes > USER_ID_MAX_BYTES)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 err_column("user_id"),
					 errmsg("user_id must have at most %d bytes, but has %zu",
							USER_ID_MAX_BYTES, bytes),
					 errhint("Give a shorter id, such as a digest of it.")));
	}
	if (!PG_ARGISNULL(1) && text_bytes(PG_GETARG_DATUM(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 err_column("name"),
				 errmsg("name must not be empty"),
				 errhint("The page may be the name of a page view.")));
	if (!PG_ARGISNULL(2) && TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(2)))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 err_column("occurred_at"),
				 errmsg("occurred_at must be finite, not %s",
						timestamptz_to_str(PG_GETARG_TIMESTAMPTZ(2)))));
	if (!PG_ARGISNULL(3) && !PG_ARGISNULL(4))
	{
		Oid			nps = (Oid) (uintptr_t) fcinfo->flinfo->fn_extra;

		if (!OidIsValid(nps))
		{
			nps = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
								  ObjectIdGetDatum(get_fn_expr_argtype(fcinfo->flinfo, 3)),
								  CStringGetDatum("nps"));
			fcinfo->flinfo->fn_extra = (void *) (uintptr_t) nps;
		}
		if (PG_GETARG_OID(3) == nps)
			check_score(PG_GETARG_JSONB_P(4));
	}
	PG_RETURN_BOOL(true);
}

/*
 * Is the user suppressed whose this id is by now?  In the caller's SPI
 * connection.
 */
static bool
user_is_suppressed(text *user_id)
{
	static SqlQuery query = {"SELECT user_profile.is_suppressed(" USER_ID ")", {TEXTOID}};
	QueryArgs	args = {0};
	bool		isnull;

	if (relation_is_empty("suppressions"))
		return false;
	add_arg(&args, user_id);
	query_execute(&query, args);
	return DatumGetBool(query_value(1, &isnull));
}

/*
 * Add an event to the log.  False where its message was seen before, or the
 * user is suppressed.  A message that was seen before the user's id became an
 * alias may still stand under that id.
 *
 * Aliases and suppressions that come to be after we have looked for them are as
 * those after the snapshot of the statement: the fold settles what was written
 * meanwhile.
 */
bool
put_event(const NewEvent *event, int64 *event_id)
{
#define PUT_EVENT(row) \
	"INSERT INTO user_profile.events" \
	" (user_id, name, kind, page, properties, occurred_at, action, message_id) " row \
	" RETURNING event_id"
#define UNLESS_SEEN \
	" ON CONFLICT (user_id, message_id) WHERE message_id IS NOT NULL DO NOTHING"
#define EVENT_TYPES \
	{TEXTOID, TEXTOID, InvalidOid, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}

	/*
	 * By whether there are aliases, as to look for one costs a sixth of the
	 * whole, and whether there is a message id: most have none
	 */
	static SqlQuery queries[2][2] = {
		{
			{PUT_EVENT("VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"), EVENT_TYPES},
			{PUT_EVENT("VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" UNLESS_SEEN), EVENT_TYPES}
		},
		{
			{PUT_EVENT("VALUES (" USER_ID ", $2, $3, $4, $5, $6, $7, $8)"), EVENT_TYPES},
			{PUT_EVENT("SELECT i.user_id, $2, $3, $4, $5, $6, $7, $8"
					   " FROM (SELECT " USER_ID " AS user_id OFFSET 0) i"
					   " WHERE CASE WHEN i.user_id <> $1"
					   "   THEN NOT EXISTS (SELECT FROM user_profile.events e"
					   "    WHERE e.user_id = $1 AND e.message_id = $8) ELSE true END"
					   UNLESS_SEEN), EVENT_TYPES}
		}
	};
	SqlQuery   *query = &queries[!relation_is_empty("aliases")][event->message_id != NULL];
	QueryArgs	args = {0};
	bool		added;
	bool		isnull;

	add_arg(&args, event->user_id);
	add_arg(&args, event->name);
	args.values[args.nargs++] = event->kind;
	add_arg(&args, event->page);
	add_arg(&args, event->properties);
	args.values[args.nargs++] = TimestampTzGetDatum(event->occurred_at);
	add_arg(&args, event->action);
	add_arg(&args, event->message_id);
	query->types[2] = type_oid("event_kind");
	*event_id = 0;
	SPI_connect();
	added = !user_is_suppressed(event->user_id) && query_execute(query, args) > 0;
	if (added)
		*event_id = DatumGetInt64(query_value(1, &isnull));
	SPI_finish();
	return added;
}

PG_FUNCTION_INFO_V1(track);
Datum
track(PG_FUNCTION_ARGS)
{
	NewEvent	event = {0};
	int64		event_id;

	check_id(fcinfo, 0, "user_id");
	check_id(fcinfo, 1, "name");
	check_not_null(fcinfo, 2, "kind");
	check_time(fcinfo, 5, "occurred_at");
	event.user_id = PG_GETARG_TEXT_PP(0);
	event.name = PG_GETARG_TEXT_PP(1);
	event.kind = PG_GETARG_DATUM(2);
	event.occurred_at = PG_GETARG_TIMESTAMPTZ(5);
	if (!PG_ARGISNULL(3))
		event.page = PG_GETARG_TEXT_PP(3);
	if (!PG_ARGISNULL(4))
		event.properties = PG_GETARG_JSONB_P(4);
	if (!PG_ARGISNULL(6))
		event.action = PG_GETARG_TEXT_PP(6);
	if (!PG_ARGISNULL(7))
		event.message_id = PG_GETARG_TEXT_PP(7);
	if (!put_event(&event, &event_id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(event_id);
}
