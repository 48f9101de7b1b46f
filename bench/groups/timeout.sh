# shellcheck shell=sh
# The same sessions after another pause: ours by a setting, the others by another query, and a
# materialised view has to be made anew.

minutes=10
before_timeout=$SESSION
TIMEOUT="$minutes min"
# shellcheck disable=SC2034 # read by peers.sh
TIMEOUT_MS=$((minutes * 60000))
SESSION="$SESSION SET user_profile.session_timeout = '$TIMEOUT';"

name="all sessions counted - a timeout of $TIMEOUT"
compare large "$name" "" sessions_counted.plain sessions_counted.ours '*' 5

say "$name: materialised view"
for _ in 1 2 3; do
	db large -c 'DROP SCHEMA IF EXISTS rollup_of_timeout CASCADE' -c 'CREATE SCHEMA rollup_of_timeout'
	run_once large "CREATE MATERIALIZED VIEW rollup_of_timeout.sessions AS $(query sessions_listed.plain)"
done | summary >"$FILES/rollup.timeout"
db large -c 'DROP SCHEMA rollup_of_timeout CASCADE'
measured "$name" 'materialised view made anew' ms "$(cat "$FILES/rollup.timeout")"
result "$name (peer: materialised view made anew)" ms "$(cat "$FILES/rollup.timeout")" "$OURS" ratio ""

need_peers
compare_peers sessions_counted 'duckdb_windows duckdb clickhouse' "$name" 'max(sessions), max(avg_session)' 5 "" ""

TIMEOUT='30 min'
# shellcheck disable=SC2034 # read by peers.sh
TIMEOUT_MS=1800000
SESSION=$before_timeout
