import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoredContent } from './content.ts';
import { inlineBytesMax } from './content.ts';
import { keepWhole } from './whole-content.ts';

function spooling() {
  const files = new Map<string, number>();
  const spool = {
    async store(bytes: Uint8Array): Promise<StoredContent> {
      files.set('a', bytes.length);
      return { kind: 'file', key: 'a', size: bytes.length };
    },
    remove: async (key: string) => void files.delete(key),
  };
  return { files, spool };
}

describe('content that is whole in memory', () => {
  it('is kept in a row where it is small, else as a file', async () => {
    const { files, spool } = spooling();
    const kept = async (content: StoredContent) => content.kind;
    assert.equal(await keepWhole(Buffer.alloc(inlineBytesMax), spool, kept), 'inline');
    assert.equal(files.size, 0);
    assert.equal(await keepWhole(Buffer.alloc(inlineBytesMax + 1), spool, kept), 'file');
    assert.equal(files.get('a'), inlineBytesMax + 1);
  });

  it('leaves no file behind where it is not kept', async () => {
    const { files, spool } = spooling();
    const full = () => Promise.reject(new Error('full'));
    await assert.rejects(keepWhole(Buffer.alloc(inlineBytesMax + 1), spool, full), /^Error: full$/);
    assert.equal(files.size, 0);
  });
});
