-- updated_at is the writers' own business again.

DROP TRIGGER system_state_updated_at;
DROP TRIGGER users_updated_at;
DROP TRIGGER translations_updated_at;
