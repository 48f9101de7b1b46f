# shellcheck shell=sh
# What is stored.  The log is its heap, its out-of-line values and its key; the timelines are all
# that is kept of them: heap, out-of-line values, indexes and dictionaries.

timelines=$(db large -c "SELECT sum(pg_total_relation_size(c)) / 1e6
	FROM unnest('{user_profile.timelines, user_profile.event_types, user_profile.pages}'::regclass[]) c")
result "disk: the log with its key; our timelines with index and dictionaries" MB \
	"$(db large -c "SELECT (pg_table_size('user_profile.events') + pg_relation_size('user_profile.events_pkey')) / 1e6")" \
	"$timelines" ratio 10
result "disk: the log without its key; our timelines" MB \
	"$(db large -c "SELECT pg_table_size('user_profile.events') / 1e6")" "$timelines" ratio ""
result "disk: the covering indexes of plain SQL; our timelines" MB \
	"$(db large -c "SELECT (pg_indexes_size('plain.events') - pg_relation_size('plain.events_pkey')) / 1e6")" "$timelines" ratio ""
need_rollup large
result "disk: the materialised view of all sessions with its index; our timelines" MB \
	"$(db large -c "SELECT pg_total_relation_size('rollup.sessions') / 1e6")" "$timelines" ratio ""
need_peers
for one in $PEERS; do
	result "disk: the log in $(system_name "$one"); our timelines" MB "$(peer_disk "$one")" "$timelines" ratio ""
done
