CREATE TABLE t (a text, b integer, status text, n integer, note text, PRIMARY KEY (a, b));
INSERT INTO t VALUES ('x', 1, 'posted', 1, 'p'), ('x', 2, 'draft', 5, 'q'), ('x', 3, 'draft', 1, 'r');
