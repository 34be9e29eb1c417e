CREATE TABLE t (n integer, a text, b text);
CREATE TABLE u (n integer, a text);
