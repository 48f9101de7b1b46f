# shellcheck shell=sh
# Events one by one from 8 clients: track() with the worker on, and plain INSERTs of the same row into
# a bare table of the same columns with a bigint key; alternately.

seconds=$((EVENTS < 10000000 ? 12 : 30))
db postgres -c 'DROP DATABASE IF EXISTS tracking'
new_database tracking
start_worker tracking
: >"$FILES/track.plain"
: >"$FILES/track.ours"
: >"$FILES/track.unfolded"
for round in 1 2 3; do
	if [ "$round" = 2 ]; then order='ours plain'; else order='plain ours'; fi
	for side in $order; do
		say "round $round of 3: $side, $seconds seconds"
		wait_for_fold tracking
		bring_events tracking "$side" $seconds "$FILES/sampled" >>"$FILES/track.$side"
		[ "$side" = plain ] || cat "$FILES/sampled" >>"$FILES/track.unfolded"
	done
done
wait_for_fold tracking
differing=$(db tracking -c 'SELECT count(*) FROM user_profile.check_timelines()')
[ "$differing" = 0 ] || die "the timelines of $differing users differ from the log"
stop_worker
dropdb tracking

rate=$(summary <"$FILES/track.ours")
result "track() from 8 clients with the worker on (peer: INSERT into a bare table)" events/s \
	"$(summary <"$FILES/track.plain")" "$rate" share 0.8
result "events not folded yet meanwhile - each second" events "" "$(summary <"$FILES/track.unfolded")" "" ""
# A pass begins 10 seconds after the last one, so events wait up to twice that where passes are short
result "the same in seconds of track()" s "" \
	"$(awk -v rate="${rate%% *}" '{ print $1 / rate }' "$FILES/track.unfolded" | summary)" each 20
