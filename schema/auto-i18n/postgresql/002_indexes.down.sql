-- Back to keys alone.

DROP INDEX idx_batches_manifest;
DROP INDEX idx_files_metadata;
DROP INDEX idx_sessions_metadata;
DROP INDEX idx_translation_stats_calculated_at;
DROP INDEX idx_translation_stats_session_id;
DROP INDEX idx_batch_requests_custom_id;
DROP INDEX idx_batch_requests_target_locale;
DROP INDEX idx_batch_requests_status;
DROP INDEX idx_batch_requests_file_id;
DROP INDEX idx_batches_created_at;
DROP INDEX idx_batches_openai_batch_id;
DROP INDEX idx_batches_status;
DROP INDEX idx_batches_session_id;
DROP INDEX idx_files_content_hash;
DROP INDEX idx_files_relative_path;
DROP INDEX idx_files_locale;
DROP INDEX idx_files_content_type;
DROP INDEX idx_files_file_type;
DROP INDEX idx_files_job_id;
DROP INDEX idx_translation_jobs_github_pr_number;
DROP INDEX idx_translation_jobs_job_id;
DROP INDEX idx_sessions_expires_at;
DROP INDEX idx_sessions_repository;
DROP INDEX idx_sessions_created_at;
DROP INDEX idx_sessions_session_type;
DROP INDEX idx_sessions_status;
