/*-------------------------------------------------------------------------
 *
 * timeline_scan.c
 *	  Scan a set-returning function over a timeline without a tuplestore.
 *
 * PostgreSQL runs a function in FROM to its end, into a tuplestore, and reads
 * that again: for the few sessions of each of many users, most of the time goes
 * into making and dropping tuplestores, and into forming and deforming tuples.
 * The custom scan here gives the rows of a source (timeline_scan.h) to the plan
 * as they come, in a virtual slot, and asks the source for the columns only
 * that the plan needs.
 *
 * The planner gets it as another path for a function in FROM, which costs less.
 * That our library is loaded while such a query is planned is seen to by the
 * support function of the functions, which the planner calls first; it is also
 * what tells our functions from others.  Which one it is follows from the
 * address of its C code.  So no name is looked up and no OID is kept, and a
 * function that was given a SET clause, say, is not taken for ours.
 *
 * What the scan does not do, FunctionScan does as before: WITH ORDINALITY, ROWS
 * FROM several functions, whole rows (and so whatever locks rows, as it keeps
 * copies of them), and volatile arguments, which are to be evaluated once where
 * a scan is repeated.
 *
 * A scan reads no more than it is asked for.  So where a timeline is damaged,
 * damage to a column that nobody asks for is not met, as it is by the function.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "timeline_scan.h"

#include "access/sysattr.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/* A scan while it runs */
typedef struct TimelineScanState
{
	CustomScanState css;
	const RowSource *source;
	void	   *reader;
	bool		started;
	bool		ended;

	/* The call; its arguments stay in their context until the next rescan */
	List	   *arguments;
	ExprContext *argument_context;
	FunctionCallInfo fcinfo;

	/* The column of the source for each of the slot, and a row of it */
	int			ncolumns;
	int			columns[SOURCE_MAX_COLUMNS];
	Datum		values[SOURCE_MAX_COLUMNS];
	bool		nulls[SOURCE_MAX_COLUMNS];
} TimelineScanState;

static const RowSource *const sources[] = {
	&timeline_sessions_source,
	&timeline_events_source,
	&timeline_answers_source,
	&timeline_interaction_events_source
};

static set_rel_pathlist_hook_type previous_hook = NULL;

/*
 * Planner support of the functions that can be scanned.  It has nothing to say;
 * to call it, the planner loads this library.
 */
PG_FUNCTION_INFO_V1(timeline_scan_support);
Datum
timeline_scan_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(NULL);
}

/* Find the source of the rows of a function, by its C code; NULL: none of ours */
static const RowSource *
find_source(Oid function)
{
	Oid			support = get_func_support(function);
	FmgrInfo	info;

	if (!OidIsValid(support))
		return NULL;
	fmgr_info(support, &info);
	if (info.fn_addr != timeline_scan_support)
		return NULL;
	fmgr_info(function, &info);
	for (int i = 0; i < (int) lengthof(sources); i++)
		if (info.fn_addr == sources[i]->function)
			return sources[i];
	return NULL;
}

/*----------
 * Planning
 *----------
 */

/* Does the plan need whole rows of a relation? */
static bool
needs_whole_rows(RelOptInfo *rel)
{
	Bitmapset  *columns = NULL;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &columns);
	pull_varattnos((Node *) extract_actual_clauses(rel->baserestrictinfo, false),
				   rel->relid, &columns);
	return bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, columns);
}

/* The call that is a relation by itself; NULL: it is something else */
static FuncExpr *
function_call(const RangeTblEntry *rte)
{
	RangeTblFunction *function;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1 || rte->funcordinality)
		return NULL;
	function = linitial_node(RangeTblFunction, rte->functions);
	return IsA(function->funcexpr, FuncExpr) ? (FuncExpr *) function->funcexpr : NULL;
}

/*
 * Estimate what a scan costs.  The function is charged as FunctionScan charges
 * it, but row by row, as a row is made when it is asked for.  A row costs less
 * than one of a table: there is no tuple to deform.
 */
