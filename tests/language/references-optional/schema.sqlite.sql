CREATE TABLE owners (id text PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE things (id text PRIMARY KEY, owner_id text NOT NULL REFERENCES owners (id), label text NOT NULL, UNIQUE (owner_id, label));
CREATE TABLE uses (n integer PRIMARY KEY, thing_id text REFERENCES things (id));
