CREATE TABLE t (how text, n integer, s text);
