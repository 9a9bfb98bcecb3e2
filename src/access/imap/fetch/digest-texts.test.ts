import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageFacts } from '../../../mail/digest/message-facts.ts';
import { standIn } from '../../../store/search/stand-in.ts';
import type { DigestItem } from './digest-texts.ts';
import { DigestTexts } from './digest-texts.ts';

const digestOf = (subject: string) =>
  messageFacts(Buffer.from(`Subject: ${subject}\r\nFrom: ann@example.org\r\n\r\nHello.\r\n`))
    .digest;
const all: readonly DigestItem[] = ['ENVELOPE', 'BODYSTRUCTURE', 'BODY', 'PREVIEW'];

describe('what FETCH says of digests', () => {
  it('is made once, and said again without the digest', () => {
    const texts = new DigestTexts();
    const first = texts.of(1);
    const digest = digestOf('Grüße "and" more');
    const said = all.map((item) => first.text(7, item, digest));
    assert.match(said[0]!, /^ENVELOPE \(NIL \{18\}\r\nGr\xc3\xbc\xc3\x9fe "and" more /);
    assert.equal(said[3], 'PREVIEW "Hello."');
    const again = texts.of(1);
    assert.ok(again.has(7, all));
    assert.deepEqual(
      all.map((item) => again.text(7, item, undefined)),
      said,
    );
  });

  it('belongs to one folder, one UID, and the items that were asked for', () => {
    const texts = new DigestTexts();
    texts.of(1).text(7, 'ENVELOPE', digestOf('one'));
    assert.ok(!texts.of(1).has(7, ['ENVELOPE', 'BODY']));
    assert.ok(!texts.of(1).has(8, ['ENVELOPE']));
    assert.ok(!texts.of(2).has(7, ['ENVELOPE']));
    assert.match(texts.of(2).text(7, 'ENVELOPE', digestOf('two')), /"two"/);
    assert.match(texts.of(1).text(7, 'ENVELOPE', undefined), /"one"/);
  });

  it('takes no more room than it has: the folder not listed for longest is forgotten, the rest is not kept', () => {
    const digest = digestOf('some');
    const each = 100 + `ENVELOPE ${new DigestTexts().of(1).text(1, 'ENVELOPE', digest)}`.length;
    const texts = new DigestTexts(4 * each + 4 * 50);
    const fill = (folder: number, uids: readonly number[]) => {
      const listed = texts.of(folder);
      for (const uid of uids) listed.text(uid, 'ENVELOPE', digest);
      return listed;
    };
    const kept = (folder: number, uids: readonly number[]) =>
      uids.filter((uid) => texts.of(folder).has(uid, ['ENVELOPE']));
    const early = fill(1, [1, 2]);
    fill(2, [1, 2]);
    texts.of(1);
    fill(3, [1]);
    assert.deepEqual([kept(2, [1, 2]), kept(1, [1, 2]), kept(3, [1])], [[], [1, 2], [1]]);
    // Of one folder no more than there is room for; who lists one that was forgotten is answered.
    assert.deepEqual(kept(4, [1]), []);
    fill(4, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(kept(4, [1, 2, 3, 4, 5, 6]), [1, 2, 3, 4]);
    assert.match(early.text(1, 'ENVELOPE', undefined), /"some"/);
    assert.match(early.text(9, 'ENVELOPE', digest), /"some"/);
    assert.deepEqual(kept(1, [9]), []);
  });

  it('is not kept of what stands in for content that cannot be read: it may come back', () => {
    const texts = new DigestTexts();
    const { digest } = messageFacts(standIn({ from: 'Ann <ann@example.org>', subject: 'one' }));
    for (const item of all) texts.of(1).text(7, item, digest);
    assert.deepEqual(
      all.filter((item) => texts.of(1).has(7, [item])),
      [],
    );
    assert.equal(texts.of(1).text(7, 'PREVIEW', digestOf('one')), 'PREVIEW "Hello."');
  });

  it('is not kept where it is very long', () => {
    const texts = new DigestTexts();
    const long = digestOf('x'.repeat(20_000));
    assert.ok(texts.of(1).text(1, 'ENVELOPE', long).length > 20_000);
    assert.ok(!texts.of(1).has(1, ['ENVELOPE']));
  });
});
