CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s');
CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'bad');
CREATE TABLE t (n integer, a text[], m integer[], e mood, jb jsonb, c short, ip inet);
