/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  Add a batch of events to the timelines of their users.
 *
 * The events are read once and kept as a timeline has them, in 28 bytes each,
 * whoever they are of: the events of a user are a list through all of them.
 * So the memory of a batch depends on its events alone.  Then the users have
 * their turn, some at a time: their open parts are read, put together with
 * what is new, and written.
 *
 * The caller holds the refresh lock (see refresh.c), so that nobody else
 * changes the timelines or adds to the dictionaries.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "dictionary.h"
#include "refresh.h"
#include "timeline.h"

/*
 * A part is closed when its timeline takes PART_CLOSED bytes.  None is made
 * larger than PART_FULL, so that a row fits inline into a page of 8 kB: what a
 * batch brings beyond that goes into further parts.
 */
#define PART_CLOSED			6600
#define PART_FULL			7600

/* Users whose parts are read and written at a time: enough to make statements cheap */
#define USERS_AT_A_TIME		256

/* Events, each with the number of the one before it of the same user (0: none) */
#define CHUNK_EVENTS		65536

typedef struct EventChunk
{
	TimelineEvent events[CHUNK_EVENTS];
	uint32		previous[CHUNK_EVENTS];
} EventChunk;

/* A user with events in the batch */
typedef struct FoldUser
{
	text	   *user_id;
	uint32		hash;
	uint32		nevents;
	uint32		last;			/* number of the last event, from 1 */
	char		status;
	int64		first_at;		/* the earliest of their times, and of the
								 * open part */
} FoldUser;

#define SH_PREFIX users
#define SH_ELEMENT_TYPE FoldUser
#define SH_KEY_TYPE text *
#define SH_KEY user_id
#define SH_HASH_KEY(table, k) hash_text(k)
#define SH_EQUAL(table, a, b) same_text(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Order of users, so that neighbours in the indexes come together */
static int
compare_users(const void *a, const void *b)
{
	const text *one = (*(FoldUser *const *) a)->user_id;
	const text *other = (*(FoldUser *const *) b)->user_id;
	int			order = memcmp(VARDATA(one), VARDATA(other),
							   Min(VARSIZE(one), VARSIZE(other)) - VARHDRSZ);

	return order != 0 ? order : (int) VARSIZE(one) - (int) VARSIZE(other);
}

/* A batch */
typedef struct Fold
{
	DestReceiver receiver;		/* must be first */
	MemoryContext context;
	MemoryContext row_context;
	Dictionary *dictionary;
	users_hash *users;
	uint32		nevents;
	EventChunk **chunks;
	uint32		nchunks;
} Fold;

/* Columns of the query that reads the events */
enum
{
	EVENT_ID, USER_ID, OCCURRED_AT, KIND, NAME, ACTION, PAGE, EVENT_COLUMNS
};

/* Rows of timelines to be written, column by column */
typedef struct Parts
{
	int			n;
	int			capacity;
	Datum	   *user_ids;
	Datum	   *parts;
	Datum	   *timelines;
	Datum	   *open;
} Parts;

/* What a user has already: the last part that is closed, and the open one after it */
typedef struct OldParts
{
	int32		next;			/* number of a new part */
	bool		has_closed;
	int64		closed_first_at;
	int64		closed_last_at;
	int			n;				/* of those that take what is new */
	Timeline   *timelines[2];
} OldParts;

