CREATE TABLE t (a blob, b blob, c blob);
