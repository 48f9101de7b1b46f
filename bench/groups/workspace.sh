# shellcheck shell=sh
# All users: the overview of a period, and the header of everyone's profile.

need_peers
name="workspace_overview of $LOADED events"
compare large "$name" "" workspace_overview.plain workspace_overview.ours '*' 5 150
compare_workers workspace_overview.ours 15 "$name" '*' ""
compare_peers workspace_overview 'duckdb clickhouse' "$name" '*' 5 "" ""

profiles='count(*), max(user_id COLLATE "C"), max(company_name COLLATE "C"), sum(total_sessions), sum(total_events), max(first_seen_at), max(sign_up_date)'
name="user_profiles in full; $USERS users"
compare large "$name" "" user_profiles.plain user_profiles.ours "$profiles" 3
compare_workers user_profiles.ours 9 "$name" "$profiles" ""
