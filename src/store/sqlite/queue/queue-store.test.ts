import { testQueueStore } from '../../conformance/queue-store.ts';
import { openInDirectory, openInMemory, openJournaledInMemory } from '../test-stores.ts';

const journal = { prepare: true, segmentBytes: 2 ** 20 };

testQueueStore('sqlite in memory', openInMemory);
testQueueStore('sqlite in this thread', openInDirectory('in-process', false));
testQueueStore('sqlite in memory, with a journal', openJournaledInMemory);
testQueueStore('sqlite in a worker, with a journal', openInDirectory('worker', journal));
