CREATE TABLE batches (sender text NOT NULL, batch text NOT NULL, path text, PRIMARY KEY (sender, batch));
CREATE TABLE lines (sender text NOT NULL, batch text NOT NULL, n integer NOT NULL, PRIMARY KEY (sender, batch, n),
                    FOREIGN KEY (sender, batch) REFERENCES batches (sender, batch));
