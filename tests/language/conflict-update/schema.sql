CREATE TABLE t (id integer PRIMARY KEY, v text, w text, mine text DEFAULT 'kept');
INSERT INTO t VALUES (1, 'was there', 'old', 'by hand');
