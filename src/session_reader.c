/*-------------------------------------------------------------------------
 *
 * session_reader.c
 *	  The sessions of a timeline, one after the other.
 *
 * A reader goes once over the blocks, as far as it is asked for sessions, and
 * decodes the columns that its caller needs.  The timeline must stay where it
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
	reader->timeout = (uint64) timeout;
	reader->which = COLUMN_TIMES | which;
	reader->number = 0;
	reader->next = reader->block.nevents = 0;
	timeline_begin(&reader->cursor, timeline);
}

/* Decode the next block; false where there is none */
static bool
next_block(SessionReader *reader)
{
	CHECK_FOR_INTERRUPTS();
	if (!timeline_read(&reader->cursor, &reader->block))
		return false;
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
	const int64 *times = reader->columns.times;

	memset(session, 0, sizeof(Session));
	while (reader->next < reader->block.nevents || next_block(reader))
	{
		int			nevents = reader->block.nevents;
		int			from = reader->next;
		int			to = from;
		int64		previous_at = session->events > 0 ? session->ended_at : times[from];

		while (to < nevents && (uint64) times[to] - (uint64) previous_at <= reader->timeout)
			previous_at = times[to++];
		if (to == from)
			break;				/* another session starts with the block */
		if (session->events == 0)
			session->started_at = times[from];
		session->ended_at = previous_at;
		session->events += to - from;
		if (reader->which & COLUMN_PAGES)
			add_pages(session, reader, from, to);
		reader->next = to;
		if (to < nevents)
			break;
	}
	if (session->events == 0)
		return false;
	session->number = ++reader->number;
	return true;
}
