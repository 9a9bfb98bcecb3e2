import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import { readDraft } from './draft.ts';
import { readItemShape, readSyncOptions } from './sync-options.ts';
import { collectionsMax, commandsMax, readSyncRequest } from './sync-request.ts';
import type { TagName } from './wbxml/code-pages.ts';
import { allTags } from './wbxml/code-pages.ts';
import type { Element } from './wbxml/element.ts';
import { element } from './wbxml/element.ts';

/** Tags that mean something in a Sync, in places where they do and where they don't; numbers that are none. */
const tags = allTags.filter((tag) => /^(?:AirSync|AirSyncBase|Email|Email2):/.test(tag));
const anyRequest = fc.letrec<{ element: Element }>((tie) => ({
  element: fc.record(
    {
      tag: fc.constantFrom<TagName[]>(
        ...tags,
        ...Array.from(
          { length: 20 },
          () =>
            [
              'AirSync:Collection',
              'AirSync:Options',
              'AirSync:Commands',
              'AirSync:Change',
            ] as const,
        ).flat(),
      ),
      content: fc.oneof(
        { maxDepth: 6, depthSize: 'medium' },
        fc.constantFrom('0', '1', '512', '-1', '999999999', '9999999999', '1e9', 'NaN', ' 7 '),
        anyText({ maxLength: 20 }),
        fc.uint8Array({ maxLength: 20 }).map((octets) => Buffer.from(octets)),
        fc.array(tie('element'), { maxLength: 6 }),
      ),
    },
    { noNullPrototype: true },
  ),
})).element;

const inSync = (content: readonly Element[]): Element =>
  element('AirSync:Sync', [element('AirSync:Collections', content)]);

const isCount = (value: number | undefined): boolean =>
  value === undefined || (Number.isInteger(value) && value >= 0 && value < 1e9);

describe('a Sync that is read', () => {
  it('is total: whatever stands in it is a request, or none, and its numbers are numbers', () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 5 }), fc.boolean(), (content, isWhole) => {
        const request = readSyncRequest(
          isWhole ? element('AirSync:Sync', content) : inSync(content),
        );
        if (request === undefined) return;
        const { waitSeconds } = request;
        // A HeartbeatInterval of seconds, or a Wait of minutes.
        assert.ok(isCount(waitSeconds) || isCount(waitSeconds! / 60));
        assert.ok(isCount(request.windowSize));
        for (const { windowSize, options } of request.collections)
          assert.ok(
            isCount(windowSize) && isCount(options?.filterType) && isCount(options?.conflict),
          );
      }),
      { numRuns: 1000 },
    );
  });

  it('waits for seconds, or for minutes; a wait that is no number is none', () => {
    const waits = (...content: readonly Element[]) =>
      readSyncRequest(element('AirSync:Sync', content))?.waitSeconds;
    assert.equal(waits(element('AirSync:HeartbeatInterval', '512')), 512);
    assert.equal(waits(element('AirSync:Wait', '5')), 300);
    assert.equal(waits(element('AirSync:HeartbeatInterval', '1e9')), undefined);
    assert.equal(waits(element('AirSync:Wait', '-1')), undefined);
    assert.equal(waits(), undefined);
  });

  it('is total: options, bodies and drafts', () => {
    fc.assert(
      fc.property(anyRequest, (root) => {
        const { bodies } = readItemShape(root);
        assert.ok(bodies.length <= 8);
        for (const { type, truncation, preview } of bodies)
          assert.ok(isCount(type) && isCount(truncation) && preview >= 0 && preview <= 255);
        readSyncOptions([root]);
        const draft = readDraft(root);
        assert.ok((draft?.added.length ?? 0) <= 100);
      }),
      { numRuns: 1000 },
    );
  });

  it('is none with too many collections, or changes', () => {
    const collection = (commands: number) =>
      element('AirSync:Collection', [
        element('AirSync:CollectionId', '1'),
        element(
          'AirSync:Commands',
          Array.from({ length: commands }, () => element('AirSync:Fetch')),
        ),
      ]);
    const many = (count: number) => inSync(Array.from({ length: count }, () => collection(0)));
    assert.ok(readSyncRequest(many(collectionsMax)));
    assert.equal(readSyncRequest(many(collectionsMax + 1)), undefined);
    assert.ok(readSyncRequest(inSync([collection(commandsMax)])));
    assert.equal(readSyncRequest(inSync([collection(commandsMax + 1)])), undefined);
  });
});
