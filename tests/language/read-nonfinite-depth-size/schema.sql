CREATE TABLE t (how text, n integer, v float8);
