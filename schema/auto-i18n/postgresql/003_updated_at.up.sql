-- updated_at follows real changes.
--
-- Repaired: the original sets it on every UPDATE, over an explicit value and even when nothing changes, which replaces
-- history by the time of an import's second pass. Here an UPDATE that leaves the row as it is leaves updated_at too,
-- and one that says what updated_at shall be is believed.

CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER update_sessions_updated_at BEFORE UPDATE ON sessions FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_translation_jobs_updated_at BEFORE UPDATE ON translation_jobs FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_files_updated_at BEFORE UPDATE ON files FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_batches_updated_at BEFORE UPDATE ON batches FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_batch_requests_updated_at BEFORE UPDATE ON batch_requests FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();
