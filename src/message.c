/*-------------------------------------------------------------------------
 *
 * message.c
 *	  Messages of Segment, RudderStack and Userpilot.
 *
 * A message is a JSON object that asks for one thing: to set traits of a user
 * or a company, to add an event, or to join two ids.  Segment and RudderStack
 * name what in "type", Userpilot in "event_type".  The two vocabularies share
 * no word with two meanings, so one table of types serves both, and a field is
 * looked for under the names that it has in each.  A JSON null and an empty
 * string are as good as no field: senders use them so.
 *
 * doc/ingestion.md has the mapping as a table.
 *
 * Portions Copyright (c) 2026, the user_profile authors
 *
 *-------------------------------------------------------------------------
 */
#include "ingest.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/memutils.h"

#include "refresh.h"

/* The names of fields, in the order in which they are tried */
static const char *const type_names[] = {"type", "event_type", NULL};
static const char *const user_names[] = {"userId", "user_id", "anonymousId", "anonymous_id", NULL};
static const char *const known_user_names[] = {"userId", "user_id", NULL};
static const char *const previous_names[] = {"previousId", "previous_id", "anonymousId", "anonymous_id", NULL};
static const char *const company_names[] = {"groupId", "group_id", "company_id", NULL};
static const char *const event_names[] = {"event", "event_name", NULL};
static const char *const interaction_names[] = {"event_name", "event", NULL};
static const char *const page_names[] = {"name", NULL};
static const char *const property_names[] = {"properties", "metadata", NULL};
static const char *const trait_names[] = {"traits", "metadata", NULL};
static const char *const message_id_names[] = {"messageId", "message_id", "internal_event_id", NULL};
static const char *const time_names[] = {"timestamp", "originalTimestamp", "inserted_at", "sentAt", "receivedAt", NULL};

/*----------
 * Fields
 *----------
 */

/* A scalar as text; NULL where it is something else, or empty */
static text *
scalar_text(const JsonbValue *value)
{
	if (value->type == jbvString)
		return value->val.string.len == 0 ? NULL :
			cstring_to_text_with_len(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return cstring_to_text(DatumGetCString(DirectFunctionCall1(numeric_out,
																   NumericGetDatum(value->val.numeric))));
	return NULL;
}

/* Get a text field; NULL where there is none */
static text *
text_field(Jsonb *object, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		JsonbValue	value;
		text	   *result;

		if (json_field(object, names[i], &value) == NULL)
			continue;
		if (value.type != jbvString && value.type != jbvNumeric)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" must be a string, not %s", names[i], json_type_name(&value))));
		result = scalar_text(&value);
		if (result != NULL)
			return result;
	}
	return NULL;
}

/* Get a text field without which the message says nothing */
static text *
needed_text_field(Jsonb *message, const char *const *names, const char *type)
{
	text	   *result = text_field(message, names);

	if (result == NULL)
	{
		StringInfoData list;

		initStringInfo(&list);
		for (int i = 0; names[i] != NULL; i++)
			appendStringInfo(&list, "%s\"%s\"", i == 0 ? "" : " or ", names[i]);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message of type \"%s\" has no %s", type, list.data)));
	}
	return result;
}

/* Get a field that is an object; NULL where there is none */
static Jsonb *
object_field(Jsonb *object, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		JsonbValue	value;

		if (json_field(object, names[i], &value) == NULL)
			continue;
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" must be a JSON object, not %s", names[i], json_type_name(&value))));
		return JsonbValueToJsonb(&value);
	}
	return NULL;
}

/* Get an object within an object, if it is there and is one */
static Jsonb *
inner_object(Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (object == NULL || json_field(object, name, &value) == NULL ||
		value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
		return NULL;
	return JsonbValueToJsonb(&value);
}

/* Get a text within an object, if it is there and is one */
static text *
inner_text(Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (object == NULL || json_field(object, name, &value) == NULL)
		return NULL;
	return scalar_text(&value);
}

/* Does an object have a key, be it with a JSON null? */
static bool
has_key(Jsonb *object, const char *name)
{
	JsonbValue	value;

	return getKeyJsonValueFromContainer(&object->root, name, strlen(name), &value) != NULL;
}

/* When it happened; where the message does not say, now */
static TimestampTz
message_time(Jsonb *message)
{
	for (int i = 0; time_names[i] != NULL; i++)
	{
		JsonbValue	value;

		if (json_field(message, time_names[i], &value) != NULL &&
			!(value.type == jbvString && value.val.string.len == 0))
			return json_time(&value, time_names[i]);
	}
	return GetCurrentTransactionStartTimestamp();
}

static Jsonb *
message_context(Jsonb *message)
{
	static const char *const names[] = {"context", NULL};

	return object_field(message, names);
}

/*----------
 * Objects in the making
 *----------
 */

static JsonbParseState *
begin_object(void)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	return state;
}

