CREATE TABLE posts (id integer PRIMARY KEY, text text, language text, status text, position integer DEFAULT 99);
