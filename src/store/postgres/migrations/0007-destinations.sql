-- Of what is held and forgiven at one node all are told.
INSERT INTO meta (name, value) SELECT 'records ' || kind, 0
FROM unnest(ARRAY['destination-forgiven', 'destination-hold']) AS kind;
