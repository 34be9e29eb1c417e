-- Batches that are not done, and how far they are.
SELECT s.sender_id AS sender, p.batch_id AS batch, p.status, p.openai_status AS provider, p.completed_requests AS completed,
       p.failed_requests AS failed, p.total_requests AS total, p.progress_percentage AS percent, p.submitted_at AS submitted
FROM v_batch_progress p JOIN sessions s ON s.id = p.session_id
WHERE p.completed_requests + p.failed_requests < p.total_requests
ORDER BY s.sender_id, p.batch_id;
