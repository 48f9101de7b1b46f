# shellcheck shell=sh
# What ten users said and met; leaving users out, and erasing them.

sample_users 10 "count(*) BETWEEN 200 AND 2000 AND count(*) FILTER (WHERE kind IN ('nps', 'survey')) > 2"
for tab in user_sentiment user_engagement; do
	say "$tab"
	same_answers_of_users large $tab.plain $tab.ours
	result "$tab in the server: each of ten users" ms \
		"$(run_in_server large $tab.plain | summary)" "$(run_in_server large $tab.ours | summary)" ratio ""
done

# Run $1 and $2, with USER for the user, for each of the file victims, on changing
change_users() {
	: >"$FILES/change.plain"
	: >"$FILES/change.ours"
	while read -r victim; do
		run_once changing "$(printf '%s' "$1" | sed "s/USER/'$victim'/g")" >>"$FILES/change.plain"
		run_once changing "$(printf '%s' "$2" | sed "s/USER/'$victim'/g")" >>"$FILES/change.ours"
	done <"$FILES/victims"
}

copy_of_large changing
db changing -c "SELECT user_id FROM plain.events GROUP BY user_id
	HAVING count(*) BETWEEN 1000 AND 50000 ORDER BY abs(count(*) - 10000) LIMIT 5" >"$FILES/victims"
victims=$(sed "s/.*/'&'/" "$FILES/victims" | paste -s -d ,)

say "exclude_user"
db changing -c 'ALTER TABLE plain.users ADD excluded_at timestamptz'
users=$(db changing -c 'SELECT users FROM user_profile.workspace_overview()')
change_users 'UPDATE plain.users SET excluded_at = now() WHERE user_id = USER' 'SELECT user_profile.exclude_user(USER)'
left=$(db changing -c 'SELECT users FROM user_profile.workspace_overview()')
[ $((users - left)) = "$(wc -l <"$FILES/victims")" ] || die "of $users users $left are not excluded"
result "exclude_user (peer: UPDATE of a column of users)" ms \
	"$(summary <"$FILES/change.plain")" "$(summary <"$FILES/change.ours")" ratio ""

say "delete_user"
deleted=$(db changing -c "SELECT round(avg(n)) FROM (SELECT count(*) AS n FROM plain.events WHERE user_id IN ($victims) GROUP BY user_id) sizes")
change_users 'DELETE FROM plain.events WHERE user_id = USER' 'SELECT user_profile.delete_user(USER)'
left=$(db changing -c "SELECT count(*) FROM user_profile.events WHERE user_id IN ($victims)")
[ "$left" = 0 ] || die "delete_user left $left events"
same_answers changing sessions_counted.plain sessions_counted.ours
result "delete_user of users with $deleted events on average" ms \
	"$(summary <"$FILES/change.plain")" "$(summary <"$FILES/change.ours")" ratio ""
dropdb changing
