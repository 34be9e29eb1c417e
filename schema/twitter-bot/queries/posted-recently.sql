-- Translations posted within 7 days, the newest first.
-- windrow: param since time = now - 7 days
-- windrow: param limit integer = 1000
SELECT id, original_tweet_id, target_language AS language, post_id, posted_at, translated_text
FROM translations WHERE status = 'posted' AND posted_at >= :since
ORDER BY posted_at DESC, id LIMIT CAST(:limit AS integer);
