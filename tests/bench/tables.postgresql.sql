CREATE TABLE narrow (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    score integer,
    active boolean,
    created timestamptz,
    city text,
    note text,
    ref varchar(40)
);
CREATE TABLE keyed (
    ref varchar(40) PRIMARY KEY,
    user_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    score integer,
    active boolean,
    created timestamptz,
    city text,
    note text
);
CREATE TABLE wide (id uuid PRIMARY KEY, body jsonb NOT NULL);
CREATE TABLE small (id bigint PRIMARY KEY, body jsonb NOT NULL);
