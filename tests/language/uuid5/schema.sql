CREATE TABLE parents (id uuid PRIMARY KEY, sender text, n integer, UNIQUE (sender, n));
CREATE TABLE children (id uuid PRIMARY KEY, parent_id uuid NOT NULL REFERENCES parents (id), k text);
