/*-------------------------------------------------------------------------
 *
 * ingest.h
 *	  What brings in users, companies, memberships and events.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef INGEST_H
#define INGEST_H

#include "query.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* An event as track() takes it: page, properties, action and message_id may be NULL */
typedef struct NewEvent
{
	text	   *user_id;
	text	   *name;
	Datum		kind;
	text	   *page;
	Jsonb	   *properties;
	TimestampTz occurred_at;
	text	   *action;
	text	   *message_id;
} NewEvent;

extern void put_user(text *user_id, Jsonb *traits);
extern void put_company(text *company_id, Jsonb *traits);
extern void put_membership(text *user_id, text *company_id, TimestampTz at);
extern bool put_event(const NewEvent *event, int64 *event_id);

extern JsonbValue *json_field(Jsonb *object, const char *name, JsonbValue *value);
extern const char *json_type_name(const JsonbValue *value);
extern TimestampTz json_time(const JsonbValue *value, const char *name);
extern void rethrow_with_prefix(MemoryContext context, const char *prefix);

#endif							/* INGEST_H */
