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
 * A pass that fails is recorded, in refresh_state where the database can be
 * written, and is repeated after twice the time of the last one.
 *
 * The launcher starts only where the server has finished recovery: on a standby
 * there is none until it is promoted.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "worker.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "funcapi.h"
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
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "query.h"
#include "refresh.h"

#define MAX_DATABASES		64
#define MAX_BACKOFF			(15 * 60)	/* seconds */
#define ERROR_LENGTH		256

/*
 * A pass gives up where it waits this long for a lock, for instance of a
 * transaction that has written events and stays open: the next pass tries
 * again, and no worker is in the way for long.
 */
#define LOCK_TIMEOUT		"60s"

/* What is known of the passes in one database; name is empty in an unused slot */
typedef struct WorkerSlot
{
	NameData	database;
	bool		running;
	bool		succeeded;		/* set by the worker at the end of a pass */
	int			failures;		/* successive ones */
	TimestampTz started_at;		/* 0: never */
	TimestampTz finished_at;
	TimestampTz next_at;
	char		error[ERROR_LENGTH];
} WorkerSlot;

typedef struct WorkerShared
{
	LWLock	   *lock;
	WorkerSlot	slots[MAX_DATABASES];
} WorkerShared;

char	   *worker_databases;
char	   *worker_role;
int			worker_interval;

static WorkerShared *shared = NULL;
static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

/* The launcher's hold on the workers it started, by slot */
static BackgroundWorkerHandle *handles[MAX_DATABASES];

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
	else if (list_length(names) > MAX_DATABASES)
	{
		GUC_check_errdetail("It names %d databases; %d are possible.",
							list_length(names), MAX_DATABASES);
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
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		WorkerSlot *slot = &shared->slots[i];
		bool		listed = false;

		foreach(cell, names)
			listed |= strcmp(NameStr(slot->database), lfirst(cell)) == 0;
		if (!listed && !slot->running)
			memset(slot, 0, sizeof(*slot));
	}
	foreach(cell, names)
	{
		WorkerSlot *unused = NULL;
		bool		found = false;

		for (int i = 0; i < MAX_DATABASES && !found; i++)
		{
			WorkerSlot *slot = &shared->slots[i];

			found = strcmp(NameStr(slot->database), lfirst(cell)) == 0;
			if (NameStr(slot->database)[0] == '\0' && unused == NULL)
				unused = slot;
		}
		/* Where others still run, there may be none until they have ended */
		if (!found && unused != NULL)
			namestrcpy(&unused->database, lfirst(cell));
	}
	LWLockRelease(shared->lock);
	list_free(names);
	pfree(copy);
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
	if (slot->succeeded)
	{
		slot->failures = 0;
		slot->error[0] = '\0';
	}
	else
	{
		slot->failures++;
		if (slot->error[0] == '\0')
			strlcpy(slot->error, "the worker ended early; the server's log says why",
					ERROR_LENGTH);
	}
	slot->next_at = TimestampTzPlusMilliseconds(now, seconds_to_next(slot->failures) * INT64CONST(1000));
	LWLockRelease(shared->lock);
}

