-- All translations of one tweet: state, times, retries, errors.
-- windrow: param tweet -- its id
SELECT id, target_language AS language, status, created_at, updated_at, posted_at, post_id, retry_count, character_count,
       CAST(error_info AS text) AS error_info
FROM translations WHERE original_tweet_id = :tweet ORDER BY target_language;
