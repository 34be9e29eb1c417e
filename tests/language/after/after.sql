-- two statements; a semicolon in a string
INSERT INTO said VALUES (4, 'file; first', 0);
INSERT INTO said SELECT 5, 'file, second', count(*) FROM said;
