// What has a suite of its own, and is small.

import { describe } from 'node:test';
import { testAccountStore } from '../conformance/account-store.ts';
import { testRecordStore } from '../conformance/record-store.ts';
import { testSpamStore } from '../conformance/spam-store.ts';
import { withoutPostgres } from './test-cluster.ts';
import { openInPostgres } from './test-stores.ts';

describe('PostgreSQL', { skip: withoutPostgres() }, () => {
  testAccountStore('PostgreSQL', openInPostgres);
  testRecordStore('PostgreSQL', openInPostgres);
  testSpamStore('PostgreSQL', openInPostgres);
});
