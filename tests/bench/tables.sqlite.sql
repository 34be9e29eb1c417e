CREATE TABLE narrow (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    score INTEGER,
    active BOOLEAN,
    created DATETIME,
    city TEXT,
    note TEXT,
    ref TEXT
);
CREATE TABLE keyed (
    ref TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    score INTEGER,
    active BOOLEAN,
    created DATETIME,
    city TEXT,
    note TEXT
);
CREATE TABLE wide (id TEXT PRIMARY KEY, body JSON NOT NULL);
CREATE TABLE small (id INTEGER PRIMARY KEY, body JSON NOT NULL);
