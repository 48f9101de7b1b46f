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
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/memutils.h"

/* A set of ids, one bit each: ids are assigned densely */
typedef struct IdSet
{
	int64		nwords;
	uint64	   *words;
} IdSet;

typedef struct DictionaryState
{
	MemoryContext context;
	IdSet		types;
	IdSet		pages;
} DictionaryState;

/* Add ids, which are ascending */
static void
id_set_add(IdSet *set, MemoryContext context, const int32 *ids, int n)
{
	int64		needed = ids[n - 1] / 64 + 1;

	if (needed > set->nwords)
	{
		int64		nwords = Max(needed, 2 * set->nwords);
		uint64	   *words = MemoryContextAllocZero(context, nwords * sizeof(uint64));

		if (set->nwords > 0)
		{
			memcpy(words, set->words, set->nwords * sizeof(uint64));
			pfree(set->words);
		}
		set->words = words;
		set->nwords = nwords;
	}
	for (int i = 0; i < n; i++)
		set->words[ids[i] / 64] |= UINT64CONST(1) << (ids[i] % 64);
}

PG_FUNCTION_INFO_V1(timelines_dictionary_transfn);
Datum
timelines_dictionary_transfn(PG_FUNCTION_ARGS)
{
	DictionaryState *state = PG_ARGISNULL(0) ? NULL : (DictionaryState *) PG_GETARG_POINTER(0);
	TimelineCursor cursor;
	TimelineBlock block;
	int32		dict[TIMELINE_BLOCK_EVENTS];

	if (state == NULL)
	{
		MemoryContext context = aggregate_context(fcinfo);

		state = MemoryContextAllocZero(context, sizeof(DictionaryState));
		state->context = context;
	}
	if (!PG_ARGISNULL(1))
	{
		timeline_begin(&cursor, PG_GETARG_TIMELINE_P(1));
		while (timeline_read(&cursor, &block))
		{
			if (!timeline_block_type_dict(&block, dict))
				timeline_report_damage();
			id_set_add(&state->types, state->context, dict, block.ntypes);
			if (!timeline_block_page_dict(&block, dict))
				timeline_report_damage();
			id_set_add(&state->pages, state->context, dict, block.npages);
		}
	}
	PG_RETURN_POINTER(state);
}

/* The ids of a set, from the lowest on that counts */
static Datum
id_set_array(const IdSet *set, int32 lowest)
{
	int64		nbits = 64 * set->nwords;
	int			nids = 0;
	Datum	   *ids;
	int			n = 0;

	if (set->nwords > 0)
		nids = (int) pg_popcount((const char *) set->words, (int) (set->nwords * sizeof(uint64)));
	ids = MemoryContextAllocHuge(CurrentMemoryContext, Max(nids, 1) * sizeof(Datum));
	for (int64 id = lowest; id < nbits; id++)
		if (set->words[id / 64] & UINT64CONST(1) << (id % 64))
			ids[n++] = Int32GetDatum((int32) id);
	return PointerGetDatum(construct_array(ids, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
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
	values[0] = id_set_array(&state->types, 0);

	/* Page 0 stands for none */
	values[1] = id_set_array(&state->pages, 1);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}
