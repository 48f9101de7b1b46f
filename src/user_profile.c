/*-------------------------------------------------------------------------
 *
 * user_profile.c
 *	  Module start: settings, planner hook, background worker.
 *
 * The library is loaded by the first call of one of its functions, or by
 * shared_preload_libraries.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "user_profile.h"

#include "timeline.h"
#include "timeline_scan.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "worker.h"

USER_PROFILE_MODULE_MAGIC;

/* A setting that is an interval: the check hooks leave it parsed in extra */
static char *period_string;
static char *session_timeout_string;
static Interval period_length;
static int64 session_timeout;

int			batch_size;

/* Parse an interval without raising errors; a plain number counts seconds */
static bool
parse_interval(const char *text, Interval *interval)
{
	char		buffer[256];
	char	   *fields[MAXDATEFIELDS];
	int			types[MAXDATEFIELDS];
	int			nfields;
	int			dtype;
	struct pg_itm_in parts = {0};

	if (ParseDateTime(text, buffer, sizeof(buffer), fields, types, MAXDATEFIELDS,
					  &nfields) != 0)
		return false;
	if (DecodeInterval(fields, types, nfields, INTERVAL_FULL_RANGE, &dtype, &parts) != 0 &&
		DecodeISO8601Interval(unconstify(char *, text), &dtype, &parts) != 0)
		return false;
	return dtype == DTK_DELTA && itmin2interval(&parts, interval) == 0;
}

static bool
check_session_timeout(char **newval, void **extra, GucSource source)
{
	Interval	interval;
	int64		usecs;

	if (!parse_interval(*newval, &interval) ||
		!timeout_from_interval(&interval, &usecs))
	{
		GUC_check_errdetail("It must be an interval between 0 and 36600 days, without months.");
		GUC_check_errhint("Examples: '30 minutes', '1800' (seconds).");
		return false;
	}
	*extra = guc_malloc(LOG, sizeof(int64));
	if (*extra == NULL)
		return false;
	*(int64 *) *extra = usecs;
	return true;
}

static void
assign_session_timeout(const char *newval, void *extra)
{
	session_timeout = *(int64 *) extra;
}

/* Longer ones would begin before there are times */
#define MAX_PERIOD_YEARS	5000

static bool
check_period(char **newval, void **extra, GucSource source)
{
	Interval	interval;

	if (!parse_interval(*newval, &interval) ||
		interval.time < 0 || interval.day < 0 || interval.month < 0 ||
		(interval.time == 0 && interval.day == 0 && interval.month == 0) ||
		interval.month / 12.0 + interval.day / 365.0 + interval.time / (365.0 * USECS_PER_DAY) > MAX_PERIOD_YEARS)
	{
		GUC_check_errdetail("It must be an interval longer than zero, of at most %d years.",
							MAX_PERIOD_YEARS);
		GUC_check_errhint("Examples: '30 days', '3 months'.");
		return false;
	}
	*extra = guc_malloc(LOG, sizeof(Interval));
	if (*extra == NULL)
		return false;
	*(Interval *) *extra = interval;
	return true;
}

static void
assign_period(const char *newval, void *extra)
{
	period_length = *(Interval *) extra;
}

int64
session_timeout_usecs(void)
{
	return session_timeout;
}

Interval
default_period_length(void)
{
	return period_length;
}

/* Define the settings, in alphabetical order, and install the rest */
void
_PG_init(void)
{
	DefineCustomIntVariable("user_profile.batch_size",
							"Most events that one transaction of a refresh folds.",
							"More events a batch need more memory (about 30 bytes each) and write fewer versions of each timeline.",
							&batch_size,
							1000000, 1, 100000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("user_profile.databases",
							   "Databases in which the background worker folds events.",
							   "Names, separated by commas. The worker needs user_profile in shared_preload_libraries.",
							   &worker_databases,
							   "",
							   PGC_SIGHUP, 0, check_worker_databases, NULL, NULL);
	DefineCustomIntVariable("user_profile.max_workers",
							"Most databases that the background worker works in at a time.",
							"The one whose turn was longest ago comes first.",
							&worker_max,
							2, 1, WORKER_MAX_DATABASES,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("user_profile.period",
							   "Length of the period, up to now, that the overview views show.",
							   NULL,
							   &period_string,
							   "30 days",
							   PGC_USERSET, 0, check_period, assign_period, NULL);
	DefineCustomIntVariable("user_profile.refresh_interval",
							"Time from one pass of the background worker to the next.",
							NULL,
							&worker_interval,
							10, 1, 24 * 60 * 60,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable("user_profile.role",
							   "Role as which the background worker runs.",
							   "It needs LOGIN and the rights of an operator, see grant_access(). Empty: the owner of the extension.",
							   &worker_role,
							   "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("user_profile.session_timeout",
							   "Gap between two events of a user after which a new session starts.",
							   "An interval, or a number of seconds. A gap of exactly this length does not split.",
							   &session_timeout_string,
							   "30 minutes",
							   PGC_USERSET, 0,
							   check_session_timeout, assign_session_timeout, NULL);
	MarkGUCPrefixReserved("user_profile");
	timeline_scan_init();
	worker_init();
}
