/*-------------------------------------------------------------------------
 *
 * refresh.c
 *	  Fold events of the log into timelines.
 *
 * Glossary
 *	watermark	folded_through in refresh_state: events with ids up to it are
 *				in timelines, those above it are pending
 *	fold		to add a batch of pending events to timelines, and to move
 *				the watermark, in one transaction
 *	part		a row of timelines; a user's new events go into the open part,
 *				which is closed when it has grown to its limit (see fold.c)
 *
 * Which ids may be folded?  All that are visible, provided that no event with
 * a lower id can still appear.  nextval() takes RowExclusiveLock on the
 * sequence before it assigns an id, and holds it until its transaction ends
 * (PostgreSQL does so in order to log the sequence correctly; see
 * lock_and_open_sequence()).  So we read the last id that was assigned, then
 * wait for all who hold that lock: after that, each id up to it is visible to
 * a new snapshot, or never will be.  The lock on the sequence says this better
 * than one on the table, which vacuum would take as well.  It needs that ids
 * come from the sequence, and that the sequence caches none.
 *
 * Locks.  A fold holds ShareRowExclusiveLock on refresh_state, "the refresh
 * lock", until its transaction ends.  It excludes other folds and what changes
 * folded events (delete, alias, expire, rebuild), but no reader and no writer
 * of events.  We do not hold it while we wait for writers, as one of them may
 * be waiting for it.  For the same reason locks on the tables of users, which
 * writers hold as well, come before it: a deletion with suppress waits for them.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "operations.h"
#include "refresh.h"
#include "user_profile.h"

/* More users than these are not set aside: it cannot be theirs any more */
#define MAX_FAILING_USERS	100

/* The events e that a condition tells, as fold_into_timelines() reads them */
#define EVENTS(which) \
	"SELECT e.event_id, e.user_id, e.occurred_at, e.kind, e.name, e.action, e.page" \
	" FROM user_profile.events e WHERE " which

/* Events in ($1, $2] that are not set aside, of user $3 where it is given */
static SqlQuery pending_events = {
	EVENTS("e.event_id > $1 AND e.event_id <= $2 AND ($3 IS NULL OR e.user_id = $3)"
		   " AND (NOT EXISTS (SELECT FROM user_profile.refresh_failures)"
		   "  OR e.event_id NOT IN (SELECT f.event_id FROM user_profile.refresh_failures f))"),
	{INT8OID, INT8OID, TEXTOID}
};

/* Events that were set aside, of user $1 */
#define FAILED_EVENTS \
	"e.event_id = ANY (ARRAY(SELECT f.event_id FROM user_profile.refresh_failures f))" \
	" AND e.user_id = $1"
static SqlQuery failed_events = {
	EVENTS(FAILED_EVENTS),
	{TEXTOID}
};

/*
 * Before events e are folded: give those of an alias to its user, and drop
 * those of suppressed users, in the log itself.  A message that the user has
 * already is kept without its id.
 */
#define SETTLE(which) \
	"WITH moving AS (" \
	"  SELECT e.event_id, a.user_id," \
	"    row_number() OVER (PARTITION BY a.user_id, e.message_id ORDER BY e.event_id) AS nth" \
	"  FROM user_profile.events e JOIN user_profile.aliases a ON a.previous_id = e.user_id" \
	"  WHERE " which " AND EXISTS (SELECT FROM user_profile.aliases)" \
	"), moved AS (" \
	"  UPDATE user_profile.events e SET user_id = m.user_id," \
	"    message_id = CASE WHEN m.nth = 1 AND NOT EXISTS (SELECT FROM user_profile.events k" \
	"      WHERE k.user_id = m.user_id AND k.message_id = e.message_id) THEN e.message_id END" \
	"  FROM moving m WHERE e.event_id = m.event_id" \
	") DELETE FROM user_profile.events e" \
	" WHERE " which " AND EXISTS (SELECT FROM user_profile.suppressions)" \
	"  AND user_profile.is_suppressed(e.user_id)"

static SqlQuery settle_query = {
	SETTLE("e.event_id > $1 AND e.event_id <= $2"),
	{INT8OID, INT8OID}
};
static SqlQuery settle_failed_query = {
	SETTLE(FAILED_EVENTS),
	{TEXTOID}
};

static SqlQuery watermark_query = {
	"SELECT coalesce((SELECT folded_through FROM user_profile.refresh_state), 0)",
	{InvalidOid}
};

