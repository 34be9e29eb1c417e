CREATE TABLE t (n integer, b boolean, i2 smallint, i4 integer, i8 bigint, num numeric, num2 numeric(6,2), f8 double precision,
                v varchar(5), u uuid, d date, ts timestamp, j json);