/* Make room for one more event, and find its place */
static TimelineEvent *
add_event(Fold *fold, FoldUser *user)
{
	uint32		at = fold->nevents % CHUNK_EVENTS;
	EventChunk *chunk;

	if (fold->nevents == PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many events to be folded at once")));
	if (at == 0)
	{
		uint32		i = fold->nchunks++;

		fold->chunks = i == 0 ? MemoryContextAlloc(fold->context, sizeof(EventChunk *)) :
			repalloc(fold->chunks, fold->nchunks * sizeof(EventChunk *));
		fold->chunks[i] = MemoryContextAlloc(fold->context, sizeof(EventChunk));
	}
	chunk = fold->chunks[fold->nchunks - 1];
	chunk->previous[at] = user->last;
	user->last = ++fold->nevents;
	user->nevents++;
	return &chunk->events[at];
}

/* Find the user, or make an entry */
static FoldUser *
find_user(Fold *fold, text *user_id)
{
	bool		found;
	FoldUser   *user = users_insert(fold->users, user_id, &found);

	if (!found)
	{
		uint32		length = VARSIZE_ANY_EXHDR(user_id);
		text	   *copy = MemoryContextAlloc(fold->context, VARHDRSZ + length);

		SET_VARSIZE(copy, VARHDRSZ + length);
		memcpy(VARDATA(copy), VARDATA_ANY(user_id), length);
		user->user_id = copy;
		user->nevents = 0;
		user->last = 0;
		user->first_at = PG_INT64_MAX;
	}
	return user;
}

/*
 * Take an event of the log.  What its names are in the dictionaries is said by
 * event_page() and event_type_name() as well, for queries: an event is on its
 * page, a page view without one on its name; a page view that is named after
 * its page has an empty name.
 */
static bool
receive_event(TupleTableSlot *slot, DestReceiver *self)
{
	Fold	   *fold = (Fold *) self;
	MemoryContext old = MemoryContextSwitchTo(fold->row_context);
	FoldUser   *user;
	TimelineEvent event = {0};
	Oid			kind;
	text	   *name;
	text	   *action = NULL;
	text	   *page = NULL;

	slot_getallattrs(slot);
	event.id = DatumGetInt64(slot->tts_values[EVENT_ID]);
	event.at = DatumGetTimestampTz(slot->tts_values[OCCURRED_AT]);
	kind = DatumGetObjectId(slot->tts_values[KIND]);
	name = DatumGetTextPP(slot->tts_values[NAME]);
	if (!slot->tts_isnull[ACTION])
		action = DatumGetTextPP(slot->tts_values[ACTION]);
	if (!slot->tts_isnull[PAGE])
		page = DatumGetTextPP(slot->tts_values[PAGE]);

	if (page != NULL && VARSIZE_ANY_EXHDR(page) == 0)
		page = NULL;
	if (dictionary_is_page_view(fold->dictionary, kind))
	{
		if (page == NULL)
			page = name;
		if (same_text(name, page))
			name = cstring_to_text("");
	}
	event.type = dictionary_event_type(fold->dictionary, kind, name, action);
	if (page != NULL)
		event.page = dictionary_page(fold->dictionary, page);
	timeline_check_event(&event);
	user = find_user(fold, DatumGetTextPP(slot->tts_values[USER_ID]));
	user->first_at = Min(user->first_at, event.at);
	*add_event(fold, user) = event;

	MemoryContextSwitchTo(old);
	MemoryContextReset(fold->row_context);
	return true;
}

/* Nothing to do before the first event, after the last one, and at the end */
static void
receive_startup(DestReceiver *self, int operation, TupleDesc tupdesc)
{
	if (tupdesc->natts != EVENT_COLUMNS)
		elog(ERROR, "events to be folded have %d columns", tupdesc->natts);
}

static void
receive_end(DestReceiver *self)
{
}

/* The events of some parts and the new ones of a user, in timeline order */
static TimelineEvent *
events_of_user(Fold *fold, const FoldUser *user, const OldParts *old, int64 *nevents)
{
	TimelineEvent *events = timeline_to_events(old->timelines, old->n, user->nevents, nevents);
	TimelineEvent *next;

	*nevents += user->nevents;
	next = events + *nevents;
	for (uint32 number = user->last; number != 0;)
	{
		const EventChunk *chunk = fold->chunks[(number - 1) / CHUNK_EVENTS];
		uint32		at = (number - 1) % CHUNK_EVENTS;

		*--next = chunk->events[at];
		number = chunk->previous[at];
	}
	timeline_sort_events(events, *nevents);
	return events;
}

/* Add a row, with room for as many as come at once in the usual case */
static void
parts_add(Parts *parts, Datum user_id, int32 part, Timeline *timeline, bool open)
{
	if (parts->n == parts->capacity)
	{
		Datum	  **columns[] = {
			&parts->user_ids, &parts->parts, &parts->timelines, &parts->open
		};

		parts->capacity = Max(USERS_AT_A_TIME, 2 * parts->capacity);
		for (size_t i = 0; i < lengthof(columns); i++)
			*columns[i] = *columns[i] == NULL ? palloc(parts->capacity * sizeof(Datum)) :
				repalloc_huge(*columns[i], parts->capacity * sizeof(Datum));
	}
	parts->user_ids[parts->n] = user_id;
	parts->parts[parts->n] = Int32GetDatum(part);
	parts->timelines[parts->n] = PointerGetDatum(timeline);
	parts->open[parts->n++] = BoolGetDatum(open);
}

/* Encode events in as little memory as they take, without the room to encode in */
static Timeline *
encode_part(const TimelineEvent *events, int64 nevents)
{
	Timeline   *timeline = timeline_from_events(events, nevents);
	Timeline   *copy = palloc(VARSIZE(timeline));

	memcpy(copy, timeline, VARSIZE(timeline));
	pfree(timeline);
	return copy;
}

/*
 * Cut a user's events into parts that are as large as they may be, at least as
 * many as there were of them.  Only the last one may be open: readers take an
 * open part 0 for the user's only part.
 */
static void
cut_into_parts(const FoldUser *user, const TimelineEvent *events, int64 nevents,
			   const OldParts *old, Parts *changed, Parts *added)
{
	int32		part = old->next - old->n;
	int64		n = nevents;

	while (nevents > 0)
	{
		int			left = Max(old->next - part - 1, 0);	/* of the old ones */
		Timeline   *timeline;
		int64		size;
		int64		fitting;

		n = Max(Min(n, nevents - left), 1);
		timeline = encode_part(events, n);
		size = VARSIZE(timeline);

		/* As many as would fit, were all as long as these, and a few less */
		fitting = Max(n * (PART_FULL - PART_FULL / 50) / size, 1);
		if (size > PART_FULL && n > 1)
		{
			pfree(timeline);
			n = Min(fitting, n - 1);
			continue;
		}
		events += n;
		nevents -= n;
		parts_add(part < old->next ? changed : added, PointerGetDatum(user->user_id), part,
				  timeline, nevents == 0 && size < PART_CLOSED);
		part++;
		n = Min(nevents, fitting);
	}
}

/* Values as an array, for a query */
static Datum
array_of(Datum *values, int n, Oid type)
{
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, n, type, length, by_value, align));
}

