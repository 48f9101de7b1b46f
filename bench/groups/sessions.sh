# shellcheck shell=sh
# Sessions of everyone: counted with their average, and listed.

listed='count(*), max(user_id COLLATE "C"), sum(session_number), max(started_at), max(ended_at), sum(events)'
need_peers
need_rollup large

name='all sessions counted and averaged'
compare large "$name" 100 sessions_counted.plain sessions_counted.ours '*' 5
compare_workers sessions_counted.ours 15 "$name" '*' 1.7
compare_peers sessions_counted 'duckdb_windows duckdb clickhouse' "$name" 'max(sessions), max(avg_session)' 5 10 5
compare large "$name (peer: session_number() OVER on the log)" "" sessions_counted.number sessions_counted.ours '*' 3
compare large "$name (peer: materialised view)" "" sessions_counted.rollup sessions_counted.ours '*' 5

name='all sessions listed'
compare large "$name" 40 sessions_listed.plain sessions_listed.ours "$listed" 5
compare_workers sessions_listed.ours 15 "$name" "$listed" ""
compare_peers sessions_listed 'duckdb_windows duckdb clickhouse' "$name" \
	'count(*), max(user_id), sum(session_number), max(started_at), max(ended_at), sum(events)' 5 "" 2
compare large "$name (peer: lag - running sum - GROUP BY)" "" sessions_listed.usual sessions_listed.ours "$listed" 3
compare large "$name (peer: session_number() OVER on the log)" "" sessions_listed.number sessions_listed.ours "$listed" 3
compare large "$name (peer: materialised view)" "" sessions_listed.rollup sessions_listed.ours "$listed" 5
compare large "session_number() OVER on the raw log (peer: two windows)" "" \
	session_number.plain session_number.ours 'count(*), max(user_id COLLATE "C"), max(occurred_at), sum(session_number)' 3

# What the materialised view takes to be brought up to date: it answers as of its last refresh
for _ in 1 2 3; do
	run_once large 'REFRESH MATERIALIZED VIEW rollup.sessions'
done | summary >"$FILES/rollup.refresh"
result "bringing all sessions up to date (peer: REFRESH MATERIALIZED VIEW)" ms "$(cat "$FILES/rollup.refresh")" "" ratio ""
