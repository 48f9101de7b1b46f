/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The background worker: folds events, deletes users whose time has come
 *	  and removes exclusion rules that have expired.
 *
 * With the library in shared_preload_libraries, a launcher runs as long as the
 * server.  It belongs to no database.  For each database of the setting
 * user_profile.databases it starts, every user_profile.refresh_interval, a
 * worker that makes one pass and ends: so nothing of ours keeps a connection
 * open for long.
 *
 * A pass has parts: the fold, each deletion, the rules.  One that fails does not
 * stop the others.  The pass has failed then: that is recorded, in refresh_state
 * where the database can be written, and the next one comes after twice the time
 * of the last.  To have waited long for a lock is no failure: such a pass is
 * blocked, and the next one comes as usual.
 *
 * The launcher starts only where the server has finished recovery: on a standby
 * there is none until it is promoted.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "worker.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "operations.h"
#include "query.h"
#include "refresh.h"
#include "visible.h"

#define MAX_BACKOFF			(15 * 60)	/* seconds */
#define ERROR_LENGTH		256

/*
 * A part of a pass gives up where it waits this long for a lock, for instance of
 * a transaction that has written events and stays open: the next pass tries
 * again, and no worker is in the way for long.
 */
#define LOCK_TIMEOUT		"60s"

/* How a pass went */
typedef enum PassResult
{
	PASS_UNTOLD,				/* the worker has not said yet, or could not */
	PASS_FAILED,
	PASS_BLOCKED,				/* something waited too long for a lock */
	PASS_SUCCEEDED
} PassResult;

/* What is known of the passes in one database; name is empty in an unused slot */
typedef struct WorkerSlot
{
	NameData	database;
	bool		running;
	PassResult	result;			/* of the last pass, if there was one */
	int			failures;		/* successive ones */
	TimestampTz started_at;		/* 0: never */
	TimestampTz finished_at;
	TimestampTz next_at;
	char		error[ERROR_LENGTH];
} WorkerSlot;

typedef struct WorkerShared
{
	LWLock	   *lock;
	WorkerSlot	slots[WORKER_MAX_DATABASES];
} WorkerShared;

char	   *worker_databases;
char	   *worker_role;
int			worker_interval;
int			worker_max;

static WorkerShared *shared = NULL;
static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

/* The launcher's hold on the workers it started, by slot */
static BackgroundWorkerHandle *handles[WORKER_MAX_DATABASES];

/* Why it could start none at its last try, by slot: NULL or one of these */
static const char *obstacles[WORKER_MAX_DATABASES];
static const char no_database[] = "no such database, or it allows no connections";
static const char no_process[] = "no process for the worker; max_worker_processes may be too low";

PGDLLEXPORT void user_profile_launcher_main(Datum arg);
PGDLLEXPORT void user_profile_worker_main(Datum arg);

/*----------
 * Settings and shared memory
 *----------
 */

/* The names in a list; false where it is none.  The names point into copy. */
static bool
split_databases(const char *list, char **copy, List **names)
{
	*copy = pstrdup(list);
	return SplitGUCList(*copy, ',', names);
}

bool
check_worker_databases(char **newval, void **extra, GucSource source)
{
	char	   *copy;
	List	   *names;
	ListCell   *cell;
	bool		valid = split_databases(*newval, &copy, &names);

	if (!valid)
		GUC_check_errdetail("It must be a list of names, separated by commas.");
	else if (list_length(names) > WORKER_MAX_DATABASES)
	{
		GUC_check_errdetail("It names %d databases; %d are possible.",
							list_length(names), WORKER_MAX_DATABASES);
		valid = false;
	}
	else
	{
		foreach(cell, names)
		{
			if (strlen(lfirst(cell)) >= NAMEDATALEN)
			{
				GUC_check_errdetail("\"%s\" is too long for a name.", (char *) lfirst(cell));
				valid = false;
			}
		}
	}
	list_free(names);
	pfree(copy);
	return valid;
}

static void
worker_shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(WorkerShared)));
	RequestNamedLWLockTranche("user_profile", 1);
}

