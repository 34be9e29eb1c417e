CREATE TABLE t (n integer, a text[], m json, e text CHECK (e IN ('sad', 'ok', 'it''s')), jb jsonb, c varchar(3) CHECK (c <> 'bad'), ip text);
