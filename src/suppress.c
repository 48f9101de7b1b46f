/*-------------------------------------------------------------------------
 *
 * suppress.c
 *	  Digests of ids that were deleted, and the ids that must not return.
 *
 * A digest is the HMAC-SHA-256 of an id under a secret key of this database,
 * which is made when the first one is needed.  Without the key, nobody can tell
 * from a digest whose it is by trying ids.  is_suppressed() reads the key as its
 * owner, whoever asks, and tells yes or no.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "query.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "look.h"
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

static void
report_missing_key(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("there are suppressions, but the key of their digests is missing"),
			 errhint("Restore the table user_profile.erasure_key.")));
}

/*
 * The digest of a subject that is being deleted, in the caller's SPI
 * connection.  The caller holds the refresh lock, so that only one makes the
 * key.
 */
bytea *
subject_digest(const char *subject, const text *id)
{
	static SqlQuery find = {"SELECT key FROM user_profile.erasure_key"};
	static SqlQuery make = {
		"INSERT INTO user_profile.erasure_key (key) SELECT $1"
		" WHERE NOT EXISTS (SELECT FROM user_profile.suppressions)",
		{BYTEAOID}
	};
	bytea	   *key = NULL;
	bytea	   *result = palloc(VARHDRSZ + sizeof(Digest));
	Digest		digest;
	QueryArgs	args = {0};
	bool		isnull;

	if (query_execute(&find, args) > 0)
		key = DatumGetByteaPP(query_value(1, &isnull));
	else
	{
		key = palloc(VARHDRSZ + KEY_BYTES);
		SET_VARSIZE(key, VARHDRSZ + KEY_BYTES);
		if (!pg_strong_random(VARDATA(key), KEY_BYTES))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a secret key")));
		args.nargs = 1;
		args.values[0] = PointerGetDatum(key);
		if (query_execute(&make, args) == 0)
			report_missing_key();
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

/* The first row of a table that has one; false where it is empty */
static bool
look_at_first(Look *look, const char *table)
{
	begin_look(look, table);
	if (next_row(look))
		return true;
	end_look(look);
	return false;
}

/* Begin to look up ids in a query */
static void
begin_suppressions(Suppressions *suppressions, MemoryContext context, bool missing_key_ok)
{
	Look		look;

	if (suppressions->digests != NULL)
		digests_destroy(suppressions->digests);
	if (suppressions->key != NULL)
		pfree(suppressions->key);
	suppressions->digests = NULL;
	suppressions->key = NULL;
	suppressions->calls = 0;

	if (!look_at_first(&look, "suppressions"))
		return;
	end_look(&look);
	if (look_at_first(&look, "erasure_key"))
	{
		bool		isnull;
		bytea	   *key = DatumGetByteaPP(row_value(&look, "key", &isnull));

		suppressions->key = MemoryContextAlloc(context, VARSIZE_ANY(key));
		memcpy(suppressions->key, key, VARSIZE_ANY(key));
		end_look(&look);
	}
	else if (!missing_key_ok)
		report_missing_key();
}

static bool
look_up_digest(const Digest *digest)
{
	KeyCondition condition = {BTEqualStrategyNumber, F_BYTEAEQ};
	bytea	   *bytes = palloc(VARHDRSZ + sizeof(Digest));
	KeyScan		look;
	bool		found;

	SET_VARSIZE(bytes, VARHDRSZ + sizeof(Digest));
	memcpy(VARDATA(bytes), digest, sizeof(Digest));
	condition.value = PointerGetDatum(bytes);
	begin_key_scan(&look, keyed_table("suppressions"), &condition, 1);
	found = next_row_by_key(&look);
	end_key_scan(&look);
	pfree(bytes);
	return found;
}

static digests_hash *
read_digests(MemoryContext context)
{
	digests_hash *digests = digests_create(context, 1024, NULL);
	Look		look;

	begin_look(&look, "suppressions");
	while (next_row(&look))
	{
		bool		isnull;
		bool		found;
		bytea	   *bytes = DatumGetByteaPP(row_value(&look, "subject_digest", &isnull));
		Digest		digest = {{0}};

		memcpy(&digest, VARDATA_ANY(bytes), Min(sizeof(digest), VARSIZE_ANY_EXHDR(bytes)));
		digests_insert(digests, digest, &found);
	}
	end_look(&look);
	return digests;
}

/*
 * Is the user of this id suppressed?  What is read is kept for the function's query
 * (in fn_extra).  The first ids of a query are looked up by the key of
 * the table, as there may be many suppressions and only one id; a query that
 * asks for many reads all of them.
 */
bool
id_is_suppressed(FunctionCallInfo fcinfo, const text *user_id, bool missing_key_ok)
{
	Suppressions *suppressions = fcinfo->flinfo->fn_extra;
	Digest		digest;

	if (suppressions == NULL)
		suppressions = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
																		 sizeof(Suppressions));
	if (!same_query(&suppressions->query))
		begin_suppressions(suppressions, fcinfo->flinfo->fn_mcxt, missing_key_ok);
	if (suppressions->key == NULL)
		return false;

	compute_digest(suppressions->key, "user", user_id, &digest);
	if (suppressions->digests == NULL && suppressions->calls++ < LOOK_UPS_BY_KEY)
		return look_up_digest(&digest);
	if (suppressions->digests == NULL)
		suppressions->digests = read_digests(fcinfo->flinfo->fn_mcxt);
	return digests_lookup(suppressions->digests, digest) != NULL;
}

PG_FUNCTION_INFO_V1(is_suppressed);
Datum
is_suppressed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(id_is_suppressed(fcinfo, PG_GETARG_TEXT_PP(0), false));
}
