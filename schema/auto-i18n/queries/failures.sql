-- Requests that failed, with the reason.
-- windrow: param limit integer = 1000
SELECT s.sender_id AS sender, b.batch_id AS batch, r.request_index AS line, r.target_locale AS locale, r.relative_path AS path,
       r.response_status AS code, r.error_message AS reason
FROM batch_requests r JOIN batches b ON b.id = r.batch_id JOIN sessions s ON s.id = b.session_id
WHERE r.status = 'failed' ORDER BY s.sender_id, b.batch_id, r.request_index LIMIT CAST(:limit AS integer);
