import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { findHeaderEnd } from '../mail/header/header.ts';
import { ArcCheck } from './arc.ts';
import { arcSet } from './arc-seal.ts';
import { SignedMessage } from './signed-message.ts';

const directory = join(import.meta.dirname, '../../../shared/data/arc');
const skip = existsSync(directory) ? false : `${directory} is not there`;

interface Section {
  readonly description: string;
  readonly tests: Readonly<Record<string, ArcTest>>;
  readonly 'txt-records': Readonly<Record<string, string>>;
  readonly domain: string;
  readonly sel: string;
  readonly privatekey: string;
}
interface ArcTest {
  readonly description: string;
  readonly message: string;
  readonly cv: string;
}

const sectionsOf = (file: string): readonly Section[] =>
  skip === false
    ? parseAllDocuments(distinctNames(readFileSync(join(directory, file), 'utf8')), {
        strict: false,
        uniqueKeys: false,
      }).map((document) => document.toJS() as Section)
    : [];

/** Four cases have the name of another one. */
function distinctNames(source: string): string {
  let count = 0;
  return source.replace(/^ {2}(\w+):$/gm, (_, name) => {
    count += 1;
    return `  ${name}_${count}:`;
  });
}

const resolverOf = (records: Section['txt-records']) =>
  new FakeResolver(
    Object.fromEntries(
      Object.entries(records).map(([name, text]) => [
        name,
        { TXT: [text.replace(/\s*\n\s*/g, '')] },
      ]),
    ),
  );

const octetsOf = (text: string) => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8');

async function verdictOf(message: Buffer, resolver: FakeResolver) {
  const end = findHeaderEnd(message);
  const signed = new SignedMessage(message.subarray(0, end));
  const check = new ArcCheck(signed);
  signed.update(message.subarray(end));
  return check.verdict(resolver, 20_000);
}

/** An empty `cv` is that of a chain which says itself that it is broken. */
const expectedOf = (name: string, cv: string): string =>
  // RFC 6376 §3.5: h= names at least one field. The suite has it pass.
  name.startsWith('ams_fields_h_empty') ? 'fail' : cv.trim().toLowerCase() || 'fail';

describe('ARC: chains that are checked (RFC 8617 §5.2)', { skip }, () => {
  let tests = 0;
  for (const section of sectionsOf('arc-draft-validation-tests.yml')) {
    const resolver = resolverOf(section['txt-records'] ?? {});
    for (const [name, { description, message, cv }] of Object.entries(section.tests)) {
      tests += 1;
      it(`${section.description.trim()}, ${name}: ${description}`, async () => {
        const verdict = await verdictOf(octetsOf(message), resolver);
        assert.equal(verdict.result, expectedOf(name, cv), JSON.stringify(verdict));
      });
    }
  }
  it('are all there', () => assert.equal(tests, 175));
});

describe('ARC: sealed by others', { skip }, () => {
  const folder = join(directory, 'messages');
  for (const name of skip === false ? readdirSync(folder) : [])
    it(name, async () => {
      const text = readFileSync(join(folder, name), 'latin1').replace(/\r?\n/g, '\r\n');
      const at = text.indexOf('\r\n\r\n');
      const records = text.slice(0, at).split('\r\n');
      const zone = records.map((line) => [
        line.slice(0, line.indexOf(' ')),
        line.slice(line.indexOf(' ') + 1),
      ]);
      const verdict = await verdictOf(
        Buffer.from(text.slice(at + 4), 'latin1'),
        resolverOf(Object.fromEntries(zone)),
      );
      assert.equal(verdict.result, 'pass', JSON.stringify(verdict));
      assert.ok(verdict.sealers.length > 0);
    });
});

interface SealTest extends ArcTest {
  readonly t: number;
  readonly 'sig-headers': string;
  readonly 'srv-id': string;
  readonly AS: string;
  readonly AMS: string;
  readonly AAR: string;
}

/** What a server of that name wrote into Authentication-Results, as one list. */
function resultsBy(server: string, { fields }: SignedMessage): string {
  const own = fields
    .filter(({ lowerName }) => lowerName === 'authentication-results')
    .map(({ raw }) => raw.slice(raw.indexOf(':') + 1).trim())
    .filter((value) => value.startsWith(`${server};`))
    .map((value) =>
      value
        .slice(server.length + 1)
        .trim()
        .replace(/;$/, ''),
    );
  return `${server}; ${own.join(';\r\n ')}`;
}

const tagOf = (name: string, list: string) =>
  new RegExp(`(?:^|;)\\s*${name}=([^;]*)`).exec(list)?.[1]?.replace(/\s/g, '');

describe('ARC: sets that are made (RFC 8617 §5.1)', { skip }, () => {
  for (const section of sectionsOf('arc-draft-sign-tests.yml')) {
    const { domain, sel: selector, tests } = section;
    const privateKey = createPrivateKey(section.privatekey);
    const resolver = resolverOf(section['txt-records']);
    for (const [name, test] of Object.entries(tests as Record<string, SealTest>))
      it(`${section.description.trim()}, ${name}: ${test.description}`, async () => {
        const message = octetsOf(test.message);
        const end = findHeaderEnd(message);
        const signed = new SignedMessage(message.subarray(0, end));
        const body = signed.wants({ body: 'relaxed', lengthMax: undefined })!;
        const check = new ArcCheck(signed);
        signed.update(message.subarray(end));
        const { result: chain } = await check.verdict(resolver, 20_000);
        const made = await arcSet(
          { domain, selector, privateKey },
          {
            ...{ fields: signed.fields, body, chain },
            results: resultsBy(test['srv-id'], signed),
            signedNames: test['sig-headers'].split(':'),
            seconds: Number(test.t),
          },
        );
        if (test.AS.trim() === '') {
          assert.equal(made, undefined);
          return;
        }
        const [, seal = '', ams = '', aar = ''] =
          /^ARC-Seal:([\s\S]*)ARC-Message-Signature:([\s\S]*)ARC-Authentication-Results:([\s\S]*)$/.exec(
            made ?? '',
          ) ?? [];
        for (const tag of ['a', 'b', 'bh', 'c', 'd', 'h', 'i', 's', 't'])
          assert.equal(tagOf(tag, ams), tagOf(tag, test.AMS), `AMS ${tag}`);
        for (const tag of ['a', 'b', 'cv', 'd', 'i', 's', 't'])
          assert.equal(tagOf(tag, seal), tagOf(tag, test.AS), `AS ${tag}`);
        assert.equal(aar.replace(/\s+/g, ' ').trim(), test.AAR.replace(/\s+/g, ' ').trim());
      });
  }
});
