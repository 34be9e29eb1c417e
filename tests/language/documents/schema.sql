CREATE TABLE requests (sender text, id integer, model text, name text, notes text);
