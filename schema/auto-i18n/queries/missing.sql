-- Target locales of upload sessions that lack translations.
SELECT s.sender_id AS sender, t.uploads_count AS sources, t.translations_count AS translations, s.target_locales AS wanted,
       t.completed_locales AS complete
FROM translation_stats t JOIN sessions s ON s.id = t.session_id
WHERE s.session_type = 'upload' AND t.uploads_count > 0 AND s.status <> 'completed'
ORDER BY s.sender_id;
