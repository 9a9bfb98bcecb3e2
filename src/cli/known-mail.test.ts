// What lies in a folder already is left out of an import; what cannot be compared is none of it.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { OperationError } from '../admin/operations.ts';
import { KnownMail } from './known-mail.ts';

const ann = 'ann@example.org';
const line = (id: string, size: number) => ({
  ...{ id, mailbox: ann, folder: 'INBOX', uid: 1, from: '', subject: '', size },
  ...{ received: '2026-01-01T00:00:00Z', flags: [] },
});

const holding = (
  listed: Record<string, string>,
  show: (id: string) => string,
  isThere = () => true,
) =>
  KnownMail.in(
    {
      async *mailList() {
        if (!isThere()) throw new OperationError('the server has just stopped; try again');
        for (const [id, text] of Object.entries(listed)) yield line(id, text.length);
      },
      async *mailShow({ id }: { id: string }) {
        yield Buffer.from(show(id));
      },
    },
    ann,
    'INBOX',
  );

it('known mail: a message that was deleted after it was listed holds nothing up', async () => {
  const listed = { m1: 'first', m2: 'other', m3: 'third' };
  const known = await holding(listed, (id) => {
    if (id === 'm2') throw new OperationError(`${ann} has no message m2`);
    return listed[id as keyof typeof listed];
  });
  assert.equal(await known.has(Buffer.from('other')), false);
  assert.equal(await known.has(Buffer.from('third')), true, 'what is listed behind it is compared');
});

it('known mail: a server that is gone is no message that is gone', async () => {
  let isThere = true;
  const stopping = () => {
    isThere = false;
    throw new OperationError('the server stopped before it had answered; try again');
  };
  const asked = await holding({ m1: 'first' }, stopping, () => isThere);
  await assert.rejects(asked.has(Buffer.from('first')), /has just stopped/);
  const known = await holding({ m1: 'first' }, () => {
    throw new Error('the connection was closed');
  });
  await assert.rejects(known.has(Buffer.from('first')), /connection was closed/);
});
