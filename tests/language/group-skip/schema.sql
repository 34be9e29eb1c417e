CREATE TABLE t (sender text, rest text);
