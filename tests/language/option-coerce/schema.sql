CREATE TABLE t (n integer, i integer, s varchar(5));
