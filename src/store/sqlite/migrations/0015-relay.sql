-- Mail for other servers is relayed: one word for it, in rows as in the code.
UPDATE recipient SET delivery = 'relay' WHERE delivery = 'remote';
