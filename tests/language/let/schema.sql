CREATE TABLE people (name text, pair text, length integer);
