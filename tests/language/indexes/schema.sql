CREATE TABLE requests (id text, locale text, body text, tag text);
