/*-------------------------------------------------------------------------
 *
 * timeline_content.c
 *	  Set-returning functions that read from a timeline what a user answered
 *	  and which in-app content the user met, and where that was.
 *
 * Glossary
 *	answer		an event of kind nps or survey
 *	interaction	an event of kind flow, spotlight, banner or checklist
 *	place		the page on which the user was: the event's own page, or where
 *				it has none, that of the last page view before it in the same
 *				session
 *
 * Such events are few.  So the event types of all blocks are looked at first,
 * and nothing is decoded behind the last block that has any.  Up to there,
 * times and types are read of every block, as the start of a session may lie
 * far back; pages and event ids only where an event is found, or where the
 * last page view of a session must be remembered for the next block.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "common/hashfn.h"

#include "timeline_scan.h"

/* The numbers of the kinds, first and last of each sort */
#define KIND_FIRST_INTERACTION	4
#define KIND_LAST_INTERACTION	7
#define KIND_FIRST_ANSWER		8
#define KIND_LAST_ANSWER		9

/* Pending events have the bare kind for a type (see the view pending_timelines) */
#define TYPE_IS_BARE_KIND(type) ((type) < EVENT_KINDS)

/* A page and the event by which it is known; page 0: none */
typedef struct Place
{
	int32		page;
	int64		event_id;
} Place;

/* An answer or an interaction */
typedef struct ContentEvent
{
	int64		id;
	int64		at;
	int32		type;
	int64		session_started_at;
	Place		place;
} ContentEvent;

/* Where we are in the timeline */
typedef struct ContentReader
{
	Period		period;
	uint64		timeout;
	int			first_kind;
	int			last_kind;

	TimelineCursor cursor;
	int			blocks_left;	/* up to the last that has events to find */
	TimelineBlock block;
	int			next;			/* the event of the block to look at next */
	bool		places_read;	/* are pages and ids of the block decoded? */

	bool		any_before;
	int64		previous_at;
	int64		session_started_at;
	int			view_index;		/* last page view of the session here, or -1 */
	Place		view;			/* the last one before this block */

	BlockColumns columns;
} ContentReader;

/* Does a block have events of the kinds we look for? */
static bool
block_has_content(ContentReader *reader, const TimelineBlock *block)
{
	int32	   *dict = reader->columns.type_dict;

	if (block->last_at < reader->period.lower || block->first_at >= reader->period.upper)
		return false;
	if (!timeline_block_type_dict(block, dict))
		return true;			/* damaged: reading it will tell */
	for (int i = 0; i < block->ntypes; i++)
		if (EVENT_KIND(dict[i]) >= reader->first_kind &&
			EVENT_KIND(dict[i]) <= reader->last_kind)
			return true;
	return false;
}

/*
 * Start reading the events of some kinds in (timeline, period, timeout); false
 * where there are none.
 */
static bool
content_begin(ContentReader *reader, FunctionCallInfo fcinfo, int first_kind, int last_kind)
{
	Timeline   *timeline;
	TimelineBlock block;

	memset(reader, 0, offsetof(ContentReader, columns));
	reader->period = period_from_arg(fcinfo, 1);
	reader->timeout = (uint64) timeout_from_arg(fcinfo, 2);
	reader->first_kind = first_kind;
	reader->last_kind = last_kind;
	reader->view_index = -1;
	if (PG_ARGISNULL(0))
		return false;

	timeline = PG_GETARG_TIMELINE_P(0);
	timeline_begin(&reader->cursor, timeline);
	for (int n = 1; timeline_read(&reader->cursor, &block); n++)
		if (block_has_content(reader, &block))
			reader->blocks_left = n;
	timeline_begin(&reader->cursor, timeline);
	return reader->blocks_left > 0;
}

/* Decode pages and event ids of the block, unless that is done */
static void
read_places(ContentReader *reader)
{
	if (!reader->places_read)
		timeline_columns(&reader->block, COLUMN_IDS | COLUMN_PAGES, &reader->columns);
	reader->places_read = true;
}

/* The page that an event of the block has itself */
static Place
place_of_event(const ContentReader *reader, int i)
{
	Place		place;

	place.page = reader->columns.page_dict[reader->columns.pages[i]];
	place.event_id = reader->columns.ids[i];
	return place;
}

/* Move to the next block; false where nothing is left to find */
static bool
next_block(ContentReader *reader)
{
	if (reader->blocks_left-- == 0)
		return false;
	if (reader->view_index >= 0)
	{
		read_places(reader);
		reader->view = place_of_event(reader, reader->view_index);
		reader->view_index = -1;
	}
	if (!timeline_read(&reader->cursor, &reader->block))
		return false;
	timeline_columns(&reader->block, COLUMN_TIMES | COLUMN_TYPES, &reader->columns);
	reader->places_read = false;
	reader->next = 0;
	return true;
}

/* Where was the user at event i of the block? */
static Place
place_at_event(ContentReader *reader, int i)
{
	Place		place;

	read_places(reader);
	place = place_of_event(reader, i);
	if (place.page != 0)
		return place;
	if (reader->view_index >= 0)
		return place_of_event(reader, reader->view_index);
	return reader->view;
}

