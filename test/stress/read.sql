-- One snapshot, one truth: twice, with others at work in between
\set id random(0, 59)
\set pause random(0, 20)
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT stress.look('u' || :id);
\sleep :pause ms
SELECT stress.look('u' || :id);
END;
