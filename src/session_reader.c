/*-------------------------------------------------------------------------
 *
 * session_reader.c
 *	  The sessions of a timeline, one after the other.
 *
 * A reader goes once over the runs of the blocks, as far as it is asked for
 * sessions, and decodes the columns that its caller needs.  The timeline must stay where it
 * is meanwhile.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "session_reader.h"

#include "miscadmin.h"

void
session_reader_begin(SessionReader *reader, const Timeline *timeline, int64 timeout, int which)
{
	reader->timeout = timeout;
	reader->which = which;
	reader->number = 0;
	reader->next = reader->columns.end_run = 0;
	timeline_begin(&reader->cursor, timeline);
}

/* Decode the next block; false where there is none */
static bool
next_block(SessionReader *reader)
{
	CHECK_FOR_INTERRUPTS();
	if (!timeline_read(&reader->cursor, &reader->block))
		return false;
	timeline_runs(&reader->block, reader->timeout, &reader->columns);
	timeline_columns(&reader->block, reader->which, &reader->columns);
	reader->next = 0;
	return true;
}

/* Take the pages of events [from, to) of the block into their session */
static void
add_pages(Session *session, const SessionReader *reader, int from, int to)
{
	const BlockColumns *columns = &reader->columns;
	int			first = from;
	int			last = to - 1;

	while (first < to && columns->page_dict[columns->pages[first]] == 0)
		first++;
	if (first == to)
		return;
	while (columns->page_dict[columns->pages[last]] == 0)
		last--;
	if (session->entry_page == 0)
	{
		session->entry_page = columns->page_dict[columns->pages[first]];
		session->entry_id = columns->ids[first];
	}
	session->exit_page = columns->page_dict[columns->pages[last]];
	session->exit_id = columns->ids[last];
}

bool
session_reader_next(SessionReader *reader, Session *session)
{
	const BlockColumns *columns = &reader->columns;
	const uint64 timeout = (uint64) reader->timeout;

	memset(session, 0, sizeof(Session));
	while (reader->next < columns->end_run || next_block(reader))
	{
		const TimelineRun *first = &columns->runs[reader->next];
		const TimelineRun *end = &columns->runs[columns->end_run];
		const TimelineRun *run = first;
		int64		previous_at = session->events > 0 ? session->ended_at : first->first_at;
		int			to;

		while (run < end && (uint64) run->first_at - (uint64) previous_at <= timeout)
			previous_at = (run++)->last_at;
		if (run == first)
			break;				/* another session starts with the block */
		to = run < end ? run->first : reader->block.nevents;
		if (session->events == 0)
			session->started_at = first->first_at;
		session->ended_at = previous_at;
		session->events += to - first->first;
		if (reader->which & COLUMN_PAGES)
			add_pages(session, reader, first->first, to);
		reader->next = run - columns->runs;
		if (run < end)
			break;
	}
	if (session->events == 0)
		return false;
	session->number = ++reader->number;
	return true;
}