/* Move the watermark */
static SqlQuery move_watermark_query = {
	"INSERT INTO user_profile.refresh_state AS s (folded_through, refreshed_at)"
	" VALUES ($1, clock_timestamp())"
	" ON CONFLICT (singleton) DO UPDATE SET folded_through = excluded.folded_through,"
	"  refreshed_at = excluded.refreshed_at, error = NULL, failed_at = NULL",
	{INT8OID}
};

/* What is known of users beside their events */
static const char *const tables_of_users[] = {"users", "memberships", "session_replays"};

/*
 * Wait for all who are writing of users, and hold up others until the end of the
 * transaction.  They lock the tables in any order, so we hold none while we wait
 * for another.
 */
void
keep_out_writers(void)
{
	int			first = 0;

	for (;;)
	{
		int			taken = -1;

		LockRelationOid(relation_oid(tables_of_users[first]), ShareRowExclusiveLock);
		for (int i = 0; i < lengthof(tables_of_users) && taken < 0; i++)
		{
			if (i != first && !ConditionalLockRelationOid(relation_oid(tables_of_users[i]),
														  ShareRowExclusiveLock))
				taken = i;
		}
		if (taken < 0)
			return;
		for (int i = 0; i < taken; i++)
		{
			if (i != first)
				UnlockRelationOid(relation_oid(tables_of_users[i]), ShareRowExclusiveLock);
		}
		UnlockRelationOid(relation_oid(tables_of_users[first]), ShareRowExclusiveLock);
		first = taken;
	}
}

/*
 * Take the refresh lock until the end of the transaction, for a function that
 * is to write: on a standby, the lock itself would be refused in stranger words
 */
void
lock_refresh(const char *function)
{
	PreventCommandIfReadOnly(function);
	for (int i = 0; i < lengthof(tables_of_users); i++)
		LockRelationOid(relation_oid(tables_of_users[i]), RowExclusiveLock);
	LockRelationOid(relation_oid("refresh_state"), ShareRowExclusiveLock);
}

/* Run a query that gives one number */
static int64
query_number(SqlQuery *query, QueryArgs args)
{
	Datum		value;
	bool		isnull;

	query_execute(query, args);
	value = query_value(1, &isnull);
	return isnull ? 0 : DatumGetInt64(value);
}

/* The last event id that was assigned */
static int64
last_assigned_id(void)
{
	static SqlQuery query = {
		"SELECT CASE WHEN is_called THEN last_value ELSE 0 END"
		" FROM user_profile.events_event_id_seq",
		{InvalidOid}
	};
	QueryArgs	none = {0};

	return query_number(&query, none);
}

/* Wait until every transaction that was assigned an event id so far has ended */
void
wait_for_writers(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation_oid("events_event_id_seq"));
	WaitForLockers(tag, ShareLock, false);
}

/*
 * Begin to move or remove folded events, for a function that has a SET clause.
 * All of them must be seen, which an old snapshot or a policy would prevent.
 * With wait, those who are writing events are waited for; with keep_out, those
 * who write of users, too, and others have to wait until the end of the
 * transaction.
 */
void
begin_rewrite(const char *function, bool wait, bool keep_out)
{
	PreventCommandIfReadOnly(function);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s needs the isolation level read committed", function),
				 errdetail("It could not see what others wrote since the transaction began.")));
	see_all_rows();
	if (wait)
		wait_for_writers();
	if (keep_out)
		keep_out_writers();
	lock_refresh(function);
}

/*
 * The id before that of the first event in (from, through], or through where
 * there is none: ids may have large gaps
 */
static int64
first_event(int64 from, int64 through)
{
	static SqlQuery query = {
		"SELECT coalesce(min(event_id) - 1, $2) FROM user_profile.events"
		" WHERE event_id > $1 AND event_id <= $2",
		{INT8OID, INT8OID}
	};
	QueryArgs	args = {2, {Int64GetDatum(from), Int64GetDatum(through)}};

	return query_number(&query, args);
}

/* Fold the events in (from, through]; user_id may be NULL: all */
static int64
fold_range(int64 from, int64 through, Datum user_id, bool all_users)
{
	QueryArgs	args = {3};

	args.values[0] = Int64GetDatum(from);
	args.values[1] = Int64GetDatum(through);
	args.values[2] = user_id;
	args.nulls[2] = all_users;
	return fold_into_timelines(&pending_events, args);
}

/* The events in (from, through] */
typedef struct Batch
{
	int64		from;
	int64		through;
	int64		folded;
} Batch;

