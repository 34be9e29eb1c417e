-- What the import could not resolve: requests without their file, uploads without a job, replies without a request.
-- windrow: section requests
SELECT s.sender_id AS sender, b.batch_id AS batch, r.request_index AS line, r.custom_id
FROM batch_requests r JOIN batches b ON b.id = r.batch_id JOIN sessions s ON s.id = b.session_id
WHERE r.file_id IS NULL ORDER BY s.sender_id, b.batch_id, r.request_index;

-- windrow: section uploads
SELECT s.sender_id AS sender, f.content_type AS content, f.locale, f.relative_path AS path
FROM files f JOIN sessions s ON s.id = f.session_id
WHERE f.file_type = 'upload' AND f.job_id IS NULL ORDER BY s.sender_id, f.content_type, f.locale, f.relative_path;

-- windrow: section replies
SELECT s.sender_id AS sender, b.batch_id AS batch, b.manifest -> '_import' -> 'orphans' AS replies
FROM batches b JOIN sessions s ON s.id = b.session_id
WHERE b.manifest -> '_import' -> 'orphans' IS NOT NULL ORDER BY s.sender_id, b.batch_id;
