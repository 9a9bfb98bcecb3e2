import { testMailboxStore } from '../conformance/mailbox-store.ts';
import { openInDirectory, openInMemory } from './test-stores.ts';

testMailboxStore('sqlite in memory', openInMemory);
testMailboxStore('sqlite in a worker', openInDirectory('worker'));
