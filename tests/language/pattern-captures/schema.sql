CREATE TABLE files (path text, sender text, year integer, kind text, n text, rest text);
