-- Files by locale and type of one sender.
-- windrow: param sender text
SELECT m.locale, m.content_type AS content, m.file_count AS files, m.total_size AS bytes, m.last_updated AS updated
FROM v_translation_matrix m JOIN sessions s ON s.id = m.session_id
WHERE s.sender_id = :sender ORDER BY m.locale, m.content_type;
