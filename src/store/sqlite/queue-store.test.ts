import { testQueueStore } from '../conformance/queue-store.ts';
import { openInDirectory, openInMemory } from './test-stores.ts';

testQueueStore('sqlite in memory', openInMemory);
testQueueStore('sqlite in this thread', openInDirectory('in-process'));
testQueueStore('sqlite in a worker', openInDirectory('worker'));
