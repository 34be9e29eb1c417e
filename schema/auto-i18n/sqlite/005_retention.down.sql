-- What was archived comes back first.

DROP VIEW v_all_batch_requests;
DROP VIEW v_archivable_requests;
DROP VIEW v_expired_sessions;
INSERT INTO batch_requests (
    id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
    response_status, status, error_message, created_at, updated_at)
SELECT
    id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
    response_status, status, error_message, created_at, updated_at
FROM batch_requests_archive;
DROP TABLE batch_requests_archive;
