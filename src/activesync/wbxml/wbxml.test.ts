import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import type { TagName } from './code-pages.ts';
import { allTags, placeOf, tagAt } from './code-pages.ts';
import { decodeWbxml } from './decoder.ts';
import type { Element } from './element.ts';
import { child, childFlag, childNumber, childText, element, octetsOf } from './element.ts';
import { encodeWbxml } from './encoder.ts';
import { defaultWbxmlLimits } from './limits.ts';

const head = [0x03, 0x01, 0x6a, 0x00];
const octetsFrom = (...octets: readonly (number | string)[]): Buffer =>
  Buffer.concat(
    octets.map((each) => (typeof each === 'string' ? Buffer.from(each) : Buffer.of(each))),
  );
const documentOf = (octets: Uint8Array): Element => {
  const decoded = decodeWbxml(octets);
  assert.equal(decoded.kind, 'document', JSON.stringify(decoded));
  return decoded.root;
};
const whyNot = (octets: Uint8Array): string => {
  const decoded = decodeWbxml(octets);
  assert.equal(decoded.kind, 'malformed');
  return decoded.why;
};

/** Any document, as it comes back: an empty text or octet string is an empty element. */
const anyElement = fc.letrec<{ element: Element }>((tie) => ({
  element: fc.record(
    {
      tag: fc.constantFrom<TagName[]>(...allTags),
      content: fc.oneof(
        { maxDepth: 8, depthSize: 'medium' },
        anyText({ minLength: 1, maxLength: 20 }).filter((text) => !unwritten.test(text)),
        fc.uint8Array({ minLength: 1, maxLength: 300 }).map((octets) => Buffer.from(octets)),
        fc.array(tie('element'), { maxLength: 5 }),
      ),
    },
    { noNullPrototype: true },
  ),
})).element;
const unwritten = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

