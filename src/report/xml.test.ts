import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { XmlError, xmlEvents } from './xml.ts';

/** `a(b("text") c())` */
function shown(text: string): string {
  let result = '';
  for (const event of xmlEvents(text))
    if (event.kind === 'open') result += `${event.name}(`;
    else if (event.kind === 'close') result += ')';
    else result += JSON.stringify(event.text);
  return result;
}

describe('XML', () => {
  it('elements, texts and their ends', () => {
    const cases = [
      ['<a/>', 'a()'],
      ['<a><b>x</b><c/></a>', 'a(b("x")c())'],
      ['\ufeff<?xml version="1.0"?>\n<!-- < --><a>1</a>\n', 'a("1")'],
      ['<n:a xmlns:n="urn:x" b = \'>\' ><n:b >x</n:b\n></n:a>', 'a(b("x"))'],
      ['<a>&lt;&#38;&#x41;&apos;</a>', `a("<&A'")`],
      ['<a><![CDATA[<&]]><!-- - --></a>', 'a("<&")'],
    ] as const;
    for (const [text, expected] of cases) assert.equal(shown(text), expected, text);
  });

  it('declares nothing, so that nothing can grow or be fetched', () => {
    const cases = [
      '<!DOCTYPE feedback SYSTEM "file:///etc/passwd"><a/>',
      '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
      '<a><!ENTITY b "x"></a>',
      '<a>&b;</a>',
      '<a>&nbsp;</a>',
    ];
    for (const text of cases) assert.throws(() => shown(text), XmlError, text);
  });

  it('what is not well-formed is refused', () => {
    const cases = [
      ...['', ' ', 'x', '<a>', '<a></b>', '</a>', '<a/><b/>', '<a/>x', '<a', '<a b=c/>', '<a b/>'],
      ...['<a b="<"/>', '<a>& b</a>', '<a>&#0;</a>', '<a>&#x110000;</a>', '<a><![CDATA[x</a>'],
      ...['<!-- <a/>', '<?x <a/>', '< a/>', '<1/>', '<![CDATA[x]]><a/>'],
      `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
      `<a${' b=""'.repeat(100)}/>`,
    ];
    for (const text of cases) assert.throws(() => shown(text), XmlError, text);
  });

  it('any text is read or refused', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      'a',
      '&',
      ';',
      '"',
      '=',
      '!',
      '--',
      '[CDATA[',
      ']]>',
      '?',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          shown(pieces.join(''));
        } catch (error) {
          assert.ok(error instanceof XmlError);
        }
      }),
    );
  });
});
