-- Tweets without a translation in one language, the oldest first.
-- windrow: param language -- as translations.target_language has it
-- windrow: param limit integer = 1000
SELECT id, created_at, author_username, text
FROM tweets
WHERE NOT EXISTS (SELECT 1 FROM translations WHERE original_tweet_id = tweets.id AND target_language = :language)
ORDER BY created_at, id LIMIT CAST(:limit AS integer);
