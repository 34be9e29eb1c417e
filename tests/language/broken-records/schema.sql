CREATE TABLE lines (f text, n integer);
CREATE TABLE files (f text, n integer);
