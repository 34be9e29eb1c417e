CREATE TABLE owners (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE things (id uuid PRIMARY KEY, owner_id uuid NOT NULL REFERENCES owners (id), label text NOT NULL, UNIQUE (owner_id, label));
CREATE TABLE uses (n integer PRIMARY KEY, thing_id uuid REFERENCES things (id));
