CREATE TABLE files (id text PRIMARY KEY);
