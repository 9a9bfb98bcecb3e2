import { testRecordStore } from '../conformance/record-store.ts';
import { openInDirectory, openInMemory } from './test-stores.ts';

testRecordStore('sqlite in memory', openInMemory);
testRecordStore('sqlite in a worker', openInDirectory('worker'));