describe('WBXML', () => {
  it('[MS-ASWBXML] 2.1.2: a document is written as the documents show it', () => {
    const folderSync = element('FolderHierarchy:FolderSync', [
      element('FolderHierarchy:SyncKey', '0'),
    ]);
    const octets = octetsFrom(...head, 0x00, 0x07, 0x56, 0x52, 0x03, '0', 0, 0x01, 0x01);
    assert.deepEqual(encodeWbxml(folderSync), octets);
    assert.deepEqual(documentOf(octets), folderSync);
  });

  it('a document that was written stays as it is while others are, larger ones among them', () => {
    const written = [10, 5, 2 ** 21, 10].map((length, i) => {
      const root = element('AirSyncBase:Data', Buffer.alloc(length, i));
      return { root, octets: encodeWbxml(root) };
    });
    for (const { root, octets } of written) assert.deepEqual(documentOf(octets), root);
  });

  it('has no two tags of one number', () => {
    assert.equal(new Set(allTags.map(placeOf)).size, allTags.length);
    for (const tag of allTags) assert.equal(tagAt(placeOf(tag) >> 8, placeOf(tag) & 0xff), tag);
    assert.ok(allTags.every((tag) => (placeOf(tag) & 0xff) <= 0x3f));
  });

  it('gives back what was written', () => {
    fc.assert(
      fc.property(anyElement, (root) => assert.deepEqual(documentOf(encodeWbxml(root)), root)),
    );
  });

  it('is total: any octets are a document or malformed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (octets, isBody) => {
        decodeWbxml(isBody ? Buffer.concat([Buffer.from(head), octets]) : octets);
      }),
      { numRuns: 2000 },
    );
  });

  it('is total: any document of which octets were changed, cut or doubled', () => {
    const change = fc.record({ at: fc.nat(), octet: fc.nat(255), cut: fc.boolean() });
    fc.assert(
      fc.property(anyElement, fc.array(change, { maxLength: 4 }), (root, changes) => {
        let octets: Buffer = encodeWbxml(root);
        for (const { at, octet, cut } of changes) {
          octets[at % octets.length] = octet;
          if (cut) octets = Buffer.concat([octets.subarray(0, at % octets.length), octets]);
        }
        decodeWbxml(octets);
      }),
    );
  });

  it('leaves out what XML has no character for', () => {
    const [nul, bell, half] = ['\0', '\u0007', '\ud800'];
    const written = encodeWbxml(element('Email:Subject', `a${nul}b${bell}c${half}d\te\r\n😀`));
    assert.equal(documentOf(written).content, 'abcd\te\r\n😀');
  });

  it('reads numbers of several octets', () => {
    for (const length of [0x7f, 0x80, 0x3fff, 0x4000, 0x20_0000]) {
      const octets = Buffer.alloc(length, 7);
      assert.deepEqual(
        documentOf(encodeWbxml(element('ComposeMail:MIME', octets))).content,
        octets,
      );
    }
  });

  it('skips tags and pages that nobody knows, with what is in them', () => {
    const inside = [0x00, 0x30, 0x45, 0x46, 0x03, 'x', 0, 0x01, 0x01, 0x00, 0x00];
    const octets = octetsFrom(...head, 0x45, ...inside, 0x7f, 0x03, 'y', 0, 0x01, 0x16, 0x01);
    assert.deepEqual(documentOf(octets), {
      tag: 'AirSync:Sync',
      content: [{ tag: 'AirSync:Commands', content: [] }],
    });
    assert.match(whyNot(octetsFrom(...head, 0x00, 0x30, 0x45, 0x01)), /no kind that is known/);
  });

  it('W3C WBXML: string tables, entities, attributes, literals and extensions', () => {
    const table = [0x03, 0x01, 0x6a, 6, 'ab', 0, 'cd', 0];
    // A literal, a switch of pages whose number looks like the end, an attribute of one octet.
    const attributes = [0x04, 0, 0x03, 'v', 0, 0x83, 3, 0x00, 0x01, 0x04, 0x01, 0x05, 0x01];
    const octets = octetsFrom(
      ...table,
      ...[0xc5, ...attributes],
      ...[0x4b, 0x83, 3, 0x02, 0x41, 0x03, 'z', 0, 0x01],
      ...[0x44, 0, 0x03, 'literal', 0, 0x01],
      ...[0x40, 'ext', 0, 0x80, 1, 0xc0, 0x42, 'ext', 0, 0x82, 1, 0xc2],
      0x01,
    );
    assert.deepEqual(documentOf(octets), {
      tag: 'AirSync:Sync',
      content: [{ tag: 'AirSync:SyncKey', content: 'cdAz' }],
    });
  });

  it('W3C WBXML: versions 1.1 to 1.3', () => {
    for (const version of [1, 2, 3])
      assert.equal(documentOf(octetsFrom(version, 0x01, 0x6a, 0, 0x05)).tag, 'AirSync:Sync');
    assert.match(whyNot(octetsFrom(0, 0x01, 0x6a, 0, 0x05)), /version/);
    assert.match(whyNot(octetsFrom(4, 0x01, 0x6a, 0, 0x05)), /version/);
  });

  for (const [what, octets, why] of [
    ['nothing', [], /too early/],
    ['another version', [0x10, 1, 0x6a, 0], /version/],
    ['another character set', [3, 1, 4, 0, 0x05], /UTF-8/],
    ['a string table longer than the document', [3, 1, 0x6a, 0x7f], /too early/],
    ['an end without a beginning', [...head, 0x01], /without a beginning/],
    ['text outside', [...head, 0x03, 0x41, 0], /outside/],
    ['a string without an end', [...head, 0x45, 0x03, 0x41], /does not end/],
    ['octets that are not there', [...head, 0x45, 0xc3, 0x8f, 0xff, 0xff, 0xff, 0x7f], /too early/],
    ['a number without an end', [...head, 0x45, 0xc3, 0x80, 0x80, 0x80, 0x80, 0x80], /too long/],
    ['a string that the table has not', [...head, 0x45, 0x83, 9, 0x01], /no such string/],
    ['elements that are not closed', [...head, 0x45, 0x45], /too early/],
  ] as const)
    it(`is malformed: ${what}`, () => assert.match(whyNot(octetsFrom(...octets)), why));

  it('is malformed when it is nested too deeply, or has too many elements or pieces of text', () => {
    const { depthMax, elementsMax } = defaultWbxmlLimits;
    const nested = (depth: number) =>
      octetsFrom(...head, ...Array(depth).fill(0x45), ...Array(depth).fill(0x01));
    documentOf(nested(depthMax));
    assert.match(whyNot(nested(depthMax + 1)), /deeply/);
    const many = (count: number) =>
      Buffer.concat([octetsFrom(...head, 0x45), Buffer.alloc(count - 1, 0x05), octetsFrom(0x01)]);
    documentOf(many(elementsMax));
    assert.match(whyNot(many(elementsMax + 1)), /too many/);
    const { textsMax } = defaultWbxmlLimits;
    const entities = (count: number) =>
      Buffer.concat([octetsFrom(...head, 0x45), Buffer.alloc(count * 2, '\u0002A'), Buffer.of(1)]);
    assert.equal(documentOf(entities(textsMax)).content, 'A'.repeat(textsMax));
    assert.match(whyNot(entities(textsMax + 1)), /too many pieces/);
  });

  it('does not grow what the string table holds', () => {
    const text = 'x'.repeat(10_000);
    const quote = [0x4b, 0x83, 0, 0x01];
    const octets = octetsFrom(
      ...[0x03, 0x01, 0x6a, 0xce, 0x11, text, 0, 0x45],
      ...Array(1000).fill(quote).flat(),
      0x01,
    );
    assert.match(whyNot(octets), /too often/);
  });

  it('takes time that is linear', () => {
    const octets = (count: number) =>
      Buffer.concat([
        octetsFrom(...head, 0x45),
        ...Array<Buffer>(count).fill(octetsFrom(0x4b, 0x03, 'abc', 0, 0x02, 0x41, 0x01)),
        octetsFrom(0x01),
      ]);
    assertLinear(decodeWbxml, octets, 500);
  });

  it('gives text, numbers, flags and octets of children', () => {
    const tag: TagName = 'AirSync:Collection';
    const parent = element(tag, [
      element('AirSync:WindowSize', ' 100'),
      element('AirSync:GetChanges'),
      element('AirSync:DeletesAsMoves', '0'),
      element('AirSync:SyncKey', Buffer.from('ä')),
      element('AirSync:FilterType', '99999999999'),
      undefined,
    ]);
    assert.equal(childNumber(parent, 'AirSync:WindowSize'), 100);
    assert.equal(childNumber(parent, 'AirSync:FilterType'), undefined);
    assert.equal(childFlag(parent, 'AirSync:GetChanges'), true);
    assert.equal(childFlag(parent, 'AirSync:DeletesAsMoves'), false);
    assert.equal(childFlag(parent, 'AirSync:Partial'), undefined);
    assert.equal(childText(parent, 'AirSync:SyncKey'), 'ä');
    assert.equal(child(parent, 'AirSync:Sync'), undefined);
    assert.deepEqual(octetsOf(element('ComposeMail:MIME', 'ä')), Buffer.from('ä'));
  });
});
