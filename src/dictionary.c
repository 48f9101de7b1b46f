/*-------------------------------------------------------------------------
 *
 * dictionary.c
 *	  The dictionaries of event types and pages, and the numbers of kinds.
 *
 * While a batch is folded, each event looks up the ids of its type and of its
 * page.  They are kept in a hash table for the query; what is missing there is
 * read from the dictionary, or added to it.  Only folding adds entries, and it
 * holds the refresh lock (see refresh.c): so no two sessions add the same one,
 * although the dictionaries have no unique index.  (A unique index would be a
 * btree, which refuses long pages.)
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "timeline.h"

/* The labels of event_kind, by number: what event type ids carry for ever */
static const char *const kind_labels[] = {
	"tracked", "labeled", "feature_tag", "page_view", "flow", "spotlight",
	"banner", "checklist", "nps", "survey"
};

/* Numbers of the enum values met so far in a query */
typedef struct KindCache
{
	int			n;
	Oid			values[EVENT_KINDS];
	int			numbers[EVENT_KINDS];
} KindCache;

/* Look up the number of a kind by its label */
static int
find_kind_number(Oid value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	int			number = -1;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", value);
	for (int i = 0; i < (int) lengthof(kind_labels); i++)
		if (strcmp(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel), kind_labels[i]) == 0)
			number = i;
	ReleaseSysCache(tuple);
	if (number < 0)
		elog(ERROR, "enum value %u is not a kind of event", value);
	return number;
}

/* The number of a kind, through the cache */
static int
kind_number(KindCache *cache, Oid value)
{
	int			number;

	for (int i = 0; i < cache->n; i++)
		if (cache->values[i] == value)
			return cache->numbers[i];
	number = find_kind_number(value);
	if (cache->n < EVENT_KINDS)
	{
		cache->values[cache->n] = value;
		cache->numbers[cache->n++] = number;
	}
	return number;
}

PG_FUNCTION_INFO_V1(event_kind_number);
Datum
event_kind_number(PG_FUNCTION_ARGS)
{
	KindCache  *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
		cache = fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(KindCache));
	PG_RETURN_INT32(kind_number(cache, PG_GETARG_OID(0)));
}

/* What is looked up: the kind, and each text with its length in front */
typedef struct DictKey
{
	char	   *data;
	uint32		length;
	uint32		hash;
} DictKey;

typedef struct DictEntry
{
	DictKey		key;
	int32		id;
	char		status;
} DictEntry;

