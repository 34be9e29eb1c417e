-- One row of translation_stats for each session, as the dashboard counts, from what was loaded. Rows that say the same
-- already stay as they are. calculated_at is the time of the newest row that was counted, so that two loads of one
-- source are equal; the id is the session's.
WITH counted AS (
    SELECT s.id AS session_id, s.source_locale, s.session_type, s.target_locales,
        count(f.id) FILTER (WHERE f.file_type = 'translation') AS translations,
        count(f.id) FILTER (WHERE f.source) AS uploads,
        count(f.id) FILTER (WHERE f.source AND f.content_type = 'content') AS content_files,
        count(f.id) FILTER (WHERE f.source AND f.content_type = 'global') AS global_files,
        count(f.id) FILTER (WHERE f.source AND f.content_type = 'page') AS page_files,
        coalesce(sum(f.file_size), 0) AS bytes,
        max(s.updated_at, coalesce(max(f.updated_at), '')) AS newest
    FROM sessions s
    LEFT JOIN (
        SELECT g.*, CASE t.session_type WHEN 'changes' THEN g.file_type = 'original'
                    ELSE g.file_type = 'upload' AND g.locale = t.source_locale END AS source
        FROM files g JOIN sessions t ON t.id = g.session_id
    ) f ON f.session_id = s.id
    GROUP BY s.id
), cells AS (
    SELECT session_id, file_type, locale, content_type, count(*) AS n
    FROM files
    WHERE file_type IN ('translation', 'delta')
    GROUP BY session_id, file_type, locale, content_type
    ORDER BY session_id, file_type, locale, content_type
), locales AS (
    SELECT session_id, file_type, locale, sum(n) AS n, json_group_object(content_type, n) AS by_type
    FROM cells
    GROUP BY session_id, file_type, locale
), matrix AS (
    SELECT session_id, json_group_object(locale, json(by_type)) AS by_locale
    FROM (SELECT * FROM locales WHERE file_type = 'translation' ORDER BY session_id, locale)
    GROUP BY session_id
), done AS (
    SELECT session_id, json_group_array(locale) AS completed
    FROM (
        SELECT c.session_id, t.value AS locale
        FROM counted c
        JOIN json_each(c.target_locales) t
        LEFT JOIN locales tr ON tr.session_id = c.session_id AND tr.file_type = 'translation' AND tr.locale = t.value
        LEFT JOIN locales de ON de.session_id = c.session_id AND de.file_type = 'delta' AND de.locale = t.value
            AND c.session_type = 'changes'
        WHERE c.uploads > 0 AND coalesce(tr.n, de.n, 0) >= c.uploads
        ORDER BY c.session_id, t.key
    )
    GROUP BY session_id
), batched AS (
    SELECT session_id, count(*) AS batches,
        count(*) FILTER (WHERE status IN ('submitted', 'processing')) AS active,
        count(*) FILTER (WHERE status = 'completed' AND json_extract(manifest, '$._import.replies') > 0) AS completed,
        count(*) FILTER (WHERE status = 'failed' OR failed_requests > 0) AS failed,
        sum(max(total_requests - completed_requests - failed_requests, 0)) AS pending,
        max(updated_at) AS newest
    FROM batches
    GROUP BY session_id
)
INSERT INTO translation_stats (id, session_id, uploads_count, translations_count, content_files, global_files,
    page_files, source_locale, target_locales_count, completed_locales, batches_count, active_batches,
    completed_batches, calculated_at, stats)
SELECT c.session_id, c.session_id, c.uploads, c.translations, c.content_files, c.global_files, c.page_files,
    c.source_locale, coalesce(json_array_length(c.target_locales), 0), coalesce(d.completed, '[]'),
    coalesce(b.batches, 0), coalesce(b.active, 0), coalesce(b.completed, 0), max(c.newest, coalesce(b.newest, '')),
    json_object('matrix', json(coalesce(m.by_locale, '{}')), 'failed_batches', coalesce(b.failed, 0),
        'pending_requests', coalesce(b.pending, 0), 'bytes', c.bytes)
FROM counted c
LEFT JOIN matrix m USING (session_id)
LEFT JOIN done d USING (session_id)
LEFT JOIN batched b USING (session_id)
WHERE true
ON CONFLICT (id) DO UPDATE SET uploads_count = excluded.uploads_count,
    translations_count = excluded.translations_count, content_files = excluded.content_files,
    global_files = excluded.global_files, page_files = excluded.page_files, source_locale = excluded.source_locale,
    target_locales_count = excluded.target_locales_count, completed_locales = excluded.completed_locales,
    batches_count = excluded.batches_count, active_batches = excluded.active_batches,
    completed_batches = excluded.completed_batches, calculated_at = excluded.calculated_at, stats = excluded.stats
WHERE (uploads_count, translations_count, content_files, global_files, page_files, source_locale,
    target_locales_count, completed_locales, batches_count, active_batches, completed_batches, calculated_at, stats)
    IS NOT (excluded.uploads_count, excluded.translations_count, excluded.content_files, excluded.global_files,
    excluded.page_files, excluded.source_locale, excluded.target_locales_count, excluded.completed_locales,
    excluded.batches_count, excluded.active_batches, excluded.completed_batches, excluded.calculated_at,
    excluded.stats);
