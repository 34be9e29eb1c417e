CREATE TABLE t (f text, v text, b bytea);