static QueryArgs
batch_args(const Batch *batch)
{
	QueryArgs	args = {2};

	args.values[0] = Int64GetDatum(batch->from);
	args.values[1] = Int64GetDatum(batch->through);
	return args;
}

static void
move_watermark(int64 through)
{
	QueryArgs	args = {1};

	args.values[0] = Int64GetDatum(through);
	query_execute(&move_watermark_query, args);
}

/* Fold a batch and move the watermark, or raise an error */
static void
fold_batch(void *arg)
{
	static SqlQuery follow = {
		"INSERT INTO user_profile.refresh_failures (event_id)"
		" SELECT e.event_id FROM user_profile.events e"
		" WHERE e.event_id > $1 AND e.event_id <= $2"
		"  AND EXISTS (SELECT FROM user_profile.refresh_failures)"
		"  AND e.user_id IN (SELECT k.user_id FROM user_profile.events k"
		"   WHERE k.event_id = ANY (ARRAY(SELECT f.event_id"
		"    FROM user_profile.refresh_failures f WHERE f.error IS NOT NULL)))",
		{INT8OID, INT8OID}
	};
	Batch	   *batch = arg;

	query_execute_past_others(&settle_query, batch_args(batch));
	query_execute(&follow, batch_args(batch));
	batch->folded = fold_range(batch->from, batch->through, (Datum) 0, true);
	move_watermark(batch->through);
}

/*
 * May an error be due to an event, or to what there is of its user already?  A
 * trigger may raise what it likes.  But these classes (code that is wrong, rights,
 * locks, memory, disk, shutdown) would befall any batch, or none when it is tried
 * again.
 */
static bool
concerns_event(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_CONFIG_FILE_ERROR:
			return false;
		default:
			return error->sqlerrcode != ERRCODE_INDEX_CORRUPTED;
	}
}

static Datum
error_text(const ErrorData *error)
{
	return CStringGetTextDatum(error->detail != NULL ?
							   psprintf("%s: %s", error->message, error->detail) :
							   error->message);
}

/*
 * Set aside the one event of a batch that failed, and move the watermark past
 * it.  Raise the error where there is no event to blame, or too many users have
 * failed.
 */
static void
set_aside(const Batch *batch, ErrorData *error)
{
	static SqlQuery count = {
		"SELECT count(*) FROM user_profile.refresh_failures WHERE error IS NOT NULL",
		{InvalidOid}
	};
	static SqlQuery set_aside_event = {
		"INSERT INTO user_profile.refresh_failures (event_id, error, failed_at)"
		" SELECT e.event_id, $3, clock_timestamp() FROM user_profile.events e"
		" WHERE e.event_id > $1 AND e.event_id <= $2",
		{INT8OID, INT8OID, TEXTOID}
	};
	QueryArgs	none = {0};
	QueryArgs	args = batch_args(batch);

	args.nargs = 3;
	args.values[2] = error_text(error);
	if (query_number(&count, none) >= MAX_FAILING_USERS ||
		query_execute(&set_aside_event, args) == 0)
		ReThrowError(error);
	move_watermark(batch->through);
	ereport(WARNING,
			(errmsg("event " INT64_FORMAT " cannot be folded: %s",
					batch->through, error->message),
			 errdetail("It stays pending, and so does what comes after it of the same user."),
			 errhint("See user_profile.refresh_failures. Each refresh tries again.")));
}

/*
 * Fold one batch, a smaller one where the last has failed.  False where nothing
 * is left to do.
 */
static bool
refresh_batch(int64 target, int64 *size, Batch *batch)
{
	QueryArgs	none = {0};
	ErrorData  *error;

	lock_refresh("refresh()");
	batch->folded = 0;
	batch->from = query_number(&watermark_query, none);
	if (batch->from >= target)
		return false;
	batch->from = first_event(batch->from, target);
	batch->through = Min(target, batch->from + *size);
	error = run_in_subtransaction(fold_batch, batch);
	if (error == NULL)
	{
		*size = Min(batch_size, *size * 2);
		return true;
	}
	if (!concerns_event(error))
		ReThrowError(error);
	batch->folded = 0;
	if (batch->through - batch->from == 1)
		set_aside(batch, error);
	else
	{
		*size = (batch->through - batch->from) / 2;
		batch->through = batch->from;
	}
	return true;
}

/* A user with events that were set aside, and whose they are by now */
typedef struct FailingUser
{
	Datum		logged_id;
	Datum		user_id;
	int64		folded;
} FailingUser;