/* Find the next event of our kinds within the period, in timeline order */
static bool
content_next(ContentReader *reader, ContentEvent *event)
{
	const BlockColumns *columns = &reader->columns;

	for (;;)
	{
		int			i;
		int64		at;
		int			kind;

		if (reader->next == reader->block.nevents && !next_block(reader))
			return false;
		i = reader->next++;
		at = columns->times[i];
		kind = EVENT_KIND(columns->type_dict[columns->types[i]]);
		if (!reader->any_before ||
			(uint64) at - (uint64) reader->previous_at > reader->timeout)
		{
			reader->any_before = true;
			reader->session_started_at = at;
			reader->view_index = -1;
			reader->view.page = 0;
		}
		reader->previous_at = at;
		if (kind == KIND_PAGE_VIEW)
			reader->view_index = i;
		else if (kind >= reader->first_kind && kind <= reader->last_kind &&
				 PERIOD_HAS(reader->period, at))
		{
			event->place = place_at_event(reader, i);
			event->id = columns->ids[i];
			event->at = at;
			event->type = columns->type_dict[columns->types[i]];
			event->session_started_at = reader->session_started_at;
			return true;
		}
	}
}

/*----------
 * timeline_answers, timeline_interaction_events: a row each
 *----------
 */

static bool
answers_begin(void *reader, FunctionCallInfo fcinfo, uint32 columns)
{
	return content_begin(reader, fcinfo, KIND_FIRST_ANSWER, KIND_LAST_ANSWER);
}

static bool
interaction_events_begin(void *reader, FunctionCallInfo fcinfo, uint32 columns)
{
	return content_begin(reader, fcinfo, KIND_FIRST_INTERACTION, KIND_LAST_INTERACTION);
}

static bool
content_events_next(void *reader, Datum *values, bool *nulls)
{
	ContentEvent event;

	if (!content_next(reader, &event))
		return false;
	values[0] = Int64GetDatum(event.id);
	values[1] = TimestampTzGetDatum(event.at);
	values[2] = Int32GetDatum(event.type);
	values[3] = TimestampTzGetDatum(event.session_started_at);
	values[4] = Int32GetDatum(event.place.page);
	values[5] = Int64GetDatum(event.place.event_id);
	nulls[4] = nulls[5] = event.place.page == 0;
	return true;
}

PG_FUNCTION_INFO_V1(timeline_answers);

const RowSource timeline_answers_source = {
	{"Timeline Answers", timeline_scan_create},
	timeline_answers, 6, sizeof(ContentReader), answers_begin, content_events_next
};

Datum
timeline_answers(PG_FUNCTION_ARGS)
{
	return source_rows(fcinfo, &timeline_answers_source);
}

PG_FUNCTION_INFO_V1(timeline_interaction_events);

const RowSource timeline_interaction_events_source = {
	{"Timeline Interaction Events", timeline_scan_create},
	timeline_interaction_events, 6, sizeof(ContentReader), interaction_events_begin,
	content_events_next
};

Datum
timeline_interaction_events(PG_FUNCTION_ARGS)
{
	return source_rows(fcinfo, &timeline_interaction_events_source);
}

/*----------
 * timeline_interactions: by event type
 *----------
 */

/* All interactions of one event type */
typedef struct Interactions
{
	int32		type;
	int64		count;
	int64		first_at;
	ContentEvent last;
	char		status;
} Interactions;

#define SH_PREFIX types
#define SH_ELEMENT_TYPE Interactions
#define SH_KEY_TYPE int32
#define SH_KEY type
#define SH_HASH_KEY(table, k) murmurhash32((uint32) (k))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Add the next event in order */
static void
interactions_add(Interactions *interactions, const ContentEvent *event)
{
	if (interactions->count++ == 0)
		interactions->first_at = event->at;
	interactions->last = *event;
}

static void
interactions_emit(ReturnSetInfo *rsinfo, const Interactions *interactions)
{
	const ContentEvent *last = &interactions->last;
	Datum		values[7];
	bool		nulls[7] = {0};

	values[0] = Int32GetDatum(last->type);
	values[1] = Int64GetDatum(interactions->count);
	values[2] = TimestampTzGetDatum(interactions->first_at);
	values[3] = TimestampTzGetDatum(last->at);
	values[4] = Int64GetDatum(last->id);
	values[5] = Int32GetDatum(last->place.page);
	values[6] = Int64GetDatum(last->place.event_id);
	nulls[5] = nulls[6] = last->place.page == 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * Count interactions by event type.  Pending events come out one by one, as
 * their type does not tell the content.
 */
PG_FUNCTION_INFO_V1(timeline_interactions);
Datum
timeline_interactions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ContentReader *reader = fcinfo->flinfo->fn_extra;
	types_hash *types;
	types_iterator iterator;
	ContentEvent event;
	Interactions *interactions;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (reader == NULL)
	{
		reader = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ContentReader));
		fcinfo->flinfo->fn_extra = reader;
	}
	if (!content_begin(reader, fcinfo, KIND_FIRST_INTERACTION, KIND_LAST_INTERACTION))
		return (Datum) 0;
	types = types_create(CurrentMemoryContext, 8, NULL);
	while (content_next(reader, &event))
	{
		if (TYPE_IS_BARE_KIND(event.type))
		{
			Interactions single = {0};

			interactions_add(&single, &event);
			interactions_emit(rsinfo, &single);
		}
		else
		{
			bool		found;

			interactions = types_insert(types, event.type, &found);
			if (!found)
				interactions->count = 0;
			interactions_add(interactions, &event);
		}
	}
	types_start_iterate(types, &iterator);
	while ((interactions = types_iterate(types, &iterator)) != NULL)
		interactions_emit(rsinfo, interactions);
	types_destroy(types);
	return (Datum) 0;
}
