/*-------------------------------------------------------------------------
 *
 * suppress.c
 *	  Digests of ids that were deleted, and the ids that must not return.
 *
 * A digest is the HMAC-SHA-256 of an id under a secret key of this database,
 * which is made when the first one is needed.  Without the key, nobody can tell
 * from a digest whose it is by trying ids.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "suppress.h"

#define KEY_BYTES	32

typedef struct Digest
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
} Digest;

typedef struct DigestEntry
{
	Digest		digest;
	char		status;
} DigestEntry;

/* The bytes of a digest are as good as random already */
static inline uint32
digest_hash(const Digest *digest)
{
	uint32		hash;

	memcpy(&hash, digest->bytes, sizeof(hash));
	return hash;
}

#define SH_PREFIX digests
#define SH_ELEMENT_TYPE DigestEntry
#define SH_KEY_TYPE Digest
#define SH_KEY digest
#define SH_HASH_KEY(table, k) digest_hash(&(k))
#define SH_EQUAL(table, a, b) (memcmp(&(a), &(b), sizeof(Digest)) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Compute the digest of an id */
static void
compute_digest(const bytea *key, const char *subject, const text *id, Digest *digest)
{
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);

	/* The kind of subject is part of it, with its terminating zero */
	if (hmac == NULL ||
		pg_hmac_init(hmac, (const uint8 *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)) < 0 ||
		pg_hmac_update(hmac, (const uint8 *) subject, strlen(subject) + 1) < 0 ||
		pg_hmac_update(hmac, (const uint8 *) VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id)) < 0 ||
		pg_hmac_final(hmac, digest->bytes, sizeof(digest->bytes)) < 0)
		elog(ERROR, "could not compute a digest");
	pg_hmac_free(hmac);
}

/*
 * Read the secret key in the caller's SPI connection by query_read() or
 * query_execute(); NULL where there is none yet.
 */
static bytea *
read_key(uint64 (*run) (SqlQuery *, QueryArgs))
{
	static SqlQuery query = {"SELECT key FROM user_profile.erasure_key"};
	QueryArgs	none = {0};
	Datum		key;
	bool		isnull;

	run(&query, none);
	key = query_value(1, &isnull);
	return isnull ? NULL : DatumGetByteaPP(key);
}

/*
 * The digest of a subject that is being deleted, in the caller's SPI
 * connection.  The caller holds the refresh lock, so that only one makes the
 * key.
 */
bytea *
subject_digest(const char *subject, const text *id)
{
	static SqlQuery make = {
		"INSERT INTO user_profile.erasure_key (key) VALUES ($1)",
		{BYTEAOID}
	};
	bytea	   *key = read_key(query_execute);
	bytea	   *result = palloc(VARHDRSZ + sizeof(Digest));
	Digest		digest;

	if (key == NULL)
	{
		QueryArgs	args = {1};

		key = palloc(VARHDRSZ + KEY_BYTES);
		SET_VARSIZE(key, VARHDRSZ + KEY_BYTES);
		if (!pg_strong_random(VARDATA(key), KEY_BYTES))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a secret key")));
		args.values[0] = PointerGetDatum(key);
		query_execute(&make, args);
	}
	compute_digest(key, subject, id, &digest);
	SET_VARSIZE(result, VARHDRSZ + sizeof(Digest));
	memcpy(VARDATA(result), &digest, sizeof(Digest));
	return result;
}

/* What is kept for the calls of a query */
typedef struct Suppressions
{
	QueryMark	query;
	bytea	   *key;			/* NULL: nobody is suppressed, or nobody can
								 * tell */
	int64		calls;
	digests_hash *digests;		/* all of them, once enough ids were asked
								 * for, or NULL */
} Suppressions;

/* A query that asks for more ids than these reads all digests */
#define LOOK_UPS_BY_KEY	100

static bool
any_suppression(void)
{
	static SqlQuery query = {"SELECT FROM user_profile.suppressions LIMIT 1"};
	QueryArgs	none = {0};

	return query_read(&query, none) > 0;
}

/* Begin to look up ids in a query, in the caller's SPI connection */
static void
begin_suppressions(Suppressions *suppressions, MemoryContext context, bool missing_key_ok)
{
	bytea	   *key;

	if (suppressions->digests != NULL)
		digests_destroy(suppressions->digests);
	if (suppressions->key != NULL)
		pfree(suppressions->key);
	suppressions->digests = NULL;
	suppressions->key = NULL;
	suppressions->calls = 0;
	if (!any_suppression())
		return;
	key = read_key(query_read);
	if (key != NULL)
	{
		suppressions->key = MemoryContextAlloc(context, VARSIZE_ANY(key));
		memcpy(suppressions->key, key, VARSIZE_ANY(key));
	}
	else if (!missing_key_ok)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("there are suppressions, but the key of their digests is missing"),
				 errhint("Restore the table user_profile.erasure_key.")));
}

