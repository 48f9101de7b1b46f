/*-------------------------------------------------------------------------
 *
 * visible.c
 *	  Row-level security on users, for everything that rests on users.
 *
 * The owner of the database may put policies on the table users.  Whom a role
 * does not see there, it sees in no view.  Without such policies, or for a role
 * that they do not bind, the answer costs nothing.
 *
 * This is a function rather than a condition in SQL because the planner would
 * charge a look-up in users for each timeline, and choose its plans, and JIT
 * compilation, by that.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"
#include "utils/rls.h"

/* What is decided once a query */
typedef enum Visibility
{
	EVERYBODY = 1,
	BY_POLICY
} Visibility;

PG_FUNCTION_INFO_V1(user_visible);
Datum
user_visible(PG_FUNCTION_ARGS)
{
	/* Qualified, as no search path is pinned for what is called for each row */
	static SqlQuery query = {
		"SELECT FROM user_profile.users u WHERE u.user_id OPERATOR(pg_catalog.=) $1",
		{TEXTOID}
	};
	Visibility	visibility = (Visibility) (intptr_t) fcinfo->flinfo->fn_extra;
	QueryArgs	args = {1};
	bool		visible;

	if (visibility == 0)
	{
		visibility = check_enable_rls(relation_oid("users"), InvalidOid, true) == RLS_ENABLED ?
			BY_POLICY : EVERYBODY;
		fcinfo->flinfo->fn_extra = (void *) (intptr_t) visibility;
	}
	if (visibility == EVERYBODY)
		PG_RETURN_BOOL(true);

	args.values[0] = PG_GETARG_DATUM(0);
	SPI_connect();
	visible = query_read(&query, args) > 0;
	SPI_finish();
	PG_RETURN_BOOL(visible);
}
