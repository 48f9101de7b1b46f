-- Messages with ids, of which some come twice, from a visitor who becomes known
\set id random(0, 59)
\set visitor random(0, 299)
\set message random(0, 2000)
\set at random(0, 2591999)
SELECT stress.attempt(format(
	'SELECT user_profile.ingest(ARRAY[
		jsonb_build_object(''type'', ''track'', ''anonymousId'', %1$L, ''event'', ''m'', ''messageId'', %3$L, ''timestamp'', %4$L),
		jsonb_build_object(''type'', ''identify'', ''userId'', %2$L, ''traits'', jsonb_build_object(''n'', %3$L)),
		jsonb_build_object(''type'', ''track'', ''userId'', %2$L, ''event'', ''m'', ''messageId'', %3$L, ''timestamp'', %4$L),
		jsonb_build_object(''type'', ''alias'', ''previousId'', %1$L, ''userId'', %2$L)])',
	'b' || :visitor, 'u' || :id, 'm' || :message, timestamptz '2024-01-01' + :at * interval '1 s'));
