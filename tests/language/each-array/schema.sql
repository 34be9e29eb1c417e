CREATE TABLE lines (order_id integer, position integer, sku text, qty integer, PRIMARY KEY (order_id, position));
