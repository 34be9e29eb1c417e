-- updated_at follows real changes, whoever makes them.
--
-- The bot sets it in its program alone, so rows that other tools change keep the old time. An UPDATE that leaves the
-- row as it is leaves updated_at too, and one that says what updated_at shall be is believed.

CREATE TRIGGER translations_updated_at AFTER UPDATE ON translations FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.original_tweet_id IS NOT NEW.original_tweet_id OR
        OLD.translated_text IS NOT NEW.translated_text OR OLD.target_language IS NOT NEW.target_language OR
        OLD.status IS NOT NEW.status OR OLD.created_at IS NOT NEW.created_at OR OLD.post_id IS NOT NEW.post_id OR
        OLD.posted_at IS NOT NEW.posted_at OR OLD.error_info IS NOT NEW.error_info OR
        OLD.retry_count IS NOT NEW.retry_count OR OLD.character_count IS NOT NEW.character_count OR
        OLD.translation_metadata IS NOT NEW.translation_metadata)
BEGIN
    UPDATE translations SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE rowid = NEW.rowid;
END;

CREATE TRIGGER users_updated_at AFTER UPDATE ON users FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.account_name IS NOT NEW.account_name OR
        OLD.account_type IS NOT NEW.account_type OR OLD.api_credentials IS NOT NEW.api_credentials OR
        OLD.settings IS NOT NEW.settings OR OLD.created_at IS NOT NEW.created_at OR
        OLD.last_active IS NOT NEW.last_active OR OLD.is_active IS NOT NEW.is_active)
BEGIN
    UPDATE users SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE rowid = NEW.rowid;
END;

CREATE TRIGGER system_state_updated_at AFTER UPDATE ON system_state FOR EACH ROW
    WHEN NEW.updated_at IS OLD.updated_at AND (
        OLD.id IS NOT NEW.id OR OLD.key IS NOT NEW.key OR OLD.value IS NOT NEW.value OR
        OLD.description IS NOT NEW.description OR OLD.state_type IS NOT NEW.state_type OR
        OLD.created_at IS NOT NEW.created_at)
BEGIN
    UPDATE system_state SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE rowid = NEW.rowid;
END;
