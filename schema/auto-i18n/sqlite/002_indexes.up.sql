-- What the application looks rows up by.
--
-- Left out against the original: five indexes that repeat the first columns of a unique key (sessions.sender_id,
-- translation_jobs.session_id, files.session_id, batches.batch_id, batch_requests.batch_id). Added:
-- sessions.expires_at, for the clean-up.
-- SQLite has no index into JSON; the three GIN indexes are PostgreSQL's alone.

CREATE INDEX idx_sessions_status ON sessions (status);
CREATE INDEX idx_sessions_session_type ON sessions (session_type);
CREATE INDEX idx_sessions_created_at ON sessions (created_at);
CREATE INDEX idx_sessions_repository ON sessions (repository_owner, repository_name) WHERE repository_owner IS NOT NULL;
CREATE INDEX idx_sessions_expires_at ON sessions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX idx_translation_jobs_job_id ON translation_jobs (job_id);
CREATE INDEX idx_translation_jobs_github_pr_number ON translation_jobs (github_pr_number)
    WHERE github_pr_number IS NOT NULL;
CREATE INDEX idx_files_job_id ON files (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX idx_files_file_type ON files (file_type);
CREATE INDEX idx_files_content_type ON files (content_type);
CREATE INDEX idx_files_locale ON files (locale);
CREATE INDEX idx_files_relative_path ON files (relative_path);
CREATE INDEX idx_files_content_hash ON files (content_hash) WHERE content_hash IS NOT NULL;
CREATE INDEX idx_batches_session_id ON batches (session_id);
CREATE INDEX idx_batches_status ON batches (status);
CREATE INDEX idx_batches_openai_batch_id ON batches (openai_batch_id) WHERE openai_batch_id IS NOT NULL;
CREATE INDEX idx_batches_created_at ON batches (created_at);
CREATE INDEX idx_batch_requests_file_id ON batch_requests (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX idx_batch_requests_status ON batch_requests (status);
CREATE INDEX idx_batch_requests_target_locale ON batch_requests (target_locale);
CREATE INDEX idx_batch_requests_custom_id ON batch_requests (custom_id);
CREATE INDEX idx_translation_stats_session_id ON translation_stats (session_id);
CREATE INDEX idx_translation_stats_calculated_at ON translation_stats (calculated_at);
