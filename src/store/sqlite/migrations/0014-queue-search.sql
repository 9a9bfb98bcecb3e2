-- What an operator looks for in the queue, side by side: rows of messages hold their content, and looking through
-- 100,000 of them would read it all.
CREATE INDEX message_facts ON message (key, sender, message_id, received);
