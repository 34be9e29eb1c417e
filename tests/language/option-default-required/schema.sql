CREATE TABLE t (n integer, a text, b text, c text DEFAULT 'from the table', d json);
