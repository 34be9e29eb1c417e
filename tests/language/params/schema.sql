CREATE TABLE t (zone text, tenant integer, factor numeric, level text, short text, none text, sum integer);
