CREATE TABLE t (k text, last integer, first integer, every text, one integer);
