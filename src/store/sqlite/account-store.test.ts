import { testAccountStore } from '../conformance/account-store.ts';
import { openInDirectory, openInMemory } from './test-stores.ts';

testAccountStore('sqlite in memory', openInMemory);
testAccountStore('sqlite in a worker', openInDirectory('worker'));
