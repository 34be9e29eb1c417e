CREATE TABLE a (n integer PRIMARY KEY, who text, size integer);
CREATE TABLE b (name text PRIMARY KEY, who text);
