/*-------------------------------------------------------------------------
 *
 * look.c
 *	  Looks into our tables by the methods of tables and indexes.
 *
 * For what is asked so often, or of so little, that a query would take longer
 * than what asks.  They see what the calling query sees.  They check no rights
 * and no row-level security: whoever looks answers for what is told.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "look.h"

#include "access/relation.h"
#include "query.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

void
begin_look(Look *look, const char *table)
{
	look->relation = relation_open(relation_oid(table), AccessShareLock);
	look->row = table_slot_create(look->relation, NULL);
	look->scan = table_beginscan(look->relation, GetActiveSnapshot(), 0, NULL);
}

bool
next_row(Look *look)
{
	return table_scan_getnextslot(look->scan, ForwardScanDirection, look->row);
}

Datum
row_value(Look *look, const char *column, bool *isnull)
{
	return slot_getattr(look->row, get_attnum(RelationGetRelid(look->relation), column), isnull);
}

void
end_look(Look *look)
{
	table_endscan(look->scan);
	ExecDropSingleTupleTableSlot(look->row);
	relation_close(look->relation, AccessShareLock);
}

Keyed
keyed_table(const char *name)
{
	Keyed		keyed = {relation_oid(name)};
	Relation	relation = relation_open(keyed.table, AccessShareLock);

	keyed.key = primary_key_index(relation);
	relation_close(relation, NoLock);	/* so that the index stays, too */
	return keyed;
}

void
begin_key_scan(KeyScan *look, Keyed keyed, const KeyCondition *conditions, int nconditions)
{
	ScanKeyData keys[2];

	look->relation = relation_open(keyed.table, AccessShareLock);
	look->key = index_open(keyed.key, AccessShareLock);
	look->row = table_slot_create(look->relation, NULL);
	for (int i = 0; i < nconditions; i++)
		ScanKeyEntryInitialize(&keys[i], 0, (AttrNumber) (i + 1), conditions[i].strategy,
							   InvalidOid, look->key->rd_indcollation[i],
							   conditions[i].operator, conditions[i].value);
	look->scan = index_beginscan_compat(look->relation, look->key, GetActiveSnapshot(), nconditions);
	index_rescan(look->scan, keys, nconditions, NULL, 0);
}

bool
next_row_by_key(KeyScan *look)
{
	return index_getnext_slot(look->scan, ForwardScanDirection, look->row);
}

void
end_key_scan(KeyScan *look)
{
	index_endscan(look->scan);
	ExecDropSingleTupleTableSlot(look->row);
	index_close(look->key, AccessShareLock);
	relation_close(look->relation, AccessShareLock);
}
