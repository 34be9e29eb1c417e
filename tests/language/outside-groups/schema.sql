CREATE TABLE t (who text PRIMARY KEY, day text, host text, zone text, files text);
