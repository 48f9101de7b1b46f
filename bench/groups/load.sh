# shellcheck shell=sh
# COPY of the whole log, alternately into a bare table and into ours, each time in a new database
# with a checkpoint between; then the fold of what was loaded.

: >"$FILES/copy.plain"
: >"$FILES/copy.ours"
: >"$FILES/refresh.large"
for round in 1 2 3 4; do
	say "round $round of 4"
	new_database loading
	if [ $((round % 2)) -eq 1 ]; then order='plain ours'; else order='ours plain'; fi
	for side in $order; do
		db loading -c CHECKPOINT
		if [ "$side" = plain ]; then table=plain.events; else table=user_profile.events; fi
		copy_events loading "$FILES/large" $table >>"$FILES/copy.$side"
	done
	refresh loading >>"$FILES/refresh.large"
	dropdb loading
done

: >"$FILES/refresh.small"
for _ in 1 2 3; do
	new_database loading
	copy_events loading "$FILES/small" user_profile.events >/dev/null
	refresh loading >>"$FILES/refresh.small"
	dropdb loading
done

result "COPY of $LOADED events (peer: bare table with a bigint key)" ms \
	"$(summary <"$FILES/copy.plain")" "$(summary <"$FILES/copy.ours")" limit 1.1
result "refresh of $LOADED events" events/s "" \
	"$(awk -v n="$LOADED" '{ print n / $1 * 1000 }' "$FILES/refresh.large" | summary)" least 1000000
result "peak memory of refreshing $LOADED_SMALL events" MB "" \
	"$(awk '{ print $2 }' "$FILES/refresh.small" | summary)" "" ""
result "peak memory of refreshing $LOADED events (peer: the row above)" MB \
	"$(awk '{ print $2 }' "$FILES/refresh.small" | summary)" \
	"$(awk '{ print $2 }' "$FILES/refresh.large" | summary)" limit "$(
		# Below a batch, memory grows with the log
		if [ "$LOADED_SMALL" -ge 1000000 ]; then echo 1.1; fi)"
