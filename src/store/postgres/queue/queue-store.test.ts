import { describe } from 'node:test';
import { testQueueStore } from '../../conformance/queue-store.ts';
import { withoutPostgres } from '../test-cluster.ts';
import { openInPostgres } from '../test-stores.ts';

describe('PostgreSQL', { skip: withoutPostgres() }, () => {
  testQueueStore('PostgreSQL', openInPostgres);
});
