-- What one node asks the others, and what they answer, all are told of.
INSERT INTO meta (name, value) VALUES ('records node-answer', 0), ('records node-question', 0);
