# shellcheck shell=sh
# Events that arrive late, one for each of 50,000 users, into the midst of their folded timelines.

late=$((USERS < 50000 ? USERS : 50000))
copy_of_large changing
need_rollup changing
: >"$FILES/late.ours"
: >"$FILES/late.rollup"
for round in 1 2 3; do
	say "round $round of 3: $late late events"
	for schema in plain user_profile; do
		db changing -c "INSERT INTO $schema.events (user_id, occurred_at, kind, name)
			SELECT user_id, timestamptz '2025-06-01 00:00+00' + $round * interval '1 day', 'tracked', 'Late'
			FROM plain.users ORDER BY hashtext(user_id) LIMIT $late"
	done
	refresh changing >>"$FILES/late.ours"
	run_once changing 'REFRESH MATERIALIZED VIEW rollup.sessions' >>"$FILES/late.rollup"
done
same_answers changing sessions_counted.plain sessions_counted.ours
dropdb changing
result "folding $late late events - one a user (peer: REFRESH MATERIALIZED VIEW)" ms \
	"$(summary <"$FILES/late.rollup")" "$(awk '{ print $1 }' "$FILES/late.ours" | summary)" ratio "" "$(
		if [ "$late" -ge 50000 ]; then echo 3000; fi)"
result "peak memory of folding $late late events" MB "" "$(awk '{ print $2 }' "$FILES/late.ours" | summary)" "" ""
