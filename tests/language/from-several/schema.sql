CREATE TABLE posts (name text PRIMARY KEY, text text);
