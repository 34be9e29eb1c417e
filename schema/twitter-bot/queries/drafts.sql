-- Pending drafts, the oldest first.
-- windrow: param limit integer = 1000
SELECT row_number() OVER (ORDER BY t.created_at, t.id) AS number, upper(t.target_language) AS language,
       substr(CAST(t.created_at AS text), 1, 16) AS created, substr(w.text, 1, 100) || '...' AS original, t.translated_text AS translation,
       t.character_count AS characters, t.id
FROM translations t JOIN tweets w ON w.id = t.original_tweet_id
WHERE t.status = 'draft' ORDER BY t.created_at, t.id LIMIT CAST(:limit AS integer);
