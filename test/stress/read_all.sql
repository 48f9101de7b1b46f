-- The same of all users
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT stress.look_at_all();
END;
