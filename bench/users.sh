# shellcheck shell=sh
# Shell functions for the benchmarks: questions about one user, asked for a sample of users.
# Sourced by run.sh and growth.sh after data.sh.

# Remember up to $1 users of whom $2 holds as bench_sample on both databases, the same on both,
# and their ids in the file keys.  No user has two events at one time, as the order of these
# would decide which page a session begins with.
sample_users() {
	for size in small large; do
		db $size -c "DROP TABLE IF EXISTS bench_sample"
		db $size -c "CREATE TABLE bench_sample (n serial PRIMARY KEY, user_id text NOT NULL COLLATE \"C\")"
	done
	db small -c "INSERT INTO bench_sample (user_id)
		SELECT user_id FROM plain.events GROUP BY user_id
		HAVING $2 AND count(*) = count(DISTINCT occurred_at) ORDER BY hashtext(user_id) LIMIT $1"
	db small -c "COPY bench_sample TO STDOUT" | db large -c "COPY bench_sample FROM STDIN"
	db large -c 'SELECT user_id FROM bench_sample ORDER BY n' >"$FILES/keys"
	for size in small large; do
		db $size -c 'VACUUM ANALYZE bench_sample'
	done
}

# The query $1 for every user of the sample, its rows under the user's id as "subject"
query_of_users() {
	printf 'SELECT b.user_id AS subject, q.* FROM bench_sample b, LATERAL (%s) q' "$(query "$1" b.user_id)"
}

# Stop unless the queries $2 and $3 give the same rows for every user of the sample
same_answers_of_users() {
	for side in "$2" "$3"; do
		db "$1" -c "$SESSION SELECT count(*), sum(hashtextextended(answer::text, 0))
			FROM ($(query_of_users "$side")) answer" | tail -n 1
	done | same_lines "$2" "$3"
}

# Print how many milliseconds the prepared query $2 takes in the server on database $1 for each
# user of the sample: the second of two passes
run_in_server() {
	db "$1" <<-SQL
		$SESSION
		CREATE TEMPORARY TABLE timing (took float8);
		DO \$do\$
		DECLARE
			one bench_sample;
			one_period tstzrange := '$PERIOD';
			start timestamptz;
		BEGIN
			FOR pass IN 1..2 LOOP
				TRUNCATE timing;
				FOR one IN SELECT * FROM bench_sample ORDER BY n LOOP
					start := clock_timestamp();
					PERFORM * FROM ($(query "$2" one.user_id one_period)) q;
					INSERT INTO timing VALUES (extract(epoch FROM clock_timestamp() - start) * 1000);
				END LOOP;
			END LOOP;
		END
		\$do\$;
		SELECT took FROM timing;
	SQL
}

# Print "median minimum maximum" of the mean milliseconds that the prepared query $2 takes each of
# $3 clients of pgbench on database $1, in three runs
latency() {
	cat >"$FILES/pgbench.sql" <<-SQL
		\\set n random(1, $(db "$1" -c 'SELECT count(*) FROM bench_sample'))
		SELECT user_id AS one FROM bench_sample WHERE n = :n \\gset
		SELECT * FROM ($(query "$2" :one::text | tr '\n\t' '  ')) q;
	SQL
	for _ in 1 2 3; do
		PGOPTIONS='-c max_parallel_workers_per_gather=0' \
			pgbench -n -M prepared -c "$3" -j 2 -T 2 -r -f "$FILES/pgbench.sql" "$1" 2>&1 |
			sed -n 's/^ *\([0-9.]*\)  *[0-9]*  *SELECT \* FROM.*/\1/p; s/^ *\([0-9.]*\)  *SELECT \* FROM.*/\1/p' | head -n 1
	done | summary
}
