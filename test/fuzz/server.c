/*-------------------------------------------------------------------------
 *
 * server.c
 *	  What stands in for the server in the harness of the functions.
 *
 * Each palloc() is a malloc() of its own, so that AddressSanitizer sees the
 * first byte outside of it, as it does not in a server, where a piece of memory
 * is a part of a larger one.  An error is a jump back to the harness.  Rows of a
 * set go to an array.  Whatever else of the server the functions name is not
 * called by those that the harness calls, and stays undefined.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include <setjmp.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

MemoryContext CurrentMemoryContext = NULL;
volatile sig_atomic_t InterruptPending = false;
Row		   *rows;
size_t		nrows;

static size_t rows_capacity;
static sigjmp_buf jump;
static int	sqlstate;
static const Call *current;

/*----------
 * Memory
 *----------
 */

/* All that is allocated, so that an error leaks nothing */
static void **pieces;
static size_t npieces;
static size_t pieces_capacity;

static void *
keep(void *piece)
{
	if (piece == NULL)
		abort();
	if (npieces == pieces_capacity)
	{
		pieces_capacity = 2 * pieces_capacity + 64;
		pieces = realloc(pieces, pieces_capacity * sizeof(*pieces));
		if (pieces == NULL)
			abort();
	}
	pieces[npieces++] = piece;
	return piece;
}

/* The latest ones are the first to go */
static size_t
find_piece(const void *piece)
{
	for (size_t i = npieces; i-- > 0;)
		if (pieces[i] == piece)
			return i;
	abort();
}

void
release_memory(void)
{
	for (size_t i = 0; i < npieces; i++)
		free(pieces[i]);
	npieces = 0;
}

void *
palloc(Size size)
{
	return keep(malloc(size));
}

void *
palloc0(Size size)
{
	return keep(calloc(size, 1));
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocZeroAligned(MemoryContext context, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) != 0 ? palloc0(size) : palloc(size);
}

void
pfree(void *pointer)
{
	size_t		i = find_piece(pointer);

	pieces[i] = pieces[--npieces];
	free(pointer);
}

void *
repalloc(void *pointer, Size size)
{
	size_t		i = find_piece(pointer);

	pieces[i] = pieces[--npieces];
	return keep(realloc(pointer, size));
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

/*----------
 * Errors
 *----------
 */

bool
errstart(int elevel, const char *domain)
{
	sqlstate = ERRCODE_INTERNAL_ERROR;
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int code)
{
	sqlstate = code;
	return 0;
}

int
errmsg(const char *format,...)
{
	return 0;
}

int
errmsg_internal(const char *format,...)
{
	return 0;
}

int
errdetail(const char *format,...)
{
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(jump, 1);
}

/* Run something; returns the SQLSTATE of its error, or 0 */
int
guarded(void (*run) (void *), void *arg)
{
	if (sigsetjmp(jump, 0) != 0)
		return sqlstate;
	run(arg);
	return 0;
}

/*----------
 * Function calls
 *----------
 */

void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	nrows = 0;
}

void
tuplestore_putvalues(Tuplestorestate *state, TupleDesc tupdesc, Datum *values, bool *isnull)
{
	Row		   *row;

	if (nrows == rows_capacity)
	{
		rows_capacity = 2 * rows_capacity + 64;
		rows = realloc(rows, rows_capacity * sizeof(Row));
		if (rows == NULL)
			abort();
	}
	row = &rows[nrows++];
	memcpy(row->values, values, current->ncolumns * sizeof(Datum));
	memcpy(row->nulls, isnull, current->ncolumns * sizeof(bool));

	/* The piece of a timeline is freed after this */
	if (current->ncolumns == 1)
	{
		Size		size = VARSIZE_ANY(DatumGetPointer(values[0]));

		row->values[0] = PointerGetDatum(memcpy(palloc(size), DatumGetPointer(values[0]), size));
	}
}

int
AggCheckCallContext(FunctionCallInfo fcinfo, MemoryContext *context)
{
	*context = NULL;
	return AGG_CONTEXT_AGGREGATE;
}

/* In place of those of period.c, which read ranges and settings */
extern Period __wrap_period_from_arg(FunctionCallInfo fcinfo, int argno);
extern int64 __wrap_timeout_from_arg(FunctionCallInfo fcinfo, int argno);

Period
__wrap_period_from_arg(FunctionCallInfo fcinfo, int argno)
{
	return current->period;
}

int64
__wrap_timeout_from_arg(FunctionCallInfo fcinfo, int argno)
{
	return current->timeout;
}

typedef struct CallInProgress
{
	const Call *call;
	FmgrInfo   *flinfo;
	Datum		result;
} CallInProgress;

static void
run_call(void *arg)
{
	CallInProgress *progress = arg;
	ReturnSetInfo rsinfo = {0};

	LOCAL_FCINFO(fcinfo, 3);

	InitFunctionCallInfoData(*fcinfo, progress->flinfo, 3, InvalidOid, NULL, (Node *) &rsinfo);
	for (int i = 0; i < 3; i++)
	{
		fcinfo->args[i].value = progress->call->args[i];
		fcinfo->args[i].isnull = false;
	}
	progress->result = progress->call->function(fcinfo);
}

/* Call a function; returns the SQLSTATE of its error, or 0 */
int
call_function(const Call *call, FmgrInfo *flinfo, Datum *result)
{
	CallInProgress progress = {call, flinfo, (Datum) 0};
	int			status;

	current = call;
	nrows = 0;
	status = guarded(run_call, &progress);
	*result = progress.result;
	return status;
}