static void
worker_shmem_startup(void)
{
	bool		found;

	if (previous_shmem_startup)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("user_profile", sizeof(WorkerShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(WorkerShared));
		shared->lock = &GetNamedLWLockTranche("user_profile")->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

/* Have the launcher started with the server */
void
worker_init(void)
{
	BackgroundWorker launcher = {0};

	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = worker_shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = worker_shmem_startup;

	launcher.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	launcher.bgw_start_time = BgWorkerStart_RecoveryFinished;
	launcher.bgw_restart_time = 5;
	strlcpy(launcher.bgw_library_name, "user_profile", BGW_MAXLEN);
	strlcpy(launcher.bgw_function_name, "user_profile_launcher_main", BGW_MAXLEN);
	strlcpy(launcher.bgw_name, "user_profile launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_type, "user_profile launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&launcher);
}

/*----------
 * The launcher
 *----------
 */

/* Seconds from a pass to the next one, after some failures */
static int
seconds_to_next(int failures)
{
	int			seconds = worker_interval;

	while (failures-- > 0 && seconds < MAX_BACKOFF)
		seconds *= 2;
	return Max(worker_interval, Min(seconds, MAX_BACKOFF));
}

/* The slot of a database, or NULL; the caller holds the lock */
static WorkerSlot *
find_slot(const char *database)
{
	for (int i = 0; i < WORKER_MAX_DATABASES; i++)
		if (strcmp(NameStr(shared->slots[i].database), database) == 0)
			return &shared->slots[i];
	return NULL;
}

/* Give each database of the setting a slot, and free those of others */
static void
assign_slots(void)
{
	char	   *copy;
	List	   *names;
	ListCell   *cell;

	if (!split_databases(worker_databases, &copy, &names))
		elog(ERROR, "unexpected list of databases: \"%s\"", worker_databases);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WORKER_MAX_DATABASES; i++)
	{
		WorkerSlot *slot = &shared->slots[i];
		bool		listed = false;

		foreach(cell, names)
			listed |= strcmp(NameStr(slot->database), lfirst(cell)) == 0;
		if (!listed && !slot->running)
		{
			memset(slot, 0, sizeof(*slot));
			obstacles[i] = NULL;
		}
	}
	foreach(cell, names)
	{
		/* Where others still run, there may be none until they have ended */
		WorkerSlot *unused = find_slot("");

		if (find_slot(lfirst(cell)) == NULL && unused != NULL)
			namestrcpy(&unused->database, lfirst(cell));
	}
	LWLockRelease(shared->lock);
	list_free(names);
	pfree(copy);
}

/* Keep an error in a slot: as much of it as fits, in whole characters */
static void
set_error(WorkerSlot *slot, const char *error)
{
	int			length = pg_mbcliplen(error, (int) strlen(error), ERROR_LENGTH - 1);

	memcpy(slot->error, error, length);
	slot->error[length] = '\0';
}

/* Take note of a worker that has ended */
static void
finish_pass(int i)
{
	WorkerSlot *slot = &shared->slots[i];
	TimestampTz now = GetCurrentTimestamp();

	pfree(handles[i]);
	handles[i] = NULL;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot->running = false;
	slot->finished_at = now;
	if (slot->result == PASS_UNTOLD)
	{
		slot->result = PASS_FAILED;
		set_error(slot, "the worker ended early; the server's log says why");
	}
	slot->failures = slot->result == PASS_FAILED ? slot->failures + 1 : 0;
	slot->next_at = TimestampTzPlusMilliseconds(now, seconds_to_next(slot->failures) * INT64CONST(1000));
	LWLockRelease(shared->lock);
}

/*
 * Can one connect to a database?  A worker would only fail, and fatally.  As
 * the launcher is in no database, it has no index or cache for the look-up.
 */
static bool
database_is_open(const char *database)
{
	bool		open = false;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (!open && HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		/* A limit below -1 is what an interrupted DROP DATABASE leaves */
		open = strcmp(NameStr(form->datname), database) == 0 &&
			form->datallowconn && form->datconnlimit >= -1;
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	return open;
}

/* Start no pass in a database for now, and say why unless that was said */
static void
put_off(int i, const char *obstacle)
{
	WorkerSlot *slot = &shared->slots[i];
	TimestampTz next_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													  seconds_to_next(0) * INT64CONST(1000));

	if (obstacles[i] != obstacle)
		ereport(LOG,
				(errmsg("user_profile: no pass in database \"%s\": %s",
						NameStr(slot->database), obstacle)));
	obstacles[i] = obstacle;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	set_error(slot, obstacle);
	slot->next_at = next_at;
	LWLockRelease(shared->lock);
}

/* Start a pass */
static void
start_pass(int i)
{
	WorkerSlot *slot = &shared->slots[i];
	BackgroundWorker worker = {0};

	if (!database_is_open(NameStr(slot->database)))
	{
		put_off(i, no_database);
		return;
	}

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "user_profile", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "user_profile_worker_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "user_profile worker for %s", NameStr(slot->database));
	strlcpy(worker.bgw_type, "user_profile worker", BGW_MAXLEN);
	strlcpy(worker.bgw_extra, NameStr(slot->database), BGW_EXTRALEN);

	/* Before the worker can say how it went */
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (obstacles[i] != NULL)
		slot->error[0] = '\0';
	slot->result = PASS_UNTOLD;
	LWLockRelease(shared->lock);

	if (!RegisterDynamicBackgroundWorker(&worker, &handles[i]))
	{
		/* Others may end meanwhile */
		handles[i] = NULL;
		put_off(i, no_process);
		return;
	}
	obstacles[i] = NULL;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot->running = true;
	slot->started_at = GetCurrentTimestamp();
	LWLockRelease(shared->lock);
}

/*
 * Start and finish what is due; returns the milliseconds until more is, or -1
 * where only the end of a worker, which is told to us, brings more.
 */
static long
launch(void)
{
	for (int i = 0; i < WORKER_MAX_DATABASES; i++)
	{
		pid_t		pid;

		if (handles[i] != NULL &&
			GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED)
			finish_pass(i);
	}

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		int			running = 0;
		int			next = -1;

		for (int i = 0; i < WORKER_MAX_DATABASES; i++)
		{
			if (handles[i] != NULL)
				running++;
			else if (NameStr(shared->slots[i].database)[0] != '\0' &&
					 (next < 0 || shared->slots[i].next_at < shared->slots[next].next_at))
				next = i;
		}
		if (next < 0 || running >= worker_max)
			return -1;
		if (shared->slots[next].next_at > now)
			return TimestampDifferenceMilliseconds(now, shared->slots[next].next_at);
		start_pass(next);
	}
}

