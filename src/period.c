/*-------------------------------------------------------------------------
 *
 * period.c
 *	  Arguments that say when: periods, session timeouts, local days.
 *
 * A period comes as a tstzrange and is used half-open, in microseconds.
 * Bounds are honoured as they are written: times are whole microseconds, so
 * that an inclusive upper or an exclusive lower bound moves by one.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "nodes/supportnodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "user_profile.h"

/* Move a range bound to the half-open form */
static int64
bound_to_usecs(const RangeBound *bound)
{
	TimestampTz at = DatumGetTimestampTz(bound->val);

	if (bound->infinite)
		return bound->lower ? PG_INT64_MIN : PG_INT64_MAX;
	if (TIMESTAMP_NOT_FINITE(at))
		return at;				/* the same numbers */
	return bound->lower == bound->inclusive ? at : at + 1;
}

/* Read a tstzrange */
Period
period_from_datum(Datum datum)
{
	RangeType  *range = DatumGetRangeTypeP(datum);
	TypeCacheEntry *typcache = lookup_type_cache(RangeTypeGetOid(range),
												 TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	Period		period;

	range_deserialize(typcache, range, &lower, &upper, &empty);
	if (!empty)
	{
		period.lower = bound_to_usecs(&lower);
		period.upper = bound_to_usecs(&upper);
		if (period.lower < period.upper)
			return period;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period must not be empty"),
			 errhint("Give a range such as '[2026-01-01, 2026-02-01)', or '(,)' for all time.")));
}

/* Read an argument that is a period */
Period
period_from_arg(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("period must not be null"),
				 errhint("Give '(,)' for all time.")));
	return period_from_datum(PG_GETARG_DATUM(argno));
}

/* Is this a period?  True, or an error, also where nothing is there to be asked for */
PG_FUNCTION_INFO_V1(check_period);
Datum
check_period(PG_FUNCTION_ARGS)
{
	(void) period_from_arg(fcinfo, 0);
	PG_RETURN_BOOL(true);
}

/* Is a time within a period? */
PG_FUNCTION_INFO_V1(in_period);
Datum
in_period(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
	Period		period = period_from_datum(PG_GETARG_DATUM(1));

	PG_RETURN_BOOL(PERIOD_HAS(period, at));
}

/*
 * Planner support of conditions that hold for most rows, or hardly any.
 * Without it, the planner expects a thousandth of the rows within a period that
 * it does not know, and loops over what it should hash.
 */
static Node *
expect_share(Node *request, double share)
{
	if (!IsA(request, SupportRequestSelectivity))
		return NULL;
	((SupportRequestSelectivity *) request)->selectivity = share;
	return request;
}

PG_FUNCTION_INFO_V1(likely_support);
Datum
likely_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(expect_share((Node *) PG_GETARG_POINTER(0), 1.0));
}

PG_FUNCTION_INFO_V1(unlikely_support);
Datum
unlikely_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(expect_share((Node *) PG_GETARG_POINTER(0), 0.0));
}

/* Make a tstzrange that includes its lower bound */
static Datum
make_period(TimestampTz first, TimestampTz last, bool inclusive)
{
	TypeCacheEntry *typcache = lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO);
	RangeBound	lower = {0};
	RangeBound	upper = {0};

	lower.val = TimestampTzGetDatum(first);
	lower.inclusive = true;
	lower.lower = true;
	upper.val = TimestampTzGetDatum(last);
	upper.inclusive = inclusive;
	return RangeTypePGetDatum(make_range_compat(typcache, &lower, &upper));
}

/*
 * The range of equal length just before a period, for comparisons; NULL where
 * the period is unbounded.
 */
PG_FUNCTION_INFO_V1(previous_period);
Datum
previous_period(PG_FUNCTION_ARGS)
{
	Period		period = period_from_datum(PG_GETARG_DATUM(0));
	int64		length;
	int64		first;

	if (period.lower == PG_INT64_MIN || period.upper == PG_INT64_MAX ||
		pg_sub_s64_overflow(period.upper, period.lower, &length) ||
		pg_sub_s64_overflow(period.lower, length, &first) ||
		first < TIMELINE_MIN_TIME)
		PG_RETURN_NULL();
	return make_period(first, period.lower, false);
}

/* The period of this length up to now, which includes what happens now */
static Datum
period_until_now(const Interval *length)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz first = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
																TimestampTzGetDatum(now),
																IntervalPGetDatum(length)));

	if (first >= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must not be empty"),
				 errhint("Give a positive length.")));
	return make_period(first, now, true);
}

PG_FUNCTION_INFO_V1(last_days);
Datum
last_days(PG_FUNCTION_ARGS)
{
	Interval	length = {0};

	length.day = PG_GETARG_INT32(0);
	return period_until_now(&length);
}

/* The period of the setting, up to now */
PG_FUNCTION_INFO_V1(default_period);
Datum
default_period(PG_FUNCTION_ARGS)
{
	Interval	length = default_period_length();

	return period_until_now(&length);
}

/* The time before which no event can change the sessions that start in a period */
int64
period_first_needed(Period period, int64 timeout)
{
	int64		first;

	if (period.lower == PG_INT64_MIN ||
		pg_sub_s64_overflow(period.lower, timeout, &first) ||
		first < TIMELINE_MIN_TIME)
		return PG_INT64_MIN;
	return first;
}

