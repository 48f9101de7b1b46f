/*-------------------------------------------------------------------------
 *
 * timeline_dictionary.c
 *	  Which event types and pages occur in timelines.
 *
 * Read from the dictionaries of the blocks, without their columns, so that all
 * timelines can be asked when a user is deleted.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/memutils.h"

typedef struct IdEntry
{
	int32		id;
	char		status;
} IdEntry;

#define SH_PREFIX ids
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE int32
#define SH_KEY id
#define SH_HASH_KEY(table, k) murmurhash32((uint32) (k))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct DictionaryState
{
	ids_hash   *types;
	ids_hash   *pages;
} DictionaryState;

PG_FUNCTION_INFO_V1(timelines_dictionary_transfn);
Datum
timelines_dictionary_transfn(PG_FUNCTION_ARGS)
{
	DictionaryState *state = PG_ARGISNULL(0) ? NULL : (DictionaryState *) PG_GETARG_POINTER(0);
	MemoryContext context;
	TimelineCursor cursor;
	TimelineBlock block;
	int32		dict[TIMELINE_BLOCK_EVENTS];
	bool		found;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, sizeof(DictionaryState));
		state->types = ids_create(context, 64, NULL);
		state->pages = ids_create(context, 64, NULL);
	}
	if (!PG_ARGISNULL(1))
	{
		timeline_begin(&cursor, PG_GETARG_TIMELINE_P(1));
		while (timeline_read(&cursor, &block))
		{
			if (!timeline_block_type_dict(&block, dict))
				timeline_report_damage();
			for (int i = 0; i < block.ntypes; i++)
				ids_insert(state->types, dict[i], &found);
			if (!timeline_block_page_dict(&block, dict))
				timeline_report_damage();
			for (int i = 0; i < block.npages; i++)
				if (dict[i] != 0)
					ids_insert(state->pages, dict[i], &found);
		}
	}
	PG_RETURN_POINTER(state);
}

/* The ids as an array, in no particular order */
static Datum
ids_array(ids_hash *ids)
{
	Datum	   *values = palloc(Max(ids->members, 1) * sizeof(Datum));
	ids_iterator iterator;
	IdEntry    *entry;
	int			n = 0;

	ids_start_iterate(ids, &iterator);
	while ((entry = ids_iterate(ids, &iterator)) != NULL)
		values[n++] = Int32GetDatum(entry->id);
	return PointerGetDatum(construct_array(values, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(timelines_dictionary_finalfn);
Datum
timelines_dictionary_finalfn(PG_FUNCTION_ARGS)
{
	DictionaryState *state;
	TupleDesc	tupdesc;
	Datum		values[2];
	bool		nulls[2] = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (DictionaryState *) PG_GETARG_POINTER(0);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = ids_array(state->types);
	values[1] = ids_array(state->pages);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}