void
user_profile_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();

	/* To no database, but so that the end of a worker is told to us */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("user_profile launcher");

	/*
	 * After a launcher that crashed: its workers have no one to tell of their
	 * end
	 */
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	memset(shared->slots, 0, sizeof(shared->slots));
	LWLockRelease(shared->lock);

	while (!ShutdownRequestPending)
	{
		long		wait;

		assign_slots();
		wait = launch();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (wait >= 0 ? WL_TIMEOUT : 0),
						 wait, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			TimestampTz now;

			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);

			/*
			 * A new interval, a repaired role: no reason to wait any longer,
			 * but for those whose turn it is already
			 */
			now = GetCurrentTimestamp();
			LWLockAcquire(shared->lock, LW_EXCLUSIVE);
			for (int i = 0; i < WORKER_MAX_DATABASES; i++)
				shared->slots[i].next_at = Min(shared->slots[i].next_at, now);
			LWLockRelease(shared->lock);
		}
	}

	/* Not 0, with which an administrator would have ended us for good */
	proc_exit(1);
}

/*----------
 * A pass
 *----------
 */

static void
begin_activity(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	pgstat_report_activity(STATE_RUNNING, activity);
	StartTransactionCommand();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) pin_settings();
}

static void
end_activity(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* The extension in this database, if it is there, and its owner */
static Oid	extension = InvalidOid;
static Oid	extension_owner;

/* How the pass went so far, and why; pass_context keeps what outlives its parts */
static PassResult pass_result = PASS_SUCCEEDED;
static char *pass_error = NULL;
static bool pass_is_over = false;
static MemoryContext pass_context;

/*
 * May a transaction of the pass go on?  Asked at its beginning, before it has
 * any other lock.  Until its end it holds the lock of one who connects to the
 * database and of one who uses the extension: so DROP DATABASE, and whatever
 * else wants one of them for itself, waits for the end of a batch (rather than
 * five seconds, and fails), cannot deadlock with it, and finds us gone after.
 */
static bool
may_go_on(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	return LockAcquire(&tag, RowExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL &&
		ConditionalLockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock) &&
		get_extension_oid("user_profile", true) == extension;
}

/* Take note of an error that has ended a part of the pass */
static void
note_error(const char *activity)
{
	ErrorData  *error;
	PassResult	result = PASS_FAILED;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(pass_context);
	error = CopyErrorData();
	AbortOutOfAnyTransaction();
	FlushErrorState();
	RESUME_INTERRUPTS();

	/* Where the extension went in the middle of it, that is none */
	if (OidIsValid(extension))
	{
		bool		going_on;

		begin_activity(activity);
		going_on = may_go_on();
		end_activity();
		if (!going_on)
		{
			pass_is_over = true;
			return;
		}
	}
	pass_is_over |= is_general_error(error);

	MemoryContextSwitchTo(pass_context);
	if (error->detail != NULL)
		error->message = psprintf("%s: %s", error->message, error->detail);
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		result = PASS_BLOCKED;
		error->message = psprintf("waited too long for another transaction: %s", error->message);
	}
	ereport(LOG,
			(errmsg("%s in database \"%s\": %s", activity, MyBgworkerEntry->bgw_extra,
					error->message)));
	if (result < pass_result)
	{
		pass_result = result;
		pass_error = error->message;
	}
}

