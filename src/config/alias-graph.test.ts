import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aliasAdvice } from './alias-graph.ts';

function advice(
  aliases: Record<string, readonly string[]>,
  { accounts = ['ann', 'bob'], rewriteSender = true } = {},
): string[] {
  const keys = new Set(accounts.map((name) => `${name}@example.org`));
  return aliasAdvice({
    domains: ['example.org', 'bücher.example'],
    relayDomains: ['relayed.example'],
    aliases: new Map(Object.entries(aliases)),
    recipientDelimiter: '+',
    forwarding: { rewriteSender },
    isAccount: (key) => keys.has(key),
  }).map(({ severity, path, message }) => `${severity} ${path}: ${message}`);
}

describe('aliases that are right', () => {
  const right: Record<string, Record<string, string[]>> = {
    'an account': { 'x@example.org': ['Ann@EXAMPLE.org'] },
    'its own name, for the account': { 'ann@example.org': ['ann@example.org', 'bob@example.org'] },
    'an account with detail': { 'x@example.org': ['ann+x@example.org'] },
    'another alias': { 'x@example.org': ['y@example.org'], 'y@example.org': ['ann@example.org'] },
    'an alias with detail': {
      'x@example.org': ['y+z@example.org'],
      'y@example.org': ['ann@example.org'],
    },
    'a catch-all': { '@example.org': ['ann@example.org'] },
    'one that the catch-all takes': {
      'x@example.org': ['nobody@example.org'],
      '@example.org': ['ann@example.org'],
    },
    'A-labels and U-labels': {
      'x@bücher.example': ['y@xn--bcher-kva.example'],
      'y@bücher.example': ['ann@example.org'],
    },
    'of a relayed domain': { 'x@relayed.example': ['ann@example.org'] },
    'a diamond': {
      'x@example.org': ['y@example.org', 'z@example.org'],
      'y@example.org': ['ann@example.org'],
      'z@example.org': ['ann@example.org'],
    },
  };
  for (const [title, aliases] of Object.entries(right))
    it(title, () => assert.deepEqual(advice(aliases), []));
});

describe('aliases that are wrong', () => {
  it('in a circle, told once and with the way', () => {
    const circle = {
      'x@example.org': ['y@example.org', 'ann@example.org'],
      'y@example.org': ['z@example.org'],
      'z@example.org': ['X@example.org'],
      'in@example.org': ['x@example.org'],
    };
    assert.deepEqual(advice(circle), [
      "failure aliases['x@example.org']: leads back to itself (x@example.org → y@example.org → z@example.org → x@example.org): take one of them out",
    ]);
  });

  it('in a circle by the catch-all', () => {
    const [first] = advice({
      '@example.org': ['x@example.org'],
      'x@example.org': ['y@example.org'],
    });
    assert.match(first!, /^failure aliases\['@example\.org'\]: leads back to itself/);
  });

  it('to nobody', () => {
    assert.deepEqual(advice({ 'x@example.org': ['ann@example.org', 'carol@example.org'] }), [
      "failure aliases['x@example.org'][1]: there is no account and no alias carol@example.org: it gets no mail",
    ]);
    const [own] = advice({ 'carol@example.org': ['carol@example.org'] });
    assert.match(own!, /there is no account and no alias carol@example\.org/);
  });

  it('elsewhere, or what is no address, or of a domain that is not here', () => {
    const aliases = {
      'x@example.org': ['x@elsewhere.example', 'a b@example.org'],
      'y@other.example': ['nobody@example.org'],
    };
    const [elsewhere, none, unused] = advice(aliases, { rewriteSender: false });
    assert.equal(advice(aliases).length, 2, 'under a sender of ours it is right');
    assert.match(
      elsewhere!,
      /^warning aliases\['x@example\.org'\]\[0\]: x@elsewhere\.example is elsewhere/,
    );
    assert.match(none!, /^failure .*\[1\]: 'a b@example\.org' is not a mail address/);
    assert.match(
      unused!,
      /^warning aliases\['y@other\.example'\]: is never used: other\.example is in/,
    );
  });

  it('a chain of ten thousand is followed', () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `n${i}@example.org`);
    const chain = names.map((name, i) => [name, [names[i + 1] ?? names[0]!]] as const);
    assert.equal(advice(Object.fromEntries(chain)).length, 1);
  });
});
