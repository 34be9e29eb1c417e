-- updated_at is the writers' own business again.

DROP TRIGGER update_batch_requests_updated_at ON batch_requests;
DROP TRIGGER update_batches_updated_at ON batches;
DROP TRIGGER update_files_updated_at ON files;
DROP TRIGGER update_translation_jobs_updated_at ON translation_jobs;
DROP TRIGGER update_sessions_updated_at ON sessions;
DROP FUNCTION update_updated_at_column();
