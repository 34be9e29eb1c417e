CREATE TABLE authors (id integer PRIMARY KEY, name text NOT NULL, tenant integer NOT NULL, UNIQUE (name, tenant));
CREATE TABLE books (title text PRIMARY KEY, author_id integer NOT NULL REFERENCES authors (id), editor_id integer REFERENCES authors (id));
INSERT INTO authors (name, tenant) VALUES ('was there', 1), ('Ann A', 2);