/* Start a pass */
static void
start_pass(int i)
{
	WorkerSlot *slot = &shared->slots[i];
	BackgroundWorker worker = {0};
	TimestampTz now = GetCurrentTimestamp();
	bool		started;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = Int32GetDatum(i);
	strlcpy(worker.bgw_library_name, "user_profile", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "user_profile_worker_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "user_profile worker for %s", NameStr(slot->database));
	strlcpy(worker.bgw_type, "user_profile worker", BGW_MAXLEN);
	strlcpy(worker.bgw_extra, NameStr(slot->database), BGW_EXTRALEN);

	started = RegisterDynamicBackgroundWorker(&worker, &handles[i]);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot->running = started;
	slot->succeeded = false;
	if (started)
		slot->started_at = now;
	else
	{
		/* No process is to be had: others may end meanwhile */
		handles[i] = NULL;
		strlcpy(slot->error, "no process for the worker; max_worker_processes may be too low",
				ERROR_LENGTH);
		slot->next_at = TimestampTzPlusMilliseconds(now, seconds_to_next(1) * INT64CONST(1000));
	}
	LWLockRelease(shared->lock);
}

/* Start and finish what is due; returns the milliseconds until more is, or -1 */
static long
launch(void)
{
	TimestampTz now = GetCurrentTimestamp();
	long		wait = -1;

	for (int i = 0; i < MAX_DATABASES; i++)
	{
		WorkerSlot *slot = &shared->slots[i];
		pid_t		pid;

		if (handles[i] != NULL &&
			GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED)
			finish_pass(i);
		if (handles[i] != NULL || NameStr(slot->database)[0] == '\0')
			continue;
		if (slot->next_at <= now)
			start_pass(i);
		if (handles[i] == NULL)
		{
			long		left = TimestampDifferenceMilliseconds(now, slot->next_at);

			wait = wait < 0 ? left : Min(wait, left);
		}
	}
	return wait;
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
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);

			/* A new interval, a repaired role: no reason to wait any longer */
			LWLockAcquire(shared->lock, LW_EXCLUSIVE);
			for (int i = 0; i < MAX_DATABASES; i++)
				shared->slots[i].next_at = 0;
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
	pin_search_path();
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

/* The extension in this database, and its owner */
static Oid	extension;
static Oid	extension_owner;

static bool
extension_installed(void)
{
	static SqlQuery query = {
		"SELECT oid, extowner FROM pg_extension WHERE extname = 'user_profile'"
	};
	QueryArgs	none = {0};
	bool		installed;
	bool		isnull;

	begin_activity("user_profile: looking for the extension");
	installed = query_execute(&query, none) > 0;
	if (installed)
	{
		extension = DatumGetObjectId(query_value(1, &isnull));
		extension_owner = DatumGetObjectId(query_value(2, &isnull));
	}
	end_activity();
	return installed;
}

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

/* Run a statement of the pass in a transaction of its own */
static bool
run_step(const char *activity, SqlQuery *query, uint64 *rows)
{
	QueryArgs	none = {0};
	bool		going_on;

	begin_activity(activity);
	going_on = may_go_on();
	if (going_on)
		*rows = query_execute(query, none);
	end_activity();
	return going_on;
}

/* One pass */
static void
run_pass(void)
{
	static SqlQuery due = {
		"SELECT FROM user_profile.scheduled_deletions WHERE due_at <= now() LIMIT 1"
	};
	static SqlQuery deletions = {
		"SELECT FROM user_profile.run_scheduled_deletions()"
	};
	static SqlQuery expired_rules = {
		"DELETE FROM user_profile.exclusion_rules WHERE expires_at <= now()"
	};
	static SqlQuery forget_error = {
		"UPDATE user_profile.refresh_state SET error = NULL, failed_at = NULL"
		" WHERE error IS NOT NULL"
	};
	uint64		rows;

	begin_activity("user_profile: refresh");
	refresh_all(may_go_on);
	end_activity();

	if (!run_step("user_profile: scheduled deletions", &due, &rows))
		return;
	if (rows > 0)
	{
		/* It waits for writers itself; here we do so without any lock */
		begin_activity("user_profile: waiting for writers");
		wait_for_writers();
		end_activity();
		if (!run_step("user_profile: scheduled deletions", &deletions, &rows))
			return;
	}
	if (run_step("user_profile: expired exclusion rules", &expired_rules, &rows))
		(void) run_step("user_profile: success", &forget_error, &rows);
}

/* Write a failure where the view status shows it */
static void
record_failure(const char *message)
{
	static SqlQuery record = {
		"INSERT INTO user_profile.refresh_state AS s (folded_through, error, failed_at)"
		" VALUES (0, $1, clock_timestamp())"
		" ON CONFLICT (singleton) DO UPDATE SET error = excluded.error,"
		"  failed_at = excluded.failed_at",
		{TEXTOID}
	};
	QueryArgs	args = {1};

	begin_activity("user_profile: recording a failure");
	args.values[0] = CStringGetTextDatum(message);
	if (may_go_on())
		query_execute(&record, args);
	end_activity();
}

/* Drop what an error has left; returns its message, in context */
static char *
end_failed(MemoryContext context)
{
	ErrorData  *edata;
	char	   *message;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(context);
	edata = CopyErrorData();
	message = edata->detail != NULL ?
		psprintf("%s: %s", edata->message, edata->detail) : edata->message;
	AbortOutOfAnyTransaction();
	FlushErrorState();
	RESUME_INTERRUPTS();
	return message;
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

/*
 * Tell how the pass ended.  The slot may be another database's by now, as a
 * launcher that was started anew has given all of them away.
 */
static void
set_result(int i, const char *database, bool succeeded, const char *error)
{
	WorkerSlot *slot = &shared->slots[i];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (strcmp(NameStr(slot->database), database) == 0)
	{
		slot->succeeded = succeeded;
		strlcpy(slot->error, error, ERROR_LENGTH);
	}
	LWLockRelease(shared->lock);
}

void
user_profile_worker_main(Datum arg)
{
	int			slot = DatumGetInt32(arg);
	char		database[NAMEDATALEN];
	MemoryContext context;
	char	   *volatile message = NULL;

	strlcpy(database, MyBgworkerEntry->bgw_extra, NAMEDATALEN);
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(database,
										 worker_role[0] == '\0' ? NULL : worker_role, 0);
	override_settings();
	context = AllocSetContextCreate(TopMemoryContext, "user_profile worker",
									ALLOCSET_DEFAULT_SIZES);

	PG_TRY();
	{
		if (extension_installed())
		{
			/*
			 * Without a role of our own we are connected as the superuser
			 * that made the cluster.  Be no more than the owner of the
			 * extension, and let nothing that runs in a trigger get back.
			 */
			if (worker_role[0] == '\0')
				SetUserIdAndSecContext(extension_owner, SECURITY_RESTRICTED_OPERATION);
			run_pass();
		}
	}
	PG_CATCH();
	{
		message = end_failed(context);
	}
	PG_END_TRY();

	/*
	 * Without the extension there is no pass, even where it went in the
	 * middle of one
	 */
	if (message != NULL && extension_installed())
	{
		ereport(LOG,
				(errmsg("user_profile: a pass in database \"%s\" failed: %s", database, message)));
		set_result(slot, database, false, message);
		PG_TRY();
		{
			record_failure(message);
		}
		PG_CATCH();
		{
			/* The first error tells more */
			(void) end_failed(context);
		}
		PG_END_TRY();
		proc_exit(1);
	}

	set_result(slot, database, true, "");
	proc_exit(0);
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
	const char *database = get_database_name(MyDatabaseId);
	const char *state;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (shared != NULL && database != NULL)
	{
		LWLockAcquire(shared->lock, LW_SHARED);
		for (int i = 0; i < MAX_DATABASES; i++)
			if (strcmp(NameStr(shared->slots[i].database), database) == 0)
				slot = shared->slots[i];
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
			values[MESSAGE] = CStringGetTextDatum(slot.error);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