/* User ids as the argument of a query */
static QueryArgs
ids_args(Datum *user_ids, int n)
{
	QueryArgs	args = {1};

	args.values[0] = array_of(user_ids, n, TEXTOID);
	return args;
}

/* A value of a row that a query gave; timelines of some rows are NULL */
static Datum
row_value(SPITupleTable *rows, uint64 row, int column)
{
	bool		isnull;

	return SPI_getbinval(rows->vals[row], rows->tupdesc, column, &isnull);
}

static Timeline *
row_timeline(SPITupleTable *rows, uint64 row, int column)
{
	Datum		value = row_value(rows, row, column);

	return DatumGetPointer(value) == NULL ? NULL : DatumGetTimelineP(value);
}

/*
 * Read the open parts of some users, and find where their last closed parts
 * are in time.  Returns the rows that hold the timelines.
 */
static SPITupleTable *
read_open_parts(FoldUser *const *users, int nusers, OldParts *old)
{
	enum
	{
		N = 1, PART, FIRST_AT, LAST_AT, TIMELINE
	};
	static SqlQuery last_parts = {
		"SELECT b.n::int, l.part, l.first_at, l.last_at, l.timeline"
		" FROM unnest($1) WITH ORDINALITY AS b (user_id, n), LATERAL ("
		"   SELECT t.part, t.first_at, t.last_at, CASE WHEN t.open THEN t.timeline END AS timeline"
		"   FROM user_profile.timelines t WHERE t.user_id = b.user_id"
		"   ORDER BY t.part DESC LIMIT 2) l",
		{TEXTARRAYOID}
	};
	Datum		user_ids[USERS_AT_A_TIME];
	SPITupleTable *rows;

	for (int i = 0; i < nusers; i++)
		user_ids[i] = PointerGetDatum(users[i]->user_id);
	query_execute(&last_parts, ids_args(user_ids, nusers));
	rows = SPI_tuptable;
	for (uint64 row = 0; row < rows->numvals; row++)
	{
		int			i = DatumGetInt32(row_value(rows, row, N)) - 1;
		OldParts   *parts = &old[i];
		int64		first_at = DatumGetTimestampTz(row_value(rows, row, FIRST_AT));
		Timeline   *open = row_timeline(rows, row, TIMELINE);

		parts->next = Max(parts->next, DatumGetInt32(row_value(rows, row, PART)) + 1);
		if (open != NULL)
		{
			users[i]->first_at = Min(users[i]->first_at, first_at);
			parts->timelines[parts->n++] = open;
		}
		else if (!parts->has_closed)
		{
			parts->has_closed = true;
			parts->closed_first_at = first_at;
			parts->closed_last_at = DatumGetTimestampTz(row_value(rows, row, LAST_AT));
		}
	}
	return rows;
}

