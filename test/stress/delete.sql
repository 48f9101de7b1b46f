-- Some users go and come again; those of the suppressed do not
\set id random(0, 59)
SELECT stress.forget('u' || :id, :id >= 50);
