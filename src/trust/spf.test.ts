import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { FakeRecords } from '../dns/fake-resolver.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { checkSpf } from './spf.ts';
import { zoneOf } from './test-zone.ts';

/** The public suites lie beside the project: ../shared/data/spf. */
const directory = join(import.meta.dirname, '../../../shared/data/spf');
const skip = existsSync(directory) ? false : `${directory} is not there`;

interface OpenSpfSection {
  readonly description: string;
  readonly tests: Readonly<Record<string, OpenSpfTest>>;
  readonly zonedata: Readonly<Record<string, readonly ZoneEntry[]>>;
}
interface OpenSpfTest {
  readonly spec: string | readonly string[];
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  readonly result: string | readonly string[];
  readonly explanation?: string;
}
type ZoneEntry = 'TIMEOUT' | Readonly<Record<string, unknown>>;

const joined = (value: unknown): string => [value].flat().join('');

/** As the suite has it: SPF records are found as TXT records, unless the name has its own. */
function recordsOf(entries: readonly ZoneEntry[]): FakeRecords {
  const of = (type: string) =>
    entries.flatMap((entry) => (typeof entry === 'object' && type in entry ? [entry[type]] : []));
  const texts = of('TXT').length > 0 ? of('TXT') : of('SPF');
  const cname = of('CNAME')[0];
  return {
    TXT: texts.filter((text) => text !== 'NONE').map(joined),
    A: of('A').map(String),
    AAAA: of('AAAA').map(String),
    PTR: of('PTR').map((name) => String(name).toLowerCase()),
    MX: of('MX').map((pair) => {
      const [preference, exchange] = pair as [number, string];
      return { preference, exchange: exchange.toLowerCase().replace(/\.$/, '') };
    }),
    ...(typeof cname === 'string' && { CNAME: cname }),
    ...(entries.includes('TIMEOUT') && { fails: failing(of) }),
  };
}

/** What the name has it answers; everything else takes too long. */
const failing = (of: (type: string) => readonly unknown[]): NonNullable<FakeRecords['fails']> => {
  const silent = (['A', 'AAAA', 'MX', 'PTR', 'TXT'] as const).filter(
    (type) => of(type).filter((value) => value !== 'NONE').length === 0,
  );
  return Object.fromEntries(silent.map((type) => [type, 'timeout' as const]));
};

describe('SPF: the openspf suite for RFC 7208', { skip }, () => {
  const files = skip === false ? readdirSync(directory) : [];
  const file = files.find((name) => name.endsWith('-tests.yml'));
  const source = file === undefined ? '' : readFileSync(join(directory, file), 'utf8');
  const sections = parseAllDocuments(source, { strict: false, uniqueKeys: false });
  let tests = 0;
  for (const document of sections) {
    const { description, tests: cases, zonedata } = document.toJS() as OpenSpfSection;
    const zone = Object.fromEntries(
      Object.entries(zonedata).map(([name, entries]) => [name.toLowerCase(), recordsOf(entries)]),
    );
    for (const [name, test] of Object.entries(cases)) {
      tests += 1;
      it(`${description}: ${name} (§${[test.spec].flat().join(', §')})`, async () => {
        const at = test.mailfrom.lastIndexOf('@');
        const verdict = await checkSpf(
          {
            address: test.host,
            domain: test.mailfrom === '' ? test.helo : test.mailfrom.slice(at + 1),
            local: test.mailfrom.slice(0, Math.max(at, 0)),
            hello: test.helo,
            receiver: 'unknown',
          },
          new FakeResolver(zone),
        );
        const expected = [test.result].flat();
        assert.ok(expected.includes(verdict.result), `${JSON.stringify(verdict)}: ${expected}`);
        if (test.explanation !== undefined && test.explanation !== 'DEFAULT')
          assert.equal(verdict.explanation, test.explanation);
        if (test.explanation === 'DEFAULT') assert.equal(verdict.explanation, undefined);
      });
    }
  }
  it('has all of its cases', () => assert.equal(tests, 203));
});

interface FurtherCase {
  readonly title: string;
  readonly zone: Record<string, FakeRecords>;
  readonly address: string;
  readonly sender: string;
  readonly hello: string;
  readonly expect: string;
}

/** In a test each `expect` is a case; what is not said anew stays as it was. */
function* furtherCases(source: string): Generator<FurtherCase> {
  for (const section of source.replace(/^ *#.*$/gm, '').split(/^---$/m)) {
    const [records = '', tests = ''] = section.split(/^tests:$/m);
    const title = /^name: (.*)$/m.exec(section)?.[1] ?? '';
    let said = { ip: '', sender: '', domain: '' };
    for (const test of tests.split(/^ +- /m).slice(1))
      for (const [, key = '', value = ''] of test.matchAll(/^ *(\w+): *(.*?) *$/gm)) {
        said = { ...said, [key]: value };
        if (key !== 'expect') continue;
        const { ip: address, sender, domain: hello } = said;
        yield {
          title,
          zone: zoneOf(`${records}\n    ${test}`),
          address,
          sender,
          hello,
          expect: value,
        };
      }
  }
}

// Where that suite has it another way than RFC 7208, and what it is there.
const differing = new Map([
  // §4.6: an error behind "all" is an error, too.
  ['All test: 10.0.0.1 for sender@test.org', 'permerror'],
  // §5.7: exists asks for A records, whatever the client has.
  ['Exists: 167.1.2.3 for sender@ip6.test.org', 'fail'],
  ['Macro expansion 2: 2001:db8::cb01 for strong-bad@email.example.com', 'fail'],
  // §4.6.4: at most two names without records.
  ['DNS Lookup Limits: 172.168.0.1 for sender@ok.test.org', 'permerror'],
]);

describe('SPF: further cases', { skip }, () => {
  const folder = join(directory, 'more');
  const names = skip === false ? readdirSync(folder).filter((name) => name.endsWith('.yml')) : [];
  for (const name of names)
    for (const test of furtherCases(readFileSync(join(folder, name), 'utf8'))) {
      const { title, zone, address, sender, hello, expect } = test;
      const what = `${title}: ${address} for ${sender || hello}`;
      it(`${name}, ${what}`, async () => {
        const at = sender.lastIndexOf('@');
        const resolver = new FakeResolver(zone);
        const ofSender = { domain: sender.slice(at + 1), local: sender.slice(0, Math.max(at, 0)) };
        // RFC 7208 §2.3: that of HELO first; who fails there fails.
        let verdict = await checkSpf({ address, hello, domain: hello }, resolver);
        if (sender !== '' && verdict.result !== 'fail')
          verdict = await checkSpf({ address, hello, ...ofSender }, resolver);
        const [result, ...words] = (differing.get(what) ?? expect).split(' ');
        assert.equal(verdict.result, result, JSON.stringify(verdict));
        if (words.length > 0) assert.equal(verdict.explanation, words.join(' '));
      });
    }
});
