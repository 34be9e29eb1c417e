CREATE TABLE logs (how text, line integer, n integer, at text, text text);
