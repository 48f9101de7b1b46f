#!/bin/sh
# psql in a new database, dropped afterwards. pg_prove calls this in place of psql, so that
# each pgTAP file has a database of its own and may COMMIT, CALL and run beside others.
#
# Environment: TEMPLATE is the database to copy, PSQL the real psql; SESSION_SETTING (name=value)
# is a setting for it.

set -eu

database=pgtap_$$
drop() {
	"$PSQL" -X -q -d postgres -c "SET client_min_messages = error" \
		-c "DROP DATABASE IF EXISTS $database WITH (FORCE)"
}
trap drop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$PSQL" -X -q -d postgres -v ON_ERROR_STOP=1 -c "CREATE DATABASE $database TEMPLATE $TEMPLATE"
PGDATABASE=$database PGOPTIONS=${SESSION_SETTING:+-c $SESSION_SETTING} "$PSQL" "$@"
