-- Tweets of a time range, both ends included; the oldest first.
-- windrow: param from_time time
-- windrow: param to_time time
-- windrow: param limit integer = 1000
SELECT id, created_at, author_username, text
FROM tweets WHERE created_at >= :from_time AND created_at <= :to_time
ORDER BY created_at, id LIMIT CAST(:limit AS integer);