/* Fold what was set aside of a user, or raise an error */
static void
fold_failed(void *arg)
{
	static SqlQuery forget = {
		"DELETE FROM user_profile.refresh_failures r USING user_profile.events e"
		" WHERE r.event_id = e.event_id AND " FAILED_EVENTS,
		{TEXTOID}
	};
	FailingUser *user = arg;
	QueryArgs	args = {1};

	args.values[0] = user->logged_id;
	query_execute_past_others(&settle_failed_query, args);
	args.values[0] = user->user_id;
	user->folded = fold_into_timelines(&failed_events, args);
	query_execute(&forget, args);
}

static bool
any_failures(void)
{
	static SqlQuery query = {
		"SELECT FROM user_profile.refresh_failures LIMIT 1",
		{InvalidOid}
	};
	QueryArgs	none = {0};

	return query_execute(&query, none) > 0;
}

/* Try once more to fold what was set aside; returns the number of events folded */
static int64
retry_failures(void)
{
	/* Events that are no more in the log: deleted, perhaps as a remedy */
	static SqlQuery tidy = {
		"DELETE FROM user_profile.refresh_failures f WHERE NOT EXISTS ("
		" SELECT FROM user_profile.events e WHERE e.event_id = f.event_id)",
		{InvalidOid}
	};
	static SqlQuery failing_users = {
		"SELECT DISTINCT e.user_id, coalesce(a.user_id, e.user_id) FROM user_profile.events e"
		" LEFT JOIN user_profile.aliases a ON a.previous_id = e.user_id"
		" WHERE e.event_id = ANY (ARRAY(SELECT f.event_id FROM user_profile.refresh_failures f))",
		{InvalidOid}
	};

	/* The first event of a user has the error, those after it none */
	static SqlQuery failed_again = {
		"WITH failed AS (SELECT e.event_id FROM user_profile.events e WHERE " FAILED_EVENTS "),"
		" first AS (SELECT min(event_id) AS event_id FROM failed)"
		"UPDATE user_profile.refresh_failures r SET"
		"  error = CASE WHEN r.event_id = first.event_id THEN $2 END,"
		"  failed_at = CASE WHEN r.event_id = first.event_id THEN clock_timestamp() END"
		" FROM failed, first WHERE r.event_id = failed.event_id"
		"  AND (r.error IS NOT NULL OR r.event_id = first.event_id)",
		{TEXTOID, TEXTOID}
	};
	QueryArgs	none = {0};
	uint64		nusers;
	SPITupleTable *users;
	int64		folded = 0;

	lock_refresh("refresh()");
	query_execute(&tidy, none);
	nusers = query_execute(&failing_users, none);
	users = SPI_tuptable;
	for (uint64 i = 0; i < nusers; i++)
	{
		bool		isnull;
		FailingUser user = {
			SPI_getbinval(users->vals[i], users->tupdesc, 1, &isnull),
			SPI_getbinval(users->vals[i], users->tupdesc, 2, &isnull)
		};
		ErrorData  *error = run_in_subtransaction(fold_failed, &user);

		if (error == NULL)
			folded += user.folded;
		else if (concerns_event(error))
		{
			QueryArgs	args = {2};

			args.values[0] = user.logged_id;
			args.values[1] = error_text(error);
			query_execute(&failed_again, args);
		}
		else
			ReThrowError(error);
	}
	return folded;
}

/* Run a statement that cannot be prepared */
static void
run_statement(const char *statement)
{
	int			result = SPI_execute(statement, false, 0);

	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement, SPI_result_code_string(result));
}

/*
 * After the first refresh: put the timelines in the order of their keys, and
 * let the planner know them.
 *
 * Each batch has written a new version of most timelines, and the space of the
 * old ones is reused only after a vacuum, which cannot run between batches.
 * Later on autovacuum sees to that.  This needs the table for itself, for a
 * second in each 100 MB, and is left out where others use it, or where we are
 * not its owner.
 *
 * Rows are large: to sort all in memory, or to sample as many as of other
 * tables, would take more of it than a batch, and is not faster.
 */
static void
settle_timelines(void)
{
	Oid			timelines = relation_oid("timelines");
	int			nestlevel;

	if (!owns_relation(timelines) ||
		!ConditionalLockRelationOid(timelines, AccessExclusiveLock))
		return;
	nestlevel = NewGUCNestLevel();
	set_for_now("maintenance_work_mem", "16MB");
	set_for_now("default_statistics_target", "10");
	run_statement("CLUSTER user_profile.timelines USING timelines_pkey");
	run_statement("ANALYZE user_profile.timelines, user_profile.users");
	AtEOXact_GUC(true, nestlevel);
	run_statement("ANALYZE user_profile.events");
}