/*
 * Read the closed parts that late events go into: parts that overlap are
 * encoded anew by each reader.  The last closed part of each user alone, so
 * that a late event costs little more than any other.  Returns the rows, if any.
 */
static SPITupleTable *
read_closed_parts(FoldUser *const *users, int nusers, OldParts *old)
{
	static SqlQuery closed_parts = {
		"SELECT b.n, t.timeline FROM unnest($1, $2, $3) AS b (user_id, part, n)"
		" JOIN user_profile.timelines t ON t.user_id = b.user_id AND t.part = b.part",
		{TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID}
	};
	Datum		user_ids[USERS_AT_A_TIME];
	Datum		parts[USERS_AT_A_TIME];
	Datum		numbers[USERS_AT_A_TIME];
	QueryArgs	args = {3};
	SPITupleTable *rows;
	int			n = 0;

	for (int i = 0; i < nusers; i++)
	{
		int64		first_at = users[i]->first_at;

		if (!old[i].has_closed ||
			first_at < old[i].closed_first_at || first_at > old[i].closed_last_at)
			continue;
		user_ids[n] = PointerGetDatum(users[i]->user_id);
		parts[n] = Int32GetDatum(old[i].next - old[i].n - 1);
		numbers[n++] = Int32GetDatum(i);
	}
	if (n == 0)
		return NULL;
	args.values[0] = array_of(user_ids, n, TEXTOID);
	args.values[1] = array_of(parts, n, INT4OID);
	args.values[2] = array_of(numbers, n, INT4OID);
	query_execute(&closed_parts, args);
	rows = SPI_tuptable;
	for (uint64 row = 0; row < rows->numvals; row++)
	{
		OldParts   *user = &old[DatumGetInt32(row_value(rows, row, 1))];

		user->timelines[user->n++] = row_timeline(rows, row, 2);
	}
	return rows;
}

/* Write rows of timelines by a query that takes them as arrays */
static void
write_parts(SqlQuery *query, const Parts *parts)
{
	Oid			type = type_oid("timeline");
	QueryArgs	args = {4};

	if (parts->n == 0)
		return;
	query->types[2] = get_array_type(type);
	args.values[0] = array_of(parts->user_ids, parts->n, TEXTOID);
	args.values[1] = array_of(parts->parts, parts->n, INT4OID);
	args.values[2] = array_of(parts->timelines, parts->n, type);
	args.values[3] = array_of(parts->open, parts->n, BOOLOID);
	query_execute(query, args);
}

/*
 * Write what some users have in the batch.  New users, those without a part,
 * appear with their first event.
 */
