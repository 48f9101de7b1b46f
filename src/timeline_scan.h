/*-------------------------------------------------------------------------
 *
 * timeline_scan.h
 *	  Set-returning functions over a timeline, as sources of rows.
 *
 * A source tells how the rows of one function come about, apart from how they
 * are handed on: the function itself puts them into a tuplestore, a scan of it
 * (timeline_scan.c) gives them to the plan one by one.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TIMELINE_SCAN_H
#define TIMELINE_SCAN_H

#include "compat.h"

#include "fmgr.h"
#include "nodes/extensible.h"

#define SOURCE_MAX_COLUMNS	9

/* A column of a source, from 0, in a set of columns */
#define SOURCE_COLUMN(n)	((uint32) 1 << (n))
#define SOURCE_ALL_COLUMNS	(~(uint32) 0)

typedef struct RowSource
{
	CustomScanMethods scan;		/* first, as plans point to it */
	PGFunction	function;
	int			ncolumns;
	Size		reader_size;

	/*
	 * Check the arguments, and start to read some columns; false where there
	 * are no rows.  The arguments stay until the last row is read.
	 */
	bool		(*begin) (void *reader, FunctionCallInfo fcinfo, uint32 columns);

	/* Fill the next row, at least the columns asked for; false at the end */
	bool		(*next) (void *reader, Datum *values, bool *nulls);
} RowSource;

/* timeline_read.c */
extern Datum source_rows(FunctionCallInfo fcinfo, const RowSource *source);
extern const RowSource timeline_sessions_source;
extern const RowSource timeline_events_source;

/* timeline_content.c */
extern const RowSource timeline_answers_source;
extern const RowSource timeline_interaction_events_source;

/* timeline_scan.c */
extern Node *timeline_scan_create(CustomScan *scan);
extern void timeline_scan_init(void);

#endif							/* TIMELINE_SCAN_H */
