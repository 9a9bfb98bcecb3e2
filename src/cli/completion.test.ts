import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { completionCommand, completionsOf } from './completion.ts';
import type { Context } from './context.ts';
import { filterOf } from './log-command.ts';
import { table } from './table.ts';

const program = () =>
  new Command('postrider')
    .addCommand(new Command('queue').addCommand(new Command('list').option('--json', "it's JSON")))
    .addCommand(new Command('quit').description('a: b'));

async function script(shell: string): Promise<string> {
  let printed = '';
  const context = {
    print: async (text: string) => {
      printed += text;
    },
  } as unknown as Context;
  await completionCommand(context, async () => program()).parseAsync([shell], { from: 'user' });
  return printed;
}

describe('completion', () => {
  it('knows each command and what may follow it', () => {
    const known = new Map(
      completionsOf(program()).map(({ path, words }) => [path, words.map(({ word }) => word)]),
    );
    assert.deepEqual(known.get(''), ['queue', 'quit']);
    assert.deepEqual(known.get('queue'), ['list']);
    assert.deepEqual(known.get('queue list'), ['--json']);
  });

  it('of bash: commands by what was typed before them, whatever options stand between', async () => {
    const source = await script('bash');
    const complete = (...words: readonly string[]) => {
      const list = words.map((word) => `'${word}'`).join(' ');
      const run = `${source}\nCOMP_WORDS=(postrider ${list}); COMP_CWORD=${words.length}; _postrider; echo "\${COMPREPLY[*]}"`;
      return execFileSync('bash', ['-c', run], { encoding: 'utf8', cwd: '/proc' }).trim();
    };
    assert.equal(complete('qu'), 'queue quit');
    assert.equal(complete('queue', '--config', 'x', 'l'), 'list');
    assert.equal(complete('queue', 'list', '--'), '--json');
  });

  it('of zsh and fish has what is described, within their quotes', async () => {
    assert.match(await script('zsh'), /'--json:it'\\''s JSON'/);
    // There `path` is PATH.
    assert.doesNotMatch(await script('zsh'), /\bpath\b/);
    assert.match(await script('zsh'), /'quit:a\\: b'/);
    assert.match(await script('fish'), /-l 'json' -d 'it'\\''s JSON'/);
    await assert.rejects(script('csh'), /csh is none of bash, zsh, fish/);
  });
});

describe('what `log` shows', () => {
  const line = { event: 'deferred', level: 'info', id: 'q1', to: 'Ann@example.org', client: '::1' };

  it('is what all of its options hold for', () => {
    const shows = (options: object) => filterOf({ level: 'debug', ...options })(line);
    for (const options of [
      {},
      { event: 'bounced,deferred' },
      { message: 'q1' },
      { address: 'ann@EXAMPLE.org' },
      { client: '::1' },
      { level: 'info' },
    ])
      assert.equal(shows(options), true, JSON.stringify(options));
    for (const options of [
      { event: 'bounced' },
      { message: 'q2' },
      { address: 'bob@example.org' },
      { client: '::2' },
      { level: 'warn' },
      { message: 'q1', client: '::2' },
    ])
      assert.equal(shows(options), false, JSON.stringify(options));
    assert.throws(() => shows({ level: 'loud' }), /--level is one of/);
    const byId = filterOf({ level: 'debug', message: 'a@b' });
    assert.equal(byId({ event: 'received', messageId: '<a@b>' }), true);
  });
});

describe('tables', () => {
  it('fit the terminal: the last column is cut off, others at their limit', () => {
    const rows = [
      ['mx:example.org', 12, 'x'.repeat(100)],
      ['y'.repeat(60), 7, 'short\nline'],
    ];
    const lines = table(['destination', 'n', 'reply'], rows, 80).split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) assert.ok([...line].length <= 80, line);
    assert.match(lines[1]!, /^mx:example\.org {26} {2}12 {2}x+…$/);
    assert.match(lines[2]!, /^y{39}… {3}7 {2}short line$/);
    assert.equal(table(['a'], [], 80), '');
  });
});
