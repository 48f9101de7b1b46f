/*-------------------------------------------------------------------------
 *
 * look.h
 *	  Looks into our tables by the methods of tables and indexes.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef LOOK_H
#define LOOK_H

#include "compat.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "executor/tuptable.h"

/* A look at all rows of a small table */
typedef struct Look
{
	Relation	relation;
	TableScanDesc scan;
	TupleTableSlot *row;
} Look;

/* One of our tables, and its primary key */
typedef struct Keyed
{
	Oid			table;
	Oid			key;
} Keyed;

/* A condition on a column of the primary key */
typedef struct KeyCondition
{
	StrategyNumber strategy;
	RegProcedure operator;
	Datum		value;
} KeyCondition;

/* The rows of a table by conditions on the first columns of its primary key */
typedef struct KeyScan
{
	Relation	relation;
	Relation	key;
	IndexScanDesc scan;
	TupleTableSlot *row;
} KeyScan;

extern void begin_look(Look *look, const char *table);
extern bool next_row(Look *look);
extern Datum row_value(Look *look, const char *column, bool *isnull);
extern void end_look(Look *look);
extern Keyed keyed_table(const char *name);
extern void begin_key_scan(KeyScan *look, Keyed keyed, const KeyCondition *conditions, int nconditions);
extern bool next_row_by_key(KeyScan *look);
extern void end_key_scan(KeyScan *look);

#endif							/* LOOK_H */
