import { testSpamStore } from '../conformance/spam-store.ts';
import { openInDirectory, openInMemory } from './test-stores.ts';

testSpamStore('sqlite in memory', openInMemory);
testSpamStore('sqlite in a worker', openInDirectory('worker'));
