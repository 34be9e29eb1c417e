-- updated_at is the writers' own business again.

DROP TRIGGER update_batch_requests_updated_at;
DROP TRIGGER update_batches_updated_at;
DROP TRIGGER update_files_updated_at;
DROP TRIGGER update_translation_jobs_updated_at;
DROP TRIGGER update_sessions_updated_at;