static void
fold_users(Fold *fold, FoldUser *const *users, int nusers)
{
	static SqlQuery add_users = {
		"INSERT INTO user_profile.users (user_id)"
		" SELECT b.user_id FROM unnest($1) AS b (user_id)"
		" WHERE NOT EXISTS (SELECT FROM user_profile.users u WHERE u.user_id = b.user_id)"
		" ON CONFLICT (user_id) DO NOTHING",
		{TEXTARRAYOID}
	};
#define PARTS \
	"unnest($1, $2, $3, $4) AS p (user_id, part, timeline, open)"
#define FIGURES \
	"user_profile.timeline_first_at(p.timeline), user_profile.timeline_last_at(p.timeline)," \
	" user_profile.num_events(p.timeline)"
#define PARTS_TYPES \
	{TEXTARRAYOID, INT4ARRAYOID, InvalidOid, BOOLARRAYOID}
	static SqlQuery change_parts = {
		"UPDATE user_profile.timelines t SET timeline = p.timeline, open = p.open,"
		"  (first_at, last_at, events) = (" FIGURES ")"
		" FROM " PARTS " WHERE t.user_id = p.user_id AND t.part = p.part",
		PARTS_TYPES
	};
	static SqlQuery add_parts = {
		"INSERT INTO user_profile.timelines"
		"  (user_id, part, timeline, open, first_at, last_at, events)"
		" SELECT p.user_id, p.part, p.timeline, p.open, " FIGURES " FROM " PARTS,
		PARTS_TYPES
	};
	Datum		new_ids[USERS_AT_A_TIME];
	OldParts	old[USERS_AT_A_TIME] = {0};
	int			nnew = 0;
	Parts		changed = {0};
	Parts		added = {0};
	SPITupleTable *open_parts;
	SPITupleTable *closed_parts;

	open_parts = read_open_parts(users, nusers, old);
	closed_parts = read_closed_parts(users, nusers, old);
	for (int i = 0; i < nusers; i++)
	{
		int64		nevents;
		TimelineEvent *events = events_of_user(fold, users[i], &old[i], &nevents);

		cut_into_parts(users[i], events, nevents, &old[i], &changed, &added);
		pfree(events);
		if (old[i].next == 0)
			new_ids[nnew++] = PointerGetDatum(users[i]->user_id);
	}
	SPI_freetuptable(open_parts);
	if (closed_parts != NULL)
		SPI_freetuptable(closed_parts);
	if (nnew > 0)
		query_execute(&add_users, ids_args(new_ids, nnew));
	write_parts(&change_parts, &changed);
	write_parts(&add_parts, &added);
}

/*
 * Fold the events that a query gives, within the caller's SPI connection, and
 * count them
 */
int64
fold_into_timelines(SqlQuery *query, QueryArgs args)
{
	/*
	 * Rows are looked up by their keys, whatever the planner believes of
	 * tables that grow while its plan is kept; and what a receiver writes
	 * would be refused in a parallel query.
	 */
	static const char *const settings[][2] = {
		{"enable_hashjoin", "off"},
		{"enable_mergejoin", "off"},
		{"enable_seqscan", "off"},
		{"enable_sort", "off"},
		{"max_parallel_workers_per_gather", "0"},
	};
	int			nestlevel = NewGUCNestLevel();
	MemoryContext old = CurrentMemoryContext;
	MemoryContext part_context;
	FoldUser  **users;
	FoldUser   *user;
	users_iterator iterator;
	uint32		nusers = 0;
	int64		folded;
	Fold		fold = {
		.receiver = {
			receive_event, receive_startup, receive_end, receive_end, DestNone
		}
	};

	for (size_t i = 0; i < lengthof(settings); i++)
		set_for_now(settings[i][0], settings[i][1]);

	/* A batch that fails leaves nothing behind */
	fold.context = AllocSetContextCreate(CurTransactionContext, "user_profile fold",
										 ALLOCSET_DEFAULT_SIZES);
	fold.row_context = AllocSetContextCreate(fold.context, "user_profile event",
											 ALLOCSET_SMALL_SIZES);
	part_context = AllocSetContextCreate(fold.context, "user_profile parts",
										 ALLOCSET_DEFAULT_SIZES);
	fold.dictionary = dictionary_create(fold.context);
	fold.users = users_create(fold.context, 1024, NULL);
	query_receive(query, args, &fold.receiver);

	users = MemoryContextAllocHuge(fold.context, fold.users->members * sizeof(FoldUser *));
	users_start_iterate(fold.users, &iterator);
	while ((user = users_iterate(fold.users, &iterator)) != NULL)
		users[nusers++] = user;
	qsort(users, nusers, sizeof(FoldUser *), compare_users);
	MemoryContextSwitchTo(part_context);
	for (uint32 i = 0; i < nusers; i += USERS_AT_A_TIME)
	{
		fold_users(&fold, users + i, Min(USERS_AT_A_TIME, nusers - i));
		MemoryContextReset(part_context);
	}
	MemoryContextSwitchTo(old);
	folded = fold.nevents;
	MemoryContextDelete(fold.context);
	AtEOXact_GUC(true, nestlevel);
	return folded;
}