/*
 * Commit, which ends all settings, and begin a transaction with our own; returns
 * their level.  The snapshot for all else, which the portal of a CALL looks
 * after, has to be renewed here for the background worker.
 */
static int
next_transaction(void)
{
	if (ActivePortal == NULL)
		PopActiveSnapshot();
	SPI_commit();
	if (ActivePortal == NULL)
		PushActiveSnapshot(GetTransactionSnapshot());
	return pin_settings();
}

/* What refresh_all() does, all but the end of the settings of the last transaction */
static void
refresh_in_transactions(bool (*may_go_on) (void), int *settings)
{
	QueryArgs	none = {0};
	Batch		batch;
	int64		target;
	int64		watermark;
	int64		size = batch_size;
	int64		done = 0;
	instr_time	start;

	if (may_go_on != NULL && !may_go_on())
		return;
	target = last_assigned_id();
	watermark = query_number(&watermark_query, none);
	if (target < watermark)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the sequence of event ids is behind the watermark: at " INT64_FORMAT ", which is below " INT64_FORMAT,
						target, watermark),
				 errdetail("New events would get ids that count as folded, and be in no profile."),
				 errhint("Set it: SELECT setval('user_profile.events_event_id_seq', " INT64_FORMAT "); then call rebuild_timelines().",
						 watermark)));
	if (any_failures())
	{
		int64		folded;

		*settings = next_transaction();
		if (may_go_on != NULL && !may_go_on())
			return;
		folded = retry_failures();
		if (folded > 0)
			ereport(NOTICE,
					(errmsg("folded " INT64_FORMAT " events that had been set aside", folded)));
	}
	if (any_left_behind())
	{
		*settings = next_transaction();
		if (may_go_on != NULL && !may_go_on())
			return;
		lock_refresh("refresh()");
		move_left_behind();
	}
	if (watermark >= target)
		return;
	INSTR_TIME_SET_CURRENT(start);

	/* Wait without any lock that a writer may want, as for DROP EXTENSION */
	*settings = next_transaction();
	wait_for_writers();
	for (;;)
	{
		instr_time	now;
		double		seconds;

		/*
		 * Each batch sees what was committed before it, whatever the
		 * isolation level
		 */
		*settings = next_transaction();
		if (may_go_on != NULL && !may_go_on())
			return;
		if (!refresh_batch(target, &size, &batch))
			break;
		if (batch.through == batch.from)
			continue;
		done += batch.folded;
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start);
		seconds = INSTR_TIME_GET_DOUBLE(now);
		ereport(NOTICE,
				(errmsg("folded " INT64_FORMAT " events through id " INT64_FORMAT " of " INT64_FORMAT " (%.0f events/s)",
						done, batch.through, target, seconds > 0 ? done / seconds : 0)));
	}
	if (watermark == 0 && done > 0)
		settle_timelines();
}

/*
 * Fold all events that are in the log by now, a transaction a batch, within the
 * caller's non-atomic SPI connection.  Stops early where may_go_on, if given,
 * says so at the beginning of a transaction.  The last transaction is the
 * caller's, to whom its settings are left as they were.
 */
void
refresh_all(bool (*may_go_on) (void))
{
	int			settings = pin_settings();

	refresh_in_transactions(may_go_on, &settings);
	AtEOXact_GUC(true, settings);
}

/* CALL refresh() */
PG_FUNCTION_INFO_V1(refresh);
Datum
refresh(PG_FUNCTION_ARGS)
{
	bool		atomic = true;

	if (fcinfo->context != NULL && IsA(fcinfo->context, CallContext))
		atomic = ((CallContext *) fcinfo->context)->atomic;
	if (atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("refresh() cannot run inside a transaction block"),
				 errdetail("It commits each batch.")));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	refresh_all(NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Fold again the log of one user, or of all, as far as it was folded before,
 * and count the events.  The caller holds the refresh lock and has removed
 * them from the timelines.
 */
int64
fold_again(Datum user_id, bool all_users)
{
	QueryArgs	none = {0};
	int64		watermark = query_number(&watermark_query, none);
	int64		done = 0;

	for (int64 from = first_event(0, watermark); from < watermark;)
	{
		int64		through = Min(watermark, from + batch_size);

		done += fold_range(from, through, user_id, all_users);
		from = first_event(through, watermark);
	}
	return done;
}
