-- Tweets of the last 24 hours, the newest first.
-- windrow: param since time = now - 24 hours
-- windrow: param limit integer = 1000
SELECT id, created_at, author_username, text
FROM tweets WHERE created_at >= :since ORDER BY created_at DESC, id LIMIT CAST(:limit AS integer);
