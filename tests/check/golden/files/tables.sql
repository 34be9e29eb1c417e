CREATE TABLE documents (name TEXT, value TEXT);
CREATE TABLE lines (name TEXT, value TEXT);
CREATE TABLE pages (name TEXT, value TEXT);
