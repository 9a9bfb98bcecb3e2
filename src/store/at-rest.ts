// The other door to the implementation of the stores: a data directory is looked at and copied without
// being opened, beside the server that uses it or as a backup. Commands that only do this read no more.

export { contentFiles, copyDatabase, databaseFile, inspectStore } from './sqlite/inspection.ts';
export { inspectMove } from './sqlite/moving/marks.ts';
