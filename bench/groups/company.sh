# shellcheck shell=sh
# One company of 10, 1,000 and 10,000 users; c-top are the most active 1,000.

need_peers
for company in c-10 c-1000 c-top c-10000; do
	members=$(db large -c "SELECT count(*) FROM plain.memberships WHERE company_id = '$company'")
	met=$(db large -c "SELECT count(*) FROM plain.events JOIN plain.memberships USING (user_id)
		WHERE company_id = '$company' AND occurred_at <@ tstzrange '$PERIOD'")
	for work in company_overview company_top_events; do
		# The demand is about the most active thousand
		case $company in c-top) asked=100 longest=25 asked_clickhouse=3 ;; *) asked='' longest='' asked_clickhouse='' ;; esac
		name="$work of $members users; $met events"
		compare large "$name" "$asked" $work.plain $work.ours '*' 5 "$longest" $company
		compare_peers $work 'duckdb clickhouse' "$name" '*' 5 "" "$asked_clickhouse" $company
	done
done
