import { describe } from 'node:test';
import { testFolderStore } from '../../conformance/folder-store.ts';
import { withoutPostgres } from '../test-cluster.ts';
import { openInPostgres } from '../test-stores.ts';

describe('PostgreSQL', { skip: withoutPostgres() }, () => {
  testFolderStore('PostgreSQL', openInPostgres);
});
