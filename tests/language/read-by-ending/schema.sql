CREATE TABLE t (f text, v text, w text);