static void
cost_timeline_scan(Path *path, PlannerInfo *root, RelOptInfo *rel, const FuncExpr *call)
{
	QualCost	function;
	QualCost	quals = rel->baserestrictcost;

	cost_qual_eval_node(&function, (Node *) call, root);
	path->rows = rel->rows;
	if (path->param_info != NULL)
	{
		QualCost	pushed;

		cost_qual_eval(&pushed, path->param_info->ppi_clauses, root);
		quals.startup += pushed.startup;
		quals.per_tuple += pushed.per_tuple;
		path->rows = path->param_info->ppi_rows;
	}
	path->startup_cost = function.startup + quals.startup + path->pathtarget->cost.startup;
	path->total_cost = path->startup_cost + function.per_tuple +
		(cpu_operator_cost + quals.per_tuple) * rel->tuples +
		path->pathtarget->cost.per_tuple * path->rows;
}

/* The columns that the plan needs, each once, as what the scan gives */
static List *
needed_columns(RelOptInfo *rel, List *clauses)
{
	List	   *columns = NIL;
	List	   *vars = list_concat(pull_var_clause((Node *) rel->reltarget->exprs,
												   PVC_RECURSE_PLACEHOLDERS),
								   pull_var_clause((Node *) clauses,
												   PVC_RECURSE_PLACEHOLDERS));
	ListCell   *cell;

	foreach(cell, vars)
	{
		Var		   *var = lfirst_node(Var, cell);

		/* Others are of relations that come before in a nested loop */
		if (var->varno == rel->relid)
			columns = add_to_flat_tlist(columns, list_make1(var));
	}
	return columns;
}

static Plan *
plan_timeline_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist,
				   List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	FuncExpr   *call = function_call(rte);

	clauses = extract_actual_clauses(clauses, false);
	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = clauses;
	scan->flags = best_path->flags;
	/* The whole call, so that the plan depends on the function */
	scan->custom_exprs = list_make1(call);
	/* With scanrelid 0, as there is no relation to open */
	scan->custom_scan_tlist = needed_columns(rel, clauses);
	scan->methods = &find_source(call->funcid)->scan;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "Timeline Scan",
	.PlanCustomPath = plan_timeline_scan
};

/* Offer a scan of a function in FROM */
static void
add_timeline_scan(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	FuncExpr   *call = function_call(rte);
	const RowSource *source;
	CustomPath *path;

	if (previous_hook != NULL)
		previous_hook(root, rel, rti, rte);
	if (call == NULL || IS_DUMMY_REL(rel))
		return;
	source = find_source(call->funcid);
	if (source == NULL || rel->max_attr != source->ncolumns ||
		contain_volatile_functions((Node *) call) || needs_whole_rows(rel))
		return;

	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = get_baserel_parampathinfo(root, rel, rel->lateral_relids);
	path->path.parallel_safe = rel->consider_parallel;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	cost_timeline_scan(&path->path, root, rel, call);
	add_path(rel, &path->path);
}

/*----------
 * Execution
 *----------
 */

