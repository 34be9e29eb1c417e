-- Failed translations that may be tried again, the longest untouched first.
-- windrow: param max_retries integer = 3
-- windrow: param limit integer = 1000
SELECT id, original_tweet_id, target_language AS language, retry_count, updated_at, error_info ->> 'message' AS message
FROM translations WHERE status = 'failed' AND retry_count < CAST(:max_retries AS integer)
ORDER BY updated_at, id LIMIT CAST(:limit AS integer);
