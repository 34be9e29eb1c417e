CREATE TABLE t (n integer, t timestamptz);
