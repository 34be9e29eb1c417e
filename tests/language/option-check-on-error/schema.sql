CREATE TABLE t (n integer, a integer, b integer);
