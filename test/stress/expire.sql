-- The log loses its oldest events, the timelines keep them
\set days random(0, 5)
SELECT stress.expire(timestamptz '2024-01-01' + :days * interval '1 day');