/* Add a key and its value; none where the value is NULL */
static void
add_value(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	key;

	if (value == NULL)
		return;
	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, value);
}

static void
add_text(JsonbParseState **state, const char *name, text *value)
{
	JsonbValue	string;

	if (value == NULL)
		return;
	string.type = jbvString;
	string.val.string.val = VARDATA_ANY(value);
	string.val.string.len = VARSIZE_ANY_EXHDR(value);
	add_value(state, name, &string);
}

static Jsonb *
end_object(JsonbParseState **state)
{
	return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}

static Jsonb *
empty_object(void)
{
	JsonbParseState *state = begin_object();

	return end_object(&state);
}

/* Both objects in one, the second one's values first */
static Jsonb *
merge_objects(Jsonb *a, Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(a), JsonbPGetDatum(b)));
}

static Jsonb *
without_key(Jsonb *object, const char *name)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(object),
											  CStringGetTextDatum(name)));
}

/* An object without a key whose value is an empty string, which is as good as missing */
static Jsonb *
without_empty(Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (json_field(object, name, &value) != NULL && value.type == jbvString &&
		value.val.string.len == 0)
		return without_key(object, name);
	return object;
}

/*----------
 * Pages and devices
 *----------
 */

/* The path of a URL, without query and fragment; NULL where it is no URL */
static text *
url_path(const char *url)
{
	const char *path = strstr(url, "://");

	if (path == NULL)
		return NULL;
	path += strcspn(path + 3, "/?#") + 3;
	if (*path != '/')
		return cstring_to_text("/");
	return cstring_to_text_with_len(path, strcspn(path, "?#"));
}

/* The host of a URL; NULL where it is no URL */
static text *
url_host(const char *url)
{
	const char *host = strstr(url, "://");
	size_t		length;

	if (host == NULL)
		return NULL;
	host += 3;
	length = strcspn(host, "/?#");
	return length == 0 ? NULL : cstring_to_text_with_len(host, length);
}

/* The page that an object names by its path or its URL */
static text *
page_of(Jsonb *object, const char *path_name, const char *url_name)
{
	text	   *path = inner_text(object, path_name);
	text	   *url = inner_text(object, url_name);

	if (path != NULL)
	{
		text	   *of_url = url_path(text_to_cstring(path));

		return of_url != NULL ? of_url : path;
	}
	return url == NULL ? NULL : url_path(text_to_cstring(url));
}

/* The page on which a message arose: context.page, or Userpilot's pathname */
static text *
message_page(Jsonb *message)
{
	text	   *page = page_of(inner_object(message_context(message), "page"), "path", "url");

	return page != NULL ? page : page_of(message, "pathname", "pathname");
}

/* A mark in a user agent, and what it says */
typedef struct UserAgentMark
{
	const char *mark;
	const char *name;
} UserAgentMark;

