CREATE TABLE t (n integer, a text, b integer);