static void
begin_timeline_scan(CustomScanState *node, EState *estate, int eflags)
{
	TimelineScanState *state = (TimelineScanState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	FuncExpr   *call = linitial_node(FuncExpr, plan->custom_exprs);
	int			nargs = list_length(call->args);
	AclResult	right = function_aclcheck(call->funcid, ACL_EXECUTE);

	/* As for any function that is called */
	if (right != ACLCHECK_OK)
		aclcheck_error(right, OBJECT_FUNCTION, get_func_name(call->funcid));
	InvokeFunctionExecuteHook(call->funcid);

	state->arguments = ExecInitExprList(call->args, &node->ss.ps);
	state->argument_context = CreateExprContext(estate);
	state->fcinfo = palloc0(SizeForFunctionCallInfo(nargs));
	InitFunctionCallInfoData(*state->fcinfo, NULL, nargs, call->inputcollid, NULL, NULL);
	state->reader = palloc(state->source->reader_size);
}

/* Evaluate the arguments, and start to read */
static void
start_reading(TimelineScanState *state)
{
	ExprContext *econtext = state->argument_context;
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	uint32		columns = 0;
	NullableDatum *argument = state->fcinfo->args;
	ListCell   *cell;

	foreach(cell, state->arguments)
	{
		argument->value = ExecEvalExpr(lfirst(cell), econtext, &argument->isnull);
		argument++;
	}
	for (int i = 0; i < state->ncolumns; i++)
		columns |= SOURCE_COLUMN(state->columns[i]);
	state->started = true;
	state->ended = !state->source->begin(state->reader, state->fcinfo, columns);
	MemoryContextSwitchTo(old);
}

/* Store the next row in the slot of the scan */
static TupleTableSlot *
next_row(ScanState *node)
{
	TimelineScanState *state = (TimelineScanState *) node;
	TupleTableSlot *slot = node->ss_ScanTupleSlot;
	MemoryContext old;

	ExecClearTuple(slot);
	if (!state->started)
		start_reading(state);
	if (state->ended)
		return slot;
	old = MemoryContextSwitchTo(node->ps.ps_ExprContext->ecxt_per_tuple_memory);
	state->ended = !state->source->next(state->reader, state->values, state->nulls);
	MemoryContextSwitchTo(old);
	if (state->ended)
		return slot;
	for (int i = 0; i < state->ncolumns; i++)
	{
		slot->tts_values[i] = state->values[state->columns[i]];
		slot->tts_isnull[i] = state->nulls[state->columns[i]];
	}
	return ExecStoreVirtualTuple(slot);
}

/*
 * With scanrelid 0, ExecScan may call this in place of next_row() while a row
 * that another transaction has changed is checked again.  There is no copy of a
 * row to check here, as for that whole rows would be needed: read on.
 */
static bool
next_row_again(ScanState *node, TupleTableSlot *slot)
{
	(void) next_row(node);
	return !TupIsNull(slot);
}

static TupleTableSlot *
exec_timeline_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, next_row_again);
}

/* Nothing outlives the memory of the query */
static void
end_timeline_scan(CustomScanState *node)
{
}

static void
rescan_timeline_scan(CustomScanState *node)
{
	TimelineScanState *state = (TimelineScanState *) node;

	ExecScanReScan(&node->ss);
	ReScanExprContext(state->argument_context);
	state->started = false;
}

/* Show the call, as it is shown of a FunctionScan */
static void
explain_timeline_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context;

	if (!es->verbose)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);
	ExplainPropertyText("Function Call",
						deparse_expression(linitial(plan->custom_exprs), context, true, false),
						es);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "Timeline Scan",
	.BeginCustomScan = begin_timeline_scan,
	.ExecCustomScan = exec_timeline_scan,
	.EndCustomScan = end_timeline_scan,
	.ReScanCustomScan = rescan_timeline_scan,
	.ExplainCustomScan = explain_timeline_scan
};

/* Make the state of a scan, when a plan starts */
Node *
timeline_scan_create(CustomScan *scan)
{
	TimelineScanState *state = palloc0(sizeof(TimelineScanState));
	ListCell   *cell;

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	state->source = (const RowSource *) scan->methods;
	foreach(cell, scan->custom_scan_tlist)
	{
		Var		   *column = castNode(Var, lfirst_node(TargetEntry, cell)->expr);

		state->columns[state->ncolumns++] = column->varattno - 1;
	}
	return (Node *) &state->css;
}

/* Install the scan, when the library is loaded */
void
timeline_scan_init(void)
{
	for (int i = 0; i < (int) lengthof(sources); i++)
		RegisterCustomScanMethods(&sources[i]->scan);
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_timeline_scan;
}