/* Many claim to be others: those that others claim to be come last */
static const UserAgentMark browsers[] = {
	{"Edg", "Edge"},
	{"OPR/", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Firefox/", "Firefox"},
	{"FxiOS/", "Firefox"},
	{"Chrome/", "Chrome"},
	{"CriOS/", "Chrome"},
	{"Safari/", "Safari"},
	{NULL}
};

static const UserAgentMark systems[] = {
	{"Windows", "Windows"},
	{"iPhone", "iOS"},
	{"iPad", "iOS"},
	{"Android", "Android"},
	{"CrOS", "ChromeOS"},
	{"Mac OS X", "macOS"},
	{"Linux", "Linux"},
	{NULL}
};

static const UserAgentMark devices[] = {
	{"iPad", "tablet"},
	{"Tablet", "tablet"},
	{"Mobi", "mobile"},
	{"Android", "tablet"},
	{"Mozilla/", "desktop"},
	{NULL}
};

/* What a user agent says by the first mark that it has */
static text *
user_agent_says(text *user_agent, const UserAgentMark *marks)
{
	char	   *string;

	if (user_agent == NULL)
		return NULL;
	string = text_to_cstring(user_agent);
	/* Browsers call themselves so; libraries of servers do not */
	if (strncmp(string, "Mozilla/", 8) != 0)
		return NULL;
	for (; marks->mark != NULL; marks++)
		if (strstr(string, marks->mark) != NULL)
			return cstring_to_text(marks->name);
	return NULL;
}

static text *
first_text(text *a, text *b)
{
	return a != NULL ? a : b;
}

/* Add the number of an object under another name */
static void
add_number(JsonbParseState **state, const char *name, Jsonb *object, const char *from)
{
	JsonbValue	value;

	if (object != NULL && json_field(object, from, &value) != NULL && value.type == jbvNumeric)
		add_value(state, name, &value);
}

/* What a message tells of the user's device, as traits */
static Jsonb *
device_traits(Jsonb *message)
{
	Jsonb	   *context = message_context(message);
	Jsonb	   *page = inner_object(context, "page");
	Jsonb	   *screen = inner_object(context, "screen");
	text	   *user_agent = first_text(inner_text(context, "userAgent"),
										inner_text(message, "user_agent"));
	text	   *url = inner_text(page, "url");
	JsonbParseState *state = begin_object();

	add_text(&state, "hostname", first_text(inner_text(message, "hostname"),
											url == NULL ? NULL : url_host(text_to_cstring(url))));
	add_text(&state, "browser", first_text(inner_text(message, "browser"),
										   user_agent_says(user_agent, browsers)));
	add_text(&state, "operating_system",
			 first_text(inner_text(message, "operating_system"),
						first_text(inner_text(inner_object(context, "os"), "name"),
								   user_agent_says(user_agent, systems))));
	add_text(&state, "device_type",
			 first_text(inner_text(message, "device_type"),
						first_text(inner_text(inner_object(context, "device"), "type"),
								   user_agent_says(user_agent, devices))));
	add_text(&state, "browser_language", first_text(inner_text(message, "browser_language"),
													inner_text(context, "locale")));
	add_text(&state, "timezone", inner_text(context, "timezone"));
	add_number(&state, "screen_width", message, "screen_width");
	add_number(&state, "screen_height", message, "screen_height");
	add_number(&state, "screen_width", screen, "width");
	add_number(&state, "screen_height", screen, "height");
	return end_object(&state);
}

/*----------
 * Traits
 *----------
 */

/* Segment's name for the time of signing up is createdAt */
static Jsonb *
with_created_at(Jsonb *traits)
{
	static const char *const names[] = {"createdAt", "created_at", "signed_up_at"};
	JsonbParseState *state;
	JsonbValue	value;

	for (int i = 0; i < lengthof(names); i++)
		traits = without_empty(traits, names[i]);
	if (!has_key(traits, "createdAt"))
		return traits;
	if (!has_key(traits, "created_at") && !has_key(traits, "signed_up_at") &&
		json_field(traits, "createdAt", &value) != NULL)
	{
		/* Read here, so that an error tells the name that the message has */
		(void) json_time(&value, "createdAt");
		state = begin_object();
		add_value(&state, "created_at", &value);
		traits = merge_objects(traits, end_object(&state));
	}
	return without_key(traits, "createdAt");
}

/* The name and the country of a user from what says them otherwise */
static Jsonb *
with_user_columns(Jsonb *message, Jsonb *traits)
{
	JsonbParseState *state = begin_object();

	if (!has_key(traits, "name"))
	{
		text	   *first = first_text(inner_text(traits, "firstName"), inner_text(traits, "first_name"));
		text	   *last = first_text(inner_text(traits, "lastName"), inner_text(traits, "last_name"));

		if (first != NULL && last != NULL)
			first = cstring_to_text(psprintf("%s %s", text_to_cstring(first), text_to_cstring(last)));
		add_text(&state, "name", first_text(first, last));
	}
	if (!has_key(traits, "country"))
		add_text(&state, "country", first_text(inner_text(inner_object(traits, "address"), "country"),
											   first_text(inner_text(message, "country_code"),
														  inner_text(traits, "country_code"))));
	return merge_objects(end_object(&state), traits);
}

/*----------
 * What each type of message asks for.  Each returns whether there is an event.
 *----------
 */

/* Set traits of a user, and of the company that comes with them */
static bool
take_identify(Jsonb *message, const char *type, int64 *event_id)
{
	text	   *user_id = needed_text_field(message, user_names, type);
	text	   *company_id = text_field(message, company_names);
	Jsonb	   *traits = object_field(message, trait_names);
	Jsonb	   *company;

	/* RudderStack puts the traits into the context */
	traits = merge_objects(inner_object(message_context(message), "traits"), traits);
	traits = merge_objects(device_traits(message), traits);
	traits = with_user_columns(message, with_created_at(traits));

	company = inner_object(traits, "company");
	if (inner_text(company, "id") != NULL)
		traits = without_key(traits, "company");
	else
		company = inner_object(message, "company");
	if (inner_text(company, "id") != NULL)
	{
		company_id = inner_text(company, "id");
		put_company(company_id, with_created_at(without_key(company, "id")));
	}
	put_user(user_id, traits);
	if (company_id != NULL)
		put_membership(user_id, company_id, message_time(message));
	return false;
}

/* Set traits of a company, and make the user a member, if there is one */
static bool
take_group(Jsonb *message, const char *type, int64 *event_id)
{
	text	   *company_id = needed_text_field(message, company_names, type);
	text	   *user_id = text_field(message, user_names);
	Jsonb	   *traits = object_field(message, trait_names);

	put_company(company_id, traits == NULL ? empty_object() : with_created_at(traits));
	if (user_id != NULL)
		put_membership(user_id, company_id, message_time(message));
	return false;
}

/* Everything of one id becomes another's */
static bool
take_alias(Jsonb *message, const char *type, int64 *event_id)
{
	static SqlQuery query = {
		"SELECT user_profile.alias($1, $2)",
		{TEXTOID, TEXTOID}
	};
	QueryArgs	args = {2};

	args.values[0] = PointerGetDatum(needed_text_field(message, previous_names, type));
	args.values[1] = PointerGetDatum(needed_text_field(message, known_user_names, type));
	SPI_connect();
	query_execute(&query, args);
	SPI_finish();
	return false;
}

/* Add the event of a message, of which the caller has set the rest */
static bool
take_event(Jsonb *message, const char *type, const char *kind, NewEvent *event, int64 *event_id)
{
	event->user_id = needed_text_field(message, user_names, type);
	event->message_id = text_field(message, message_id_names);
	event->occurred_at = message_time(message);
	event->kind = DirectFunctionCall2(enum_in, CStringGetDatum(kind),
									  ObjectIdGetDatum(type_oid("event_kind")));
	return put_event(event, event_id);
}

static bool
take_track(Jsonb *message, const char *type, int64 *event_id)
{
	NewEvent	event = {0};

	event.name = needed_text_field(message, event_names, type);
	event.page = message_page(message);
	event.properties = object_field(message, property_names);
	return take_event(message, type, "tracked", &event, event_id);
}

static bool
take_feature(Jsonb *message, const char *type, int64 *event_id)
{
	NewEvent	event = {0};

	event.name = needed_text_field(message, event_names, type);
	event.page = message_page(message);
	event.properties = object_field(message, property_names);
	return take_event(message, type, "feature_tag", &event, event_id);
}

static bool
take_page(Jsonb *message, const char *type, int64 *event_id)
{
	static const char *const category_names[] = {"category", NULL};
	NewEvent	event = {0};
	text	   *category = text_field(message, category_names);

	event.properties = object_field(message, property_names);
	event.page = first_text(page_of(event.properties, "path", "url"), message_page(message));
	event.name = first_text(text_field(message, page_names), event.page);
	if (event.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message of type \"%s\" names no page", type),
				 errhint("Give \"name\", \"pathname\", or \"path\" or \"url\" in \"properties\" or \"context.page\".")));
	if (category != NULL)
	{
		JsonbParseState *state = begin_object();

		add_text(&state, "category", category);
		event.properties = merge_objects(end_object(&state), event.properties);
	}
	return take_event(message, type, "page_view", &event, event_id);
}