/*
 * Do a part of the pass, in transactions of its own.  An error ends that part
 * alone, and is noted; false then.
 */
static bool
attempt(const char *activity, void (*part) (void *arg), void *arg)
{
	volatile bool done = false;

	PG_TRY();
	{
		begin_activity(activity);
		part(arg);
		end_activity();
		done = true;
	}
	PG_CATCH();
	{
		note_error(activity);
	}
	PG_END_TRY();
	return done;
}

/* The parts of a pass */

static void
find_extension(void *arg)
{
	static SqlQuery query = {
		"SELECT oid, extowner FROM pg_extension WHERE extname = 'user_profile'"
	};
	QueryArgs	none = {0};
	bool		isnull;

	if (query_execute(&query, none) == 0)
		return;
	extension = DatumGetObjectId(query_value(1, &isnull));
	extension_owner = DatumGetObjectId(query_value(2, &isnull));
}

static void
fold_events(void *arg)
{
	refresh_all(may_go_on);
}

static void
list_due_deletions(void *arg)
{
	List	  **deletions = arg;

	if (may_go_on())
		*deletions = due_deletions(pass_context);
}

static void
wait_without_locks(void *arg)
{
	wait_for_writers();
}

static void
delete_due_user(void *arg)
{
	DueDeletion *deletion = arg;

	if (!may_go_on())
		return;
	if (deletion->suppress)
		keep_out_writers();
	lock_refresh("run_scheduled_deletions()");
	run_due_deletion(deletion, ERROR);
}

static void
remove_expired_rules(void *arg)
{
	static SqlQuery query = {
		"DELETE FROM user_profile.exclusion_rules WHERE expires_at <= now()"
	};
	QueryArgs	none = {0};

	if (may_go_on())
		query_execute(&query, none);
}

/* Write how the pass went where the view status shows it */
static void
record_result(void *arg)
{
	static SqlQuery failure = {
		"INSERT INTO user_profile.refresh_state AS s (folded_through, error, failed_at)"
		" VALUES (0, $1, clock_timestamp())"
		" ON CONFLICT (singleton) DO UPDATE SET error = excluded.error,"
		"  failed_at = excluded.failed_at",
		{TEXTOID}
	};
	static SqlQuery success = {
		"UPDATE user_profile.refresh_state SET error = NULL, failed_at = NULL"
		" WHERE error IS NOT NULL"
	};
	QueryArgs	message = {1};
	QueryArgs	none = {0};

	if (!may_go_on())
		return;
	if (pass_result == PASS_FAILED)
	{
		message.values[0] = CStringGetTextDatum(pass_error);
		query_execute(&failure, message);
	}
	else if (pass_result == PASS_SUCCEEDED)
		query_execute(&success, none);
}

