-- Counters and health checks of long ago.
--
-- The beginning of a key is compared as it is: to LIKE a `_` is any character. Monthly counters go too, which the bot never
-- removes; but not the counter of the current month, which is a limit still.
-- windrow: param state_days days = 30 -- unchanged for longer
-- windrow: param month month = today -- the month whose counter stays

DELETE FROM system_state WHERE updated_at < :state_days AND (
    substr(key, 1, 15) = 'daily_requests_' OR substr(key, 1, 13) = 'health_check_'
    OR (substr(key, 1, 14) = 'monthly_posts_' AND substr(key, length(key) - 6) <> CAST(:month AS text)));
