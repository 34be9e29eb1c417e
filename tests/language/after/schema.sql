CREATE TABLE t (n integer);
CREATE TABLE said (n integer, what text, total integer);
