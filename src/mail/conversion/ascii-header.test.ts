import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseParameterised } from '../fields/parameters.ts';
import { parseHeader } from '../header/header.ts';
import { asciiField } from './ascii-header.ts';

describe('asciiField', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['Subject: Grüße an alle', 'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= an alle'],
    [
      'From: Jörg Müller <jm@example.org>',
      'From: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <jm@example.org>',
    ],
    ['To: "Müller, J." <j@x>, Ann <a@b>', 'To: =?utf-8?Q?M=C3=BCller=2C_J=2E?= <j@x>, Ann <a@b>'],
    ['To: Gäste: "a b"@x, y@z;', 'To: =?utf-8?Q?G=C3=A4ste?=: <"a b"@x>, <y@z>;'],
    ['Cc: ann@bücher.example', 'Cc: <ann@xn--bcher-kva.example>'],
    ['Cc: jörg@example.org', undefined],
    [
      'Content-Disposition: attachment; size=3; filename="été (1).txt"',
      'Content-Disposition: attachment; size="3";\r\n filename*=utf-8\'\'%C3%A9t%C3%A9%20%281%29.txt',
    ],
    ['Subject: =?iso-8859-1?Q?caf=E9?= é', 'Subject: =?utf-8?Q?caf=C3=A9_=C3=A9?='],
    ['Content-Type: é/x', undefined],
    ['Received: from é by x; date', 'Received: from ? by x; date'],
  ];
  for (const [field, expected] of cases) {
    it(field, () => {
      const [parsed] = parseHeader(Buffer.from(`${field}\r\n`));
      assert.equal(asciiField(parsed!), expected === undefined ? undefined : `${expected}\r\n`);
    });
  }

  it('RFC 2231 §3: names of files stay what they are, however long', () => {
    for (const name of [`${'漢'.repeat(300)}.txt`, `é${'a'.repeat(3_000)}`]) {
      const field = `Content-Disposition: attachment; a="${'b'.repeat(2_000)}"; filename="${name}"\r\n`;
      const written = asciiField(parseHeader(Buffer.from(field))[0]!)!;
      for (const line of written.split('\r\n')) assert.ok(line.length <= 998);
      const { params } = parseParameterised(parseHeader(Buffer.from(written))[0]!.value);
      assert.deepEqual([params.get('a'), params.get('filename')], ['b'.repeat(2_000), name]);
    }
  });
});