/* A screen has a name, and no path */
static bool
take_screen(Jsonb *message, const char *type, int64 *event_id)
{
	NewEvent	event = {0};

	event.name = needed_text_field(message, page_names, type);
	event.properties = object_field(message, property_names);
	return take_event(message, type, "page_view", &event, event_id);
}

/* Userpilot's names for content, and the kinds of event that they are */
static const struct
{
	const char *entity;
	const char *kind;
}			entities[] = {
	{"experience", "flow"},
	{"flow", "flow"},
	{"spotlight", "spotlight"},
	{"banner", "banner"},
	{"checklist", "checklist"},
	{"nps", "nps"},
	{"survey", "survey"},
	{"form", "survey"},
	{"resource_center", "tracked"},
};

/* Read a score; less than 0 where it is none */
static int
read_score(const JsonbValue *value)
{
	text	   *score = scalar_text(value);
	char	   *string;
	char	   *end;
	long		number;

	if (score == NULL)
		return -1;
	string = text_to_cstring(score);
	number = strtol(string, &end, 10);
	/* 9.0 is 9 */
	if (end != string && *end == '.')
		end += 1 + strspn(end + 1, "0");
	if (end == string || *end != '\0' || number < 0 || number > 10)
		return -1;
	return (int) number;
}

/* The score of an answer to an NPS survey as a number, and its comment under our name */
static Jsonb *
nps_properties(Jsonb *properties)
{
	JsonbParseState *state = begin_object();
	JsonbValue	value;

	properties = without_empty(properties, "score");
	if (json_field(properties, "score", &value) != NULL)
	{
		int			score = read_score(&value);

		if (score < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"score\" must be a whole number from 0 to 10, not %s",
							scalar_text(&value) == NULL ? json_type_name(&value) :
							text_to_cstring(scalar_text(&value)))));
		value.type = jbvNumeric;
		value.val.numeric = int64_to_numeric(score);
		add_value(&state, "score", &value);
	}
	if (!has_key(properties, "comment"))
		add_text(&state, "comment", inner_text(properties, "feedback"));
	return merge_objects(properties, end_object(&state));
}

