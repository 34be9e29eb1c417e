CREATE TABLE t (n integer, a json, b text);
