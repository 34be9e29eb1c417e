CREATE TABLE t (a text, b text, c text, d numeric, e text, f text, g text);
