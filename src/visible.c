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
#include "visible.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

/* May the current user see this one?  What is decided for all of a query is kept */
bool
user_is_visible(Datum user_id, Visibility *visibility)
{
	/* Qualified, as no search path is pinned for what is called for each row */
	static SqlQuery query = {
		"SELECT FROM user_profile.users u WHERE u.user_id OPERATOR(pg_catalog.=) $1",
		{TEXTOID}
	};
	QueryArgs	args = {1};
	bool		visible;

	if (!same_query(&visibility->query))
		visibility->by_policy = check_enable_rls(relation_oid("users"), InvalidOid, true) == RLS_ENABLED;
	if (!visibility->by_policy)
		return true;

	args.values[0] = user_id;
	SPI_connect();
	visible = query_read(&query, args) > 0;
	SPI_finish();
	return visible;
}

PG_FUNCTION_INFO_V1(user_visible);
Datum
user_visible(PG_FUNCTION_ARGS)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
														  sizeof(Visibility));
	PG_RETURN_BOOL(user_is_visible(PG_GETARG_DATUM(0), fcinfo->flinfo->fn_extra));
}

/* May the current user read the errors of refreshes, which may tell of any user? */
bool
may_read_errors(void)
{
	Oid			state = relation_oid("refresh_state");

	return pg_class_aclcheck(state, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck(state, get_attnum(state, "error"), GetUserId(),
							  ACL_SELECT) == ACLCHECK_OK;
}
