CREATE TABLE files (run integer, job text, name text, size integer, last text, at integer);
