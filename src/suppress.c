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

/* What is_suppressed() keeps for the calls of a query */
typedef struct Suppressions
{
	digests_hash *digests;		/* NULL: there are none */
	bytea	   *key;
} Suppressions;

/* Read all suppressions at the first call of a query */
static Suppressions *
read_suppressions(MemoryContext context)
{
	static SqlQuery query = {"SELECT subject_digest FROM user_profile.suppressions"};
	Suppressions *suppressions = MemoryContextAllocZero(context, sizeof(Suppressions));
	QueryArgs	none = {0};

	SPI_connect();
	if (query_read(&query, none) > 0)
	{
		SPITupleTable *rows = SPI_tuptable;
		uint64		nrows = SPI_processed;
		bytea	   *key;

		suppressions->digests = digests_create(context, nrows, NULL);
		for (uint64 i = 0; i < nrows; i++)
		{
			bool		isnull;
			bool		found;
			bytea	   *bytes = DatumGetByteaPP(SPI_getbinval(rows->vals[i], rows->tupdesc,
															  1, &isnull));
			Digest		digest = {{0}};

			memcpy(&digest, VARDATA_ANY(bytes),
				   Min(sizeof(digest), VARSIZE_ANY_EXHDR(bytes)));
			digests_insert(suppressions->digests, digest, &found);
		}
		key = read_key(query_read);
		if (key == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("there are suppressions, but the key of their digests is missing"),
					 errhint("Restore the table user_profile.erasure_key.")));
		suppressions->key = MemoryContextAlloc(context, VARSIZE_ANY(key));
		memcpy(suppressions->key, key, VARSIZE_ANY(key));
	}
	SPI_finish();
	return suppressions;
}

PG_FUNCTION_INFO_V1(is_suppressed);
Datum
is_suppressed(PG_FUNCTION_ARGS)
{
	Suppressions *suppressions = fcinfo->flinfo->fn_extra;
	Digest		digest;

	if (suppressions == NULL)
		suppressions = fcinfo->flinfo->fn_extra = read_suppressions(fcinfo->flinfo->fn_mcxt);
	if (suppressions->digests == NULL)
		PG_RETURN_BOOL(false);
	compute_digest(suppressions->key, "user", PG_GETARG_TEXT_PP(0), &digest);
	PG_RETURN_BOOL(digests_lookup(suppressions->digests, digest) != NULL);
}

/* Row trigger: pass over rows of suppressed users */
PG_FUNCTION_INFO_V1(skip_suppressed);
Datum
skip_suppressed(PG_FUNCTION_ARGS)
{
	static SqlQuery query = {
		"SELECT EXISTS (SELECT FROM user_profile.suppressions)"
		" AND user_profile.is_suppressed($1)",
		{TEXTOID}
	};
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	QueryArgs	args = {1};
	int			column;
	Datum		suppressed;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("skip_suppressed() must be called as a row trigger")));
	column = SPI_fnumber(trigger->tg_relation->rd_att, "user_id");
	SPI_connect();
	args.values[0] = SPI_getbinval(trigger->tg_trigtuple, trigger->tg_relation->rd_att,
								   column, &args.nulls[0]);
	query_read(&query, args);
	suppressed = query_value(1, &isnull);
	SPI_finish();
	return PointerGetDatum(!isnull && DatumGetBool(suppressed) ? NULL : trigger->tg_trigtuple);
}
