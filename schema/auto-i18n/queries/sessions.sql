-- Sessions with their counts, the newest first.
-- windrow: param limit integer = 1000
SELECT s.sender_id AS sender, s.session_type AS type, s.status, o.upload_count AS uploads, o.translation_count AS translations,
       o.batch_count AS batches, o.job_count AS jobs, s.updated_at AS updated
FROM sessions s JOIN v_session_overview o ON o.id = s.id
ORDER BY s.updated_at DESC, s.sender_id LIMIT CAST(:limit AS integer);
