# shellcheck shell=sh
# One user's overview, sessions and top events: in the server, as clients of pgbench see them, and
# beside the embedded peers.

sample_users 1000 'count(*) BETWEEN 200 AND 2000'
need_peers
say "users of 200 - 2000 events: $(wc -l <"$FILES/keys")"
for work in user_overview user_sessions user_top_events; do
	say "$work"
	same_answers_of_users large $work.plain $work.ours
	plain=$(run_in_server large $work.plain | summary)
	ours=$(run_in_server large $work.ours | summary)
	measured "$work of one user" 'plain SQL' ms "$plain"
	measured "$work of one user" user_profile ms "$ours"
	result "$work in the server" ms "$plain" "$ours" most 0.5
	result "$work with ten times as much data of others (peer: $LOADED_SMALL events)" ms \
		"$(run_in_server small $work.ours | summary)" "$ours" limit 1.5
	for clients in 1 8 32; do
		result "$work by pgbench - clients: $clients; mean latency" ms \
			"$(latency large $work.plain $clients)" "$(latency large $work.ours $clients)" ratio ""
	done
	for one in $PEERS; do
		same_answers_of_users_of_peer $work "$one" large
		peer=$(peer_query $work "$one" '{key}' | peer "$one" latency "$FILES/keys" | summary)
		case $one in clickhouse) asked=10 ;; *) asked= ;; esac
		measured "$work of one user" "$(system_name "$one")" ms "$peer"
		result "$work in the server (peer: $(system_name "$one") in its process)" ms "$peer" "$ours" ratio "$asked"
	done
done