/* "entity:id:STATUS": what the user did with content */
static bool
take_interaction(Jsonb *message, const char *type, int64 *event_id)
{
	NewEvent	event = {0};
	char	   *name = text_to_cstring(needed_text_field(message, interaction_names, type));
	char	   *id = strchr(name, ':');
	char	   *status = strrchr(name, ':');
	const char *kind = NULL;

	if (id == NULL || id == status || id + 1 == status || status[1] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of an interaction must be entity:id:STATUS, not \"%s\"", name)));
	*id++ = '\0';
	*status++ = '\0';
	for (int i = 0; i < lengthof(entities); i++)
		if (pg_strcasecmp(name, entities[i].entity) == 0)
			kind = entities[i].kind;
	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown entity \"%s\" of an interaction", name),
				 errhint("Known are experience, flow, spotlight, banner, checklist, nps, survey, form and resource_center.")));

	event.properties = object_field(message, property_names);
	event.name = first_text(inner_text(event.properties, "name"), cstring_to_text(id));
	if (strcmp(kind, "tracked") == 0)
		event.name = cstring_to_text(psprintf("%s:%s", name, text_to_cstring(event.name)));
	event.action = cstring_to_text(asc_tolower(status, strlen(status)));
	event.page = message_page(message);
	if (event.properties != NULL && strcmp(kind, "nps") == 0)
		event.properties = nps_properties(event.properties);
	return take_event(message, type, kind, &event, event_id);
}

/* Sessions are computed from events, here */
static bool
take_nothing(Jsonb *message, const char *type, int64 *event_id)
{
	return false;
}

/* Segment's and RudderStack's types, then Userpilot's, beside track */
static const struct
{
	const char *type;
	bool		(*take) (Jsonb *message, const char *type, int64 *event_id);
}			message_types[] = {
	{"identify", take_identify},
	{"track", take_track},
	{"page", take_page},
	{"screen", take_screen},
	{"group", take_group},
	{"alias", take_alias},
	{"identify_user", take_identify},
	{"identify_company", take_group},
	{"page_view", take_page},
	{"track_feature", take_feature},
	{"interaction", take_interaction},
	{"session_start", take_nothing},
};

