CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, mail varchar(40) UNIQUE, size integer GENERATED ALWAYS AS (length(name)) STORED, at timestamptz, ok boolean, tag text DEFAULT 'x', n integer);
CREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), title text NOT NULL, body text, data bytea, lang text);
CREATE TABLE keyless (a text, b text);
CREATE TABLE pairs (a text NOT NULL, b text NOT NULL, v json, PRIMARY KEY (a, b));
