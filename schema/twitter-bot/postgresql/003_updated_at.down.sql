-- updated_at is the writers' own business again.

DROP TRIGGER system_state_updated_at ON system_state;
DROP TRIGGER users_updated_at ON users;
DROP TRIGGER translations_updated_at ON translations;
DROP FUNCTION set_updated_at();
