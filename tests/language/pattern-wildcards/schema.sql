CREATE TABLE files (rule text, path text);
