CREATE TABLE things (id INTEGER PRIMARY KEY, uid UUID, name VARCHAR(10) NOT NULL, note TEXT, kind INTEGER, size INTEGER,
    at TIMESTAMPTZ, day DATE, amount NUMERIC(6, 2), nested TEXT, setting TEXT, price REAL, count NUMERIC, label TEXT, first TEXT,
    number NUMERIC, word TEXT);
