import { describe } from 'node:test';
import { testHistory } from '../../conformance/history.ts';
import { testCluster, withoutPostgres } from '../test-cluster.ts';
import { openNodeHistory } from './test-history.ts';

describe('PostgreSQL', { skip: withoutPostgres() }, () => {
  testHistory('PostgreSQL', async () => openNodeHistory(await (await testCluster()).database()));
});