/* One pass */
static void
run_pass(void)
{
	List	   *due = NIL;
	ListCell   *cell;

	attempt("user_profile: refresh", fold_events, NULL);

	/* Whatever blocks the fold blocks deletions as well */
	if (pass_result != PASS_BLOCKED)
		attempt("user_profile: scheduled deletions", list_due_deletions, &due);
	foreach(cell, due)
	{
		/* As begin_rewrite() does, but in a transaction that has no lock */
		if (!attempt("user_profile: waiting for writers", wait_without_locks, NULL))
			break;
		attempt("user_profile: scheduled deletions", delete_due_user, lfirst(cell));
		if (pass_is_over)
			break;
	}
	attempt("user_profile: expired exclusion rules", remove_expired_rules, NULL);
	attempt("user_profile: result", record_result, NULL);
}

/* Settings of the server or the database that are not meant for us */
static void
override_settings(void)
{
	static const char *const settings[][2] = {
		{"application_name", "user_profile worker"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"lock_timeout", LOCK_TIMEOUT},
		/* Where a policy would hide users: an error, as all must be seen */
		{"row_security", "off"},
		{"transaction_timeout", "0"}	/* new in 17 */
	};

	for (size_t i = 0; i < lengthof(settings); i++)
	{
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	}
}

void
user_profile_worker_main(Datum arg)
{
	const char *database = MyBgworkerEntry->bgw_extra;
	WorkerSlot *slot;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(database,
										 worker_role[0] == '\0' ? NULL : worker_role, 0);
	override_settings();
	pass_context = AllocSetContextCreate(TopMemoryContext, "user_profile pass",
										 ALLOCSET_DEFAULT_SIZES);

	/* Without the extension there is no pass, and nothing is wrong */
	attempt("user_profile: looking for the extension", find_extension, NULL);
	if (OidIsValid(extension))
	{
		/*
		 * Without a role of our own we are connected as the superuser that
		 * made the cluster.  Be no more than the owner of the extension, and
		 * let nothing that runs in a trigger get back.
		 */
		if (worker_role[0] == '\0')
			SetUserIdAndSecContext(extension_owner, SECURITY_RESTRICTED_OPERATION);
		run_pass();
	}

	/* A launcher that was started anew may have given the slot away */
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL)
	{
		slot->result = pass_result;
		set_error(slot, pass_error != NULL ? pass_error : "");
	}
	LWLockRelease(shared->lock);
	proc_exit(pass_result == PASS_FAILED ? 1 : 0);
}

/*----------
 * Its state, for the view status
 *----------
 */

PG_FUNCTION_INFO_V1(worker_status);
Datum
worker_status(PG_FUNCTION_ARGS)
{
	enum
	{
		STATE, STARTED_AT, FINISHED_AT, NEXT_AT, FAILURES, MESSAGE, NCOLUMNS
	};
	TupleDesc	tupdesc;
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS];
	WorkerSlot	slot = {0};
	WorkerSlot *found;
	const char *database = get_database_name(MyDatabaseId);
	const char *state;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (shared != NULL && database != NULL)
	{
		LWLockAcquire(shared->lock, LW_SHARED);
		found = find_slot(database);
		if (found != NULL)
			slot = *found;
		LWLockRelease(shared->lock);
	}

	if (shared == NULL)
		state = "not loaded";
	else if (RecoveryInProgress())
		state = "standby";
	else if (NameStr(slot.database)[0] == '\0')
		state = "not listed";
	else if (slot.running)
		state = "running";
	else if (slot.failures > 0)
		state = "backing off";
	else if (slot.result == PASS_BLOCKED)
		state = "blocked";
	else
		state = "waiting";

	memset(nulls, true, sizeof(nulls));
	values[STATE] = CStringGetTextDatum(state);
	nulls[STATE] = false;
	if (NameStr(slot.database)[0] != '\0')
	{
		values[STARTED_AT] = TimestampTzGetDatum(slot.started_at);
		nulls[STARTED_AT] = slot.started_at == 0;
		values[FINISHED_AT] = TimestampTzGetDatum(slot.finished_at);
		nulls[FINISHED_AT] = slot.finished_at == 0;
		values[NEXT_AT] = TimestampTzGetDatum(slot.next_at);
		nulls[NEXT_AT] = slot.next_at == 0 || slot.running;
		values[FAILURES] = Int32GetDatum(slot.failures);
		nulls[FAILURES] = false;
		nulls[MESSAGE] = slot.error[0] == '\0';
		if (!nulls[MESSAGE])
			values[MESSAGE] = CStringGetTextDatum(may_read_errors() ? slot.error : HIDDEN_ERROR);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
