import { testFolderStore } from '../../conformance/folder-store.ts';
import { openInDirectory, openInMemory } from '../test-stores.ts';

testFolderStore('sqlite in memory', openInMemory);
testFolderStore('sqlite in a worker', openInDirectory('worker'));