/* Is this one there?  In the caller's SPI connection. */
static bool
look_up_digest(const Digest *digest)
{
	static SqlQuery query = {
		"SELECT FROM user_profile.suppressions WHERE subject_digest = $1",
		{BYTEAOID}
	};
	QueryArgs	args = {1};
	bytea	   *bytes = palloc(VARHDRSZ + sizeof(Digest));

	SET_VARSIZE(bytes, VARHDRSZ + sizeof(Digest));
	memcpy(VARDATA(bytes), digest, sizeof(Digest));
	args.values[0] = PointerGetDatum(bytes);
	return query_read(&query, args) > 0;
}

/* Read all digests, in the caller's SPI connection */
static digests_hash *
read_digests(MemoryContext context)
{
	static SqlQuery query = {"SELECT subject_digest FROM user_profile.suppressions"};
	QueryArgs	none = {0};
	uint64		nrows = query_read(&query, none);
	digests_hash *digests = digests_create(context, (uint32) Min(nrows, UINT32_MAX), NULL);

	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;
		bool		found;
		bytea	   *bytes = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1, &isnull));
		Digest		digest = {{0}};

		memcpy(&digest, VARDATA_ANY(bytes), Min(sizeof(digest), VARSIZE_ANY_EXHDR(bytes)));
		digests_insert(digests, digest, &found);
	}
	return digests;
}

/*
 * Queries as of the calling one, or for a trigger as of now: its statement may
 * have waited for a deletion (see lock_users()), so that its snapshot does not
 * show what that one has suppressed.  From then on it holds up any other.
 */
static void
begin_queries(bool in_trigger)
{
	SPI_connect();
	if (in_trigger)
		PushActiveSnapshot(GetLatestSnapshot());
}

static void
end_queries(bool in_trigger)
{
	if (in_trigger)
		PopActiveSnapshot();
	SPI_finish();
}

/*
 * Is this user suppressed?  The first ids of a query are looked up by the key of
 * the table, as there may be many suppressions and only one id; a query that
 * asks for many reads all of them.
 */
static bool
user_is_suppressed(FunctionCallInfo fcinfo, const text *user_id, bool in_trigger)
{
	Suppressions *suppressions = fcinfo->flinfo->fn_extra;
	Digest		digest;
	bool		found;

	if (suppressions == NULL)
		suppressions = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
																		 sizeof(Suppressions));
	if (!same_query(&suppressions->query))
	{
		/* pg_restore may bring the tables in any order */
		begin_queries(in_trigger);
		begin_suppressions(suppressions, fcinfo->flinfo->fn_mcxt, in_trigger);
		end_queries(in_trigger);
	}
	if (suppressions->key == NULL)
		return false;

	compute_digest(suppressions->key, "user", user_id, &digest);
	if (suppressions->digests != NULL)
		return digests_lookup(suppressions->digests, digest) != NULL;
	begin_queries(in_trigger);
	if (suppressions->calls++ < LOOK_UPS_BY_KEY)
		found = look_up_digest(&digest);
	else
	{
		suppressions->digests = read_digests(fcinfo->flinfo->fn_mcxt);
		found = digests_lookup(suppressions->digests, digest) != NULL;
	}
	end_queries(in_trigger);
	return found;
}

PG_FUNCTION_INFO_V1(is_suppressed);
Datum
is_suppressed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(user_is_suppressed(fcinfo, PG_GETARG_TEXT_PP(0), false));
}

/* Row trigger: pass over rows of suppressed users */
PG_FUNCTION_INFO_V1(skip_suppressed);
Datum
skip_suppressed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	tupdesc;
	HeapTuple	row;
	int			column;
	Datum		user_id;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!(TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("skip_suppressed() must be called as a trigger before an insert or update of a row")));
	tupdesc = RelationGetDescr(trigger->tg_relation);
	column = SPI_fnumber(tupdesc, "user_id");
	if (column <= 0 || SPI_gettypeid(tupdesc, column) != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("relation \"%s\" has no column user_id of type text",
						RelationGetRelationName(trigger->tg_relation))));

	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	user_id = SPI_getbinval(row, tupdesc, column, &isnull);
	if (!isnull && user_is_suppressed(fcinfo, DatumGetTextPP(user_id), true))
		row = NULL;
	return PointerGetDatum(row);
}