#define SH_PREFIX dict
#define SH_ELEMENT_TYPE DictEntry
#define SH_KEY_TYPE DictKey
#define SH_KEY key
#define SH_HASH_KEY(table, k) (k).hash
#define SH_EQUAL(table, a, b) \
	((a).hash == (b).hash && (a).length == (b).length && \
	 memcmp((a).data, (b).data, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Entries kept at most: what is dropped is read again when it is met */
#define DICT_MAX_ENTRIES	200000

/* A dictionary in memory, for the calls of one place in one query */
typedef struct Dictionary
{
	KindCache	kinds;
	MemoryContext context;
	MemoryContext parent;
	dict_hash  *table;
	StringInfoData buffer;
} Dictionary;

static void
dictionary_reset(Dictionary *dict)
{
	if (dict->context != NULL)
		MemoryContextDelete(dict->context);
	dict->context = AllocSetContextCreate(dict->parent, "user_profile dictionary",
										  ALLOCSET_DEFAULT_SIZES);
	dict->table = dict_create(dict->context, 1024, NULL);
}

/* The dictionary of this call site */
static Dictionary *
dictionary_of_call(FunctionCallInfo fcinfo)
{
	Dictionary *dict = fcinfo->flinfo->fn_extra;

	if (dict == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		dict = palloc0(sizeof(Dictionary));
		dict->parent = CurrentMemoryContext;
		initStringInfo(&dict->buffer);
		dictionary_reset(dict);
		MemoryContextSwitchTo(old);
		fcinfo->flinfo->fn_extra = dict;
	}
	resetStringInfo(&dict->buffer);
	return dict;
}

/* Add one text to the key, with its length */
static void
dictionary_add_text(Dictionary *dict, const text *part)
{
	uint32		length = VARSIZE_ANY_EXHDR(part);

	appendBinaryStringInfo(&dict->buffer, (char *) &length, sizeof(length));
	appendBinaryStringInfo(&dict->buffer, VARDATA_ANY(part), length);
}

/* Find or make the entry of the key; *found tells which */
static DictEntry *
dictionary_find(Dictionary *dict, bool *found)
{
	DictEntry  *entry;
	DictKey		key;

	if (dict->table->members >= DICT_MAX_ENTRIES)
		dictionary_reset(dict);
	key.data = dict->buffer.data;
	key.length = dict->buffer.len;
	key.hash = hash_bytes((unsigned char *) key.data, key.length);
	entry = dict_insert(dict->table, key, found);
	if (!*found)
	{
		/*
		 * An error before the id is known ends the query, and the table with
		 * it
		 */
		entry->key.data = MemoryContextAlloc(dict->context, key.length);
		memcpy(entry->key.data, key.data, key.length);
		entry->id = 0;
	}
	return entry;
}

/* Read an id from its dictionary, or add it there */
static int32
dictionary_resolve(SqlQuery *find, SqlQuery *add, QueryArgs args)
{
	Datum		id;
	bool		isnull;

	SPI_connect();
	if (query_execute(find, args) == 0)
		query_execute(add, args);
	id = query_value(1, &isnull);
	if (isnull)
		elog(ERROR, "dictionary entry has no id");
	SPI_finish();
	return DatumGetInt32(id);
}

PG_FUNCTION_INFO_V1(intern_event_type);
Datum
intern_event_type(PG_FUNCTION_ARGS)
{
	static SqlQuery find = {
		"SELECT event_type_id FROM user_profile.event_types"
		" WHERE name = $2 AND kind::text = $1 AND action = $3 AND $4 IS NOT NULL",
		{TEXTOID, TEXTOID, TEXTOID, INT4OID}
	};
	static SqlQuery add = {
		"INSERT INTO user_profile.event_types (event_type_id, kind, name, action)"
		" VALUES (nextval('user_profile.event_types_seq') * 16 + $4,"
		"  $1::user_profile.event_kind, $2, $3) RETURNING event_type_id",
		{TEXTOID, TEXTOID, TEXTOID, INT4OID}
	};
	Dictionary *dict = dictionary_of_call(fcinfo);
	int			number = kind_number(&dict->kinds, PG_GETARG_OID(0));
	text	   *name = PG_GETARG_TEXT_PP(1);
	text	   *action = PG_GETARG_TEXT_PP(2);
	DictEntry  *entry;
	bool		found;

	appendStringInfoChar(&dict->buffer, (char) number);
	dictionary_add_text(dict, name);
	dictionary_add_text(dict, action);
	entry = dictionary_find(dict, &found);
	if (!found)
	{
		QueryArgs	args = {4};

		args.values[0] = CStringGetTextDatum(kind_labels[number]);
		args.values[1] = PointerGetDatum(name);
		args.values[2] = PointerGetDatum(action);
		args.values[3] = Int32GetDatum(number);
		entry->id = dictionary_resolve(&find, &add, args);
	}
	PG_RETURN_INT32(entry->id);
}

PG_FUNCTION_INFO_V1(intern_page);
Datum
intern_page(PG_FUNCTION_ARGS)
{
	static SqlQuery find = {
		"SELECT page_id FROM user_profile.pages WHERE page = $1",
		{TEXTOID}
	};
	static SqlQuery add = {
		"INSERT INTO user_profile.pages (page_id, page)"
		" VALUES (nextval('user_profile.pages_seq'), $1) RETURNING page_id",
		{TEXTOID}
	};
	Dictionary *dict;
	text	   *page;
	DictEntry  *entry;
	bool		found;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	dict = dictionary_of_call(fcinfo);
	page = PG_GETARG_TEXT_PP(0);
	dictionary_add_text(dict, page);
	entry = dictionary_find(dict, &found);
	if (!found)
	{
		QueryArgs	args = {1};

		args.values[0] = PointerGetDatum(page);
		entry->id = dictionary_resolve(&find, &add, args);
	}
	PG_RETURN_INT32(entry->id);
}
