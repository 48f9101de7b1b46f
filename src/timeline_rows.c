/*-------------------------------------------------------------------------
 *
 * timeline_rows.c
 *	  Arrays of rows: what aggregates return that give more than one row.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* The row type of the array that a function returns; kept for its other calls */
TupleDesc
result_row_type(FunctionCallInfo fcinfo, int ncolumns)
{
	TupleDesc	tupdesc = fcinfo->flinfo->fn_extra;

	if (tupdesc == NULL)
	{
		Oid			rows = get_func_rettype(fcinfo->flinfo->fn_oid);
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		tupdesc = lookup_rowtype_tupdesc_copy(get_element_type(rows), -1);
		MemoryContextSwitchTo(old);
		if (tupdesc->natts != ncolumns)
			elog(ERROR, "unexpected result type of %u", fcinfo->flinfo->fn_oid);
		fcinfo->flinfo->fn_extra = tupdesc;
	}
	return tupdesc;
}

/* Make an array of rows */
Datum
rows_to_array(TupleDesc tupdesc, Datum *rows, int64 nrows)
{
	ArrayType  *array;

	if (nrows > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for an array: " INT64_FORMAT, nrows)));
	array = construct_array(rows, (int) nrows, tupdesc->tdtypeid, -1, false,
							TYPALIGN_DOUBLE);
	return PointerGetDatum(array);
}
