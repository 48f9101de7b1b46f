-- In batches of few, so that others come between
SET user_profile.batch_size = 100;
CALL user_profile.refresh();
