/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Everything that differs between the PostgreSQL versions we build on.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef USER_PROFILE_COMPAT_H
#define USER_PROFILE_COMPAT_H

#include "postgres.h"
#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "user_profile needs PostgreSQL 15 or newer"
#endif

/* 16 moved the varlena macros out of postgres.h, and brought soft errors */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#else
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* 16 declares this for all modules */
#if PG_VERSION_NUM < 160000
extern PGDLLEXPORT void _PG_init(void);
#endif

/* 18 writes this in front of a declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18 shows name and version of a loaded module in pg_get_loaded_modules() */
#if PG_VERSION_NUM >= 180000
#define USER_PROFILE_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "user_profile", .version = USER_PROFILE_VERSION)
#else
#define USER_PROFILE_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 16 counts the memory of settings; before, it came from malloc */
#if PG_VERSION_NUM < 160000
#define guc_malloc(elevel, size) malloc(size)
#endif

/* 16 checks the ownership of any object by one function */
#if PG_VERSION_NUM < 160000
#define owns_relation(relation) pg_class_ownercheck(relation, GetUserId())
#else
#define owns_relation(relation) object_ownercheck(RelationRelationId, relation, GetUserId())
#endif

/* 16 checks the rights to any object by one function */
#if PG_VERSION_NUM < 160000
#define function_aclcheck(function, mode) pg_proc_aclcheck(function, GetUserId(), mode)
#else
#define function_aclcheck(function, mode) \
	object_aclcheck(ProcedureRelationId, function, GetUserId(), mode)
#endif

/* 18 moved what a node needs to explain itself out of explain.h */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* 16 added the context for soft errors */
#if PG_VERSION_NUM >= 160000
#define make_range_compat(typcache, lower, upper) make_range(typcache, lower, upper, false, NULL)
#else
#define make_range_compat(typcache, lower, upper) make_range(typcache, lower, upper, false)
#endif

/* 18 counts what an index scan does, for EXPLAIN */
#if PG_VERSION_NUM >= 180000
#define index_beginscan_compat(relation, index, snapshot, nkeys) \
	index_beginscan(relation, index, snapshot, NULL, nkeys, 0)
#else
#define index_beginscan_compat(relation, index, snapshot, nkeys) \
	index_beginscan(relation, index, snapshot, nkeys, 0)
#endif

/* 18 asks whether the key may be deferrable */
#if PG_VERSION_NUM >= 180000
#define primary_key_index(relation) RelationGetPrimaryKeyIndex(relation, false)
#else
#define primary_key_index(relation) RelationGetPrimaryKeyIndex(relation)
#endif

#endif							/* USER_PROFILE_COMPAT_H */
