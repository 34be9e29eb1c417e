-- The dashboard's three views.
--
-- Repaired: v_session_overview counts each kind by itself (the original joins files, batches and jobs with each other
-- before counting, which is their product in rows); v_batch_progress has a percentage for every batch.

CREATE VIEW v_session_overview AS
SELECT s.id, s.sender_id, s.session_type, s.status, s.source_locale, s.target_locales, s.created_at, s.updated_at,
    (SELECT count(*) FROM files f WHERE f.session_id = s.id AND f.file_type = 'upload') AS upload_count,
    (SELECT count(*) FROM files f WHERE f.session_id = s.id AND f.file_type = 'translation') AS translation_count,
    (SELECT count(*) FROM batches b WHERE b.session_id = s.id) AS batch_count,
    (SELECT count(*) FROM translation_jobs j WHERE j.session_id = s.id) AS job_count
FROM sessions s;

CREATE VIEW v_batch_progress AS
SELECT b.id, b.batch_id, b.session_id, b.status, b.openai_status, b.total_requests, b.completed_requests,
    b.failed_requests,
    CASE WHEN b.total_requests > 0 THEN round(b.completed_requests::numeric / b.total_requests * 100, 2) ELSE 0 END
        AS progress_percentage,
    b.created_at, b.submitted_at, b.completed_at
FROM batches b;

CREATE VIEW v_translation_matrix AS
SELECT f.session_id, f.locale, f.content_type, count(*) AS file_count, sum(f.file_size) AS total_size,
    max(f.updated_at) AS last_updated
FROM files f
WHERE f.file_type IN ('upload', 'translation')
GROUP BY f.session_id, f.locale, f.content_type;
