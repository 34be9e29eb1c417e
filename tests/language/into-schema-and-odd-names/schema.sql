CREATE TABLE "odd ""name""; drop" ("SELECT" integer PRIMARY KEY, "from where" text, "a'b" text);
INSERT INTO "odd ""name""; drop" VALUES (1, 'old', 'old');
