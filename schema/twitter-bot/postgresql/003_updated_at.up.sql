-- updated_at follows real changes, whoever makes them.
--
-- The bot sets it in its program alone, so rows that other tools change keep the old time. An UPDATE that leaves the
-- row as it is leaves updated_at too, and one that says what updated_at shall be is believed.
--
-- Rows are compared as text: the type json has no equality.

CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER translations_updated_at BEFORE UPDATE ON translations FOR EACH ROW
    WHEN (OLD.*::text IS DISTINCT FROM NEW.*::text AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER users_updated_at BEFORE UPDATE ON users FOR EACH ROW
    WHEN (OLD.*::text IS DISTINCT FROM NEW.*::text AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER system_state_updated_at BEFORE UPDATE ON system_state FOR EACH ROW
    WHEN (OLD.*::text IS DISTINCT FROM NEW.*::text AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION set_updated_at();
