CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, kind text NOT NULL DEFAULT 'new',
                size integer GENERATED ALWAYS AS (length(name)) STORED);
