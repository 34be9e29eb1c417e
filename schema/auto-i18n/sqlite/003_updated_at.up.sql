-- updated_at follows real changes.
--
-- Repaired: the original sets it on every UPDATE, over an explicit value and even when nothing changes, which replaces
-- history by the time of an import's second pass. Here an UPDATE that leaves the row as it is leaves updated_at too,
-- and one that says what updated_at shall be is believed.

CREATE TRIGGER update_sessions_updated_at AFTER UPDATE ON sessions FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.sender_id IS NOT NEW.sender_id OR OLD.session_type IS NOT NEW.session_type OR
        OLD.status IS NOT NEW.status OR OLD.repository_owner IS NOT NEW.repository_owner OR
        OLD.repository_name IS NOT NEW.repository_name OR OLD.base_branch IS NOT NEW.base_branch OR
        OLD.base_commit_sha IS NOT NEW.base_commit_sha OR OLD.commit_sha IS NOT NEW.commit_sha OR
        OLD.commit_message IS NOT NEW.commit_message OR OLD.commit_author IS NOT NEW.commit_author OR
        OLD.commit_timestamp IS NOT NEW.commit_timestamp OR OLD.source_locale IS NOT NEW.source_locale OR
        OLD.target_locales IS NOT NEW.target_locales OR OLD.created_at IS NOT NEW.created_at OR
        OLD.expires_at IS NOT NEW.expires_at OR OLD.metadata IS NOT NEW.metadata)
BEGIN
    UPDATE sessions SET updated_at = strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z' WHERE rowid = NEW.rowid;
END;

CREATE TRIGGER update_translation_jobs_updated_at AFTER UPDATE ON translation_jobs FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.session_id IS NOT NEW.session_id OR OLD.job_id IS NOT NEW.job_id OR
        OLD.job_type IS NOT NEW.job_type OR OLD.source_locale IS NOT NEW.source_locale OR
        OLD.target_locales IS NOT NEW.target_locales OR OLD.github_issue_number IS NOT NEW.github_issue_number OR
        OLD.github_issue_url IS NOT NEW.github_issue_url OR OLD.github_pr_number IS NOT NEW.github_pr_number OR
        OLD.github_pr_url IS NOT NEW.github_pr_url OR OLD.github_branch IS NOT NEW.github_branch OR
        OLD.created_at IS NOT NEW.created_at)
BEGIN
    UPDATE translation_jobs SET updated_at = strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z' WHERE rowid = NEW.rowid;
END;

CREATE TRIGGER update_files_updated_at AFTER UPDATE ON files FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.session_id IS NOT NEW.session_id OR OLD.job_id IS NOT NEW.job_id OR
        OLD.file_type IS NOT NEW.file_type OR OLD.content_type IS NOT NEW.content_type OR
        OLD.format IS NOT NEW.format OR OLD.locale IS NOT NEW.locale OR OLD.relative_path IS NOT NEW.relative_path OR
        OLD.file_name IS NOT NEW.file_name OR OLD.content IS NOT NEW.content OR
        OLD.content_hash IS NOT NEW.content_hash OR OLD.file_size IS NOT NEW.file_size OR
        OLD.created_at IS NOT NEW.created_at OR OLD.metadata IS NOT NEW.metadata)
BEGIN
    UPDATE files SET updated_at = strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z' WHERE rowid = NEW.rowid;
END;

CREATE TRIGGER update_batches_updated_at AFTER UPDATE ON batches FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.batch_id IS NOT NEW.batch_id OR OLD.session_id IS NOT NEW.session_id OR
        OLD.source_locale IS NOT NEW.source_locale OR OLD.target_locales IS NOT NEW.target_locales OR
        OLD.content_types IS NOT NEW.content_types OR OLD.model IS NOT NEW.model OR
        OLD.openai_batch_id IS NOT NEW.openai_batch_id OR OLD.openai_status IS NOT NEW.openai_status OR
        OLD.total_requests IS NOT NEW.total_requests OR OLD.completed_requests IS NOT NEW.completed_requests OR
        OLD.failed_requests IS NOT NEW.failed_requests OR OLD.status IS NOT NEW.status OR
        OLD.created_at IS NOT NEW.created_at OR OLD.submitted_at IS NOT NEW.submitted_at OR
        OLD.completed_at IS NOT NEW.completed_at OR OLD.error_message IS NOT NEW.error_message OR
        OLD.manifest IS NOT NEW.manifest)
BEGIN
    UPDATE batches SET updated_at = strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z' WHERE rowid = NEW.rowid;
END;

CREATE TRIGGER update_batch_requests_updated_at AFTER UPDATE ON batch_requests FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.batch_id IS NOT NEW.batch_id OR OLD.custom_id IS NOT NEW.custom_id OR
        OLD.request_index IS NOT NEW.request_index OR OLD.file_id IS NOT NEW.file_id OR
        OLD.relative_path IS NOT NEW.relative_path OR OLD.target_locale IS NOT NEW.target_locale OR
        OLD.request_body IS NOT NEW.request_body OR OLD.response_body IS NOT NEW.response_body OR
        OLD.response_status IS NOT NEW.response_status OR OLD.status IS NOT NEW.status OR
        OLD.error_message IS NOT NEW.error_message OR OLD.created_at IS NOT NEW.created_at)
BEGIN
    UPDATE batch_requests SET updated_at = strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z' WHERE rowid = NEW.rowid;
END;