/* The same, from SQL: what relations use to leave out old parts */
PG_FUNCTION_INFO_V1(first_needed_at);
Datum
first_needed_at(PG_FUNCTION_ARGS)
{
	Period		period = period_from_arg(fcinfo, 0);
	int64		timeout = timeout_from_arg(fcinfo, 1);

	PG_RETURN_TIMESTAMPTZ(period_first_needed(period, timeout));
}

/*
 * Convert a session timeout to microseconds; false where it is none.  Months
 * have no fixed length, and a session has no use for them.
 */
bool
timeout_from_interval(const Interval *interval, int64 *usecs)
{
	return interval->month == 0 &&
		!pg_mul_s64_overflow(interval->day, USECS_PER_DAY, usecs) &&
		!pg_add_s64_overflow(*usecs, interval->time, usecs) &&
		*usecs >= 0 && *usecs <= 36600 * USECS_PER_DAY;
}

/* Raise the error for an interval that cannot be a session timeout */
void
report_timeout(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("session timeout must be between 0 and 36600 days, without months"),
			 errhint("Give an interval such as '30 minutes'.")));
}

/* Read an argument that is a session timeout; NULL stands for the setting */
int64
timeout_from_arg(FunctionCallInfo fcinfo, int argno)
{
	int64		usecs;

	if (PG_NARGS() <= argno || PG_ARGISNULL(argno))
		return session_timeout_usecs();
	if (!timeout_from_interval(PG_GETARG_INTERVAL_P(argno), &usecs))
		report_timeout();
	return usecs;
}

/* Look up a time zone as SET timezone would; NULL is the session's */
pg_tz *
timezone_from_arg(FunctionCallInfo fcinfo, int argno)
{
	char		name[TZ_STRLEN_MAX + 1];
	pg_tz	   *timezone;

	if (PG_ARGISNULL(argno))
		return session_timezone;
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(argno), name, sizeof(name));
	timezone = pg_tzset(name);
	if (timezone == NULL || !pg_tz_acceptable(timezone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errhint("The view pg_timezone_names lists the names.")));
	return timezone;
}

/* Raise the error for times that no interval holds */
static void
report_length(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
			 errmsg("length of sessions is out of range")));
}

/* The length of a session */
int64
session_length(int64 started_at, int64 ended_at)
{
	int64		length;

	if (pg_sub_s64_overflow(ended_at, started_at, &length))
		report_length();
	return length;
}

/* Add the length of a session to those of others */
void
add_length(int64 *total, int64 length)
{
	if (pg_add_s64_overflow(*total, length, total))
		report_length();
}

/* An interval that counts hours, minutes and seconds only */
Interval *
make_duration(int64 usecs)
{
	Interval   *duration = palloc0(sizeof(Interval));

	duration->time = usecs;
	return duration;
}

/* Round down, also below zero */
static inline int64
floor_div(int64 dividend, int64 divisor)
{
	int64		quotient = dividend / divisor;

	return dividend % divisor < 0 ? quotient - 1 : quotient;
}

/* Start telling local days */
void
day_clock_init(DayClock *clock, pg_tz *timezone)
{
	clock->timezone = timezone;
	for (int i = 0; i < DAY_CACHE_SIZE; i++)
		clock->cache[i].known = false;
	day_clock_reset(clock);
}

/* Find what the time zone does on a UTC day */
static void
find_day_offset(DayOffset *entry, int64 utc_day, pg_tz *timezone)
{
	pg_time_t	start = (pg_time_t) (utc_day + POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	long int	before_gmtoff;
	long int	after_gmtoff;
	int			before_isdst;
	int			after_isdst;
	pg_time_t	boundary;
	int			result = pg_next_dst_boundary(&start, &before_gmtoff, &before_isdst,
											  &boundary, &after_gmtoff, &after_isdst,
											  timezone);

	entry->utc_day = utc_day;
	entry->known = true;
	entry->offset = (int64) before_gmtoff * USECS_PER_SEC;
	entry->uniform = result == 0 || (result == 1 && boundary >= start + SECS_PER_DAY);
}

/*
 * Move to the local day of a time.
 *
 * The offset from UTC is kept by UTC day, so that a whole query converts each
 * day once; within a day on which the offset changes, each time is converted
 * by itself.
 */
void
day_clock_advance(DayClock *clock, int64 at)
{
	int64		utc_day = floor_div(at, USECS_PER_DAY);
	DayOffset  *entry = &clock->cache[utc_day & (DAY_CACHE_SIZE - 1)];
	int64		offset;

	if (!entry->known || entry->utc_day != utc_day)
		find_day_offset(entry, utc_day, clock->timezone);
	offset = entry->offset;
	if (!entry->uniform)
	{
		pg_time_t	secs = (pg_time_t) floor_div(at, USECS_PER_SEC) +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (pg_time_t) SECS_PER_DAY;
		struct pg_tm *local = pg_localtime(&secs, clock->timezone);

		if (local != NULL)
			offset = (int64) local->tm_gmtoff * USECS_PER_SEC;
	}
	clock->day = floor_div(at + offset, USECS_PER_DAY);
	clock->until = !entry->uniform ? at + 1 :
		Min((clock->day + 1) * USECS_PER_DAY - offset, (utc_day + 1) * USECS_PER_DAY);
}
