CREATE TABLE t (id uuid PRIMARY KEY, a text, b text, c text, d text, e integer, f text, g json, h text, i text, j text,
                k integer, l text, m integer, n integer);
