-- Large content may lie in an object store: what the object is called there, and the beginning of the content.
ALTER TABLE content ADD COLUMN object text;
ALTER TABLE content ADD COLUMN head bytea;
ALTER TABLE content ALTER COLUMN head SET STORAGE EXTERNAL;
CREATE INDEX content_object ON content (freed) WHERE object IS NOT NULL AND freed IS NOT NULL;
