CREATE TABLE t (a bytea, b bytea, c bytea);
