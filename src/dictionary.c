/*-------------------------------------------------------------------------
 *
 * dictionary.c
 *	  The dictionaries of event types and pages, and the numbers of kinds.
 *
 * While a batch is folded, each event looks up the ids of its type and of its
 * page.  They are kept in a hash table for the batch; what is missing there is
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
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "dictionary.h"
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

/*
 * What is looked up: an event type, by kind, name and action, or a page, by
 * PAGE_KIND and the page as the name
 */
#define PAGE_KIND	(-1)

typedef struct DictKey
{
	int32		kind;
	uint32		name_length;
	uint32		action_length;
	uint32		hash;
	const char *name;
	const char *action;
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
	((a).hash == (b).hash && (a).kind == (b).kind && \
	 (a).name_length == (b).name_length && (a).action_length == (b).action_length && \
	 memcmp((a).name, (b).name, (a).name_length) == 0 && \
	 memcmp((a).action, (b).action, (a).action_length) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Kept at most: what is dropped is read again when it is met */
#define DICT_MAX_ENTRIES	200000
#define DICT_MAX_BYTES		((Size) 32 * 1024 * 1024)

/* The dictionaries in memory, for a batch */
struct Dictionary
{
	KindCache	kinds;
	MemoryContext parent;
	MemoryContext context;
	dict_hash  *table;
	Size		bytes;			/* of the texts in it */
};

static void
dictionary_reset(Dictionary *dict)
{
	if (dict->context != NULL)
		MemoryContextDelete(dict->context);
	dict->context = AllocSetContextCreate(dict->parent, "user_profile dictionary",
										  ALLOCSET_DEFAULT_SIZES);
	dict->table = dict_create(dict->context, 1024, NULL);
	dict->bytes = 0;
}

/* Make an empty dictionary in a memory context */
Dictionary *
dictionary_create(MemoryContext context)
{
	Dictionary *dict = MemoryContextAllocZero(context, sizeof(Dictionary));

	dict->parent = context;
	dictionary_reset(dict);
	return dict;
}

/* Find or make the entry of a key; *found tells which */
static DictEntry *
dictionary_find(Dictionary *dict, int32 kind, const text *name, const text *action, bool *found)
{
	DictEntry  *entry;
	DictKey		key;

	if (dict->table->members >= DICT_MAX_ENTRIES || dict->bytes >= DICT_MAX_BYTES)
		dictionary_reset(dict);
	key.kind = kind;
	key.name = VARDATA_ANY(name);
	key.name_length = VARSIZE_ANY_EXHDR(name);
	key.action = action == NULL ? "" : VARDATA_ANY(action);
	key.action_length = action == NULL ? 0 : VARSIZE_ANY_EXHDR(action);
	key.hash = hash_bytes((const unsigned char *) key.name, key.name_length) + (uint32) kind;
	if (key.action_length > 0)
		key.hash = hash_combine(key.hash, hash_bytes((const unsigned char *) key.action,
													 key.action_length));
	entry = dict_insert(dict->table, key, found);
	if (!*found)
	{
		/*
		 * An error before the id is known ends the batch, and the table with
		 * it
		 */
		char	   *copy = MemoryContextAllocHuge(dict->context, (Size) key.name_length +
												  key.action_length + 1);

		dict->bytes += (Size) key.name_length + key.action_length;
		memcpy(copy, key.name, key.name_length);
		memcpy(copy + key.name_length, key.action, key.action_length);
		entry->key.name = copy;
		entry->key.action = copy + key.name_length;
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

/* The id of a page, which is added where it is new; under the refresh lock */
int32
dictionary_page(Dictionary *dict, const text *page)
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
	bool		found;
	DictEntry  *entry = dictionary_find(dict, PAGE_KIND, page, NULL, &found);

	if (!found)
	{
		QueryArgs	args = {1};

		args.values[0] = PointerGetDatum(page);
		entry->id = dictionary_resolve(&find, &add, args);
	}
	return entry->id;
}

/*
 * The id of an event type, likewise, by its kind (a value of event_kind), name,
 * and action, which may be NULL
 */
int32
dictionary_event_type(Dictionary *dict, Oid kind, const text *name, const text *action)
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
	int			number = kind_number(&dict->kinds, kind);
	bool		found;
	DictEntry  *entry = dictionary_find(dict, number, name, action, &found);

	if (!found)
	{
		QueryArgs	args = {4};

		args.values[0] = CStringGetTextDatum(kind_labels[number]);
		args.values[1] = PointerGetDatum(name);
		args.values[2] = action == NULL ? CStringGetTextDatum("") : PointerGetDatum(action);
		args.values[3] = Int32GetDatum(number);
		entry->id = dictionary_resolve(&find, &add, args);
	}
	return entry->id;
}

/* Is this the kind of a page view? */
bool
dictionary_is_page_view(Dictionary *dict, Oid kind)
{
	return kind_number(&dict->kinds, kind) == KIND_PAGE_VIEW;
}