/* Do what a message asks for, and say whether there is an event */
static bool
take_message(Jsonb *message, int64 *event_id)
{
	text	   *name;
	char	   *type;

	if (!JB_ROOT_IS_OBJECT(message))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message must be a JSON object, not %s",
						text_to_cstring(DatumGetTextPP(DirectFunctionCall1(jsonb_typeof,
																		   JsonbPGetDatum(message))))),
				 JB_ROOT_IS_ARRAY(message) && !JB_ROOT_IS_SCALAR(message) ?
				 errhint("Give several messages as an array of jsonb.") : 0));
	name = text_field(message, type_names);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message has no \"type\" or \"event_type\"")));
	type = text_to_cstring(name);
	for (int i = 0; i < lengthof(message_types); i++)
		if (strcmp(type, message_types[i].type) == 0)
			return message_types[i].take(message, type, event_id);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown type of message \"%s\"", type),
			 errhint("Known are identify, track, page, screen, group, alias; identify_user, identify_company, page_view, track_feature, interaction, session_start.")));
	return false;				/* keep the compiler quiet */
}

PG_FUNCTION_INFO_V1(ingest);
Datum
ingest(PG_FUNCTION_ARGS)
{
	int64		event_id;

	check_not_null(fcinfo, 0, "message");
	if (!take_message(PG_GETARG_JSONB_P(0), &event_id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(event_id);
}

/* The same for a message as text, and for an untyped literal */
PG_FUNCTION_INFO_V1(ingest_text);
Datum
ingest_text(PG_FUNCTION_ARGS)
{
	Datum		message;
	int64		event_id;

	check_not_null(fcinfo, 0, "message");
	message = DirectFunctionCall1(jsonb_in, CStringGetDatum(text_arg(fcinfo, 0)));
	if (!take_message(DatumGetJsonbP(message), &event_id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(event_id);
}

/* Is this an alias message, whatever else may be wrong with it? */
static bool
is_alias(Datum message)
{
	Jsonb	   *object = DatumGetJsonbP(message);
	JsonbValue	type;

	if (!JB_ROOT_IS_OBJECT(object))
		return false;
	for (int i = 0; type_names[i] != NULL; i++)
		if (json_field(object, type_names[i], &type) != NULL && type.type == jbvString &&
			type.val.string.len == strlen("alias") &&
			strncmp(type.val.string.val, "alias", strlen("alias")) == 0)
			return true;
	return false;
}

/*
 * Many messages, in their order.  An error tells the position of its message,
 * and undoes all, as it ends the statement.
 *
 * Where one of them is an alias, the refresh lock comes before all else: whoever
 * holds it may want a user whom an earlier message has locked.
 */
PG_FUNCTION_INFO_V1(ingest_batch);
Datum
ingest_batch(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext message_context;
	Datum	   *messages;
	bool	   *nulls;
	Datum	   *event_ids;
	bool	   *none;
	int			count;
	int			lower_bound = 1;
	volatile int position = 0;

	check_not_null(fcinfo, 0, "messages");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), JSONBOID, -1, false, TYPALIGN_INT,
					  &messages, &nulls, &count);
	if (count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT8OID));
	event_ids = palloc0(count * sizeof(Datum));
	none = palloc0(count * sizeof(bool));
	message_context = AllocSetContextCreate(context, "ingest message", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i] && is_alias(messages[i]))
		{
			lock_refresh("ingest()");
			break;
		}
	}

	PG_TRY();
	{
		for (; position < count; position++)
		{
			int64		event_id;

			CHECK_FOR_INTERRUPTS();
			MemoryContextSwitchTo(message_context);
			if (nulls[position])
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("message must not be null")));
			none[position] = !take_message(DatumGetJsonbP(messages[position]), &event_id);
			if (!none[position])
				event_ids[position] = Int64GetDatum(event_id);
			MemoryContextSwitchTo(context);
			MemoryContextReset(message_context);
		}
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		rethrow_with_prefix(context, psprintf("message %d of %d", position + 1, count));
	}
	PG_END_TRY();

	PG_RETURN_ARRAYTYPE_P(construct_md_array(event_ids, none, 1, &count, &lower_bound,
											 INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
											 TYPALIGN_DOUBLE));
}
