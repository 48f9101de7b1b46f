/*-------------------------------------------------------------------------
 *
 * session_reader.h
 *	  The sessions of a timeline, one after the other.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef SESSION_READER_H
#define SESSION_READER_H

#include "timeline.h"

typedef struct Session
{
	int64		number;			/* from 1 */
	int64		started_at;
	int64		ended_at;
	int64		events;
	int32		entry_page;		/* 0: no event with a page */
	int32		exit_page;
	int64		entry_id;		/* the events that these pages are of */
	int64		exit_id;
} Session;

/* Where we are in the timeline; too large for a stack frame that recurses */
typedef struct SessionReader
{
	int64		timeout;
	int			which;			/* columns to decode */
	int64		number;			/* of the last session */
	TimelineCursor cursor;
	TimelineBlock block;
	int			next;			/* the run of the block to look at next */
	BlockColumns columns;
} SessionReader;

/*
 * Start reading.  What is asked for beside times and numbers, COLUMN_PAGES and
 * COLUMN_IDS, may be nothing: pages, or ids, of sessions are undefined then.
 */
extern void session_reader_begin(SessionReader *reader, const Timeline *timeline,
								 int64 timeout, int which);

/* Read the next session; false where there is none */
extern bool session_reader_next(SessionReader *reader, Session *session);

#endif							/* SESSION_READER_H */
