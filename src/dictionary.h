/*-------------------------------------------------------------------------
 *
 * dictionary.h
 *	  The dictionaries of event types and pages, for folding.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#ifndef DICTIONARY_H
#define DICTIONARY_H

#include "compat.h"

typedef struct Dictionary Dictionary;

extern Dictionary *dictionary_create(MemoryContext context);
extern bool dictionary_is_page_view(Dictionary *dict, Oid kind);
extern int32 dictionary_event_type(Dictionary *dict, Oid kind, const text *name,
								   const text *action);
extern int32 dictionary_page(Dictionary *dict, const text *page);

#endif							/* DICTIONARY_H */
