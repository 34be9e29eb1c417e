-- Tweets whose text contains another, case counting; the newest first.
-- windrow: param text
-- windrow: param limit integer = 1000
SELECT id, created_at, author_username, text
FROM tweets WHERE replace(text, CAST(:text AS text), '') <> text
ORDER BY created_at DESC, id LIMIT CAST(:limit AS integer);
