import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Command } from 'commander';
import { programOf } from './cli.ts';
import type { Context } from './context.ts';
import { examplesOf } from './examples.ts';

/** Commands that are one by themselves, by the words after `postrider`. */
function* leaves(command: Command, path = ''): Generator<readonly [string, Command]> {
  if (command.commands.length === 0) yield [path, command];
  for (const child of command.commands) yield* leaves(child, `${path} ${child.name()}`.trimStart());
}

/** What postrider is given: without what a shell does with it. */
const wordsOf = (line: string): readonly string[] =>
  [...line.replace(/^.*\| (?=postrider)|( [<>|].*)/g, '').matchAll(/'([^']*)'|\S+/g)]
    .map(([word, quoted]) => quoted ?? word)
    .slice(1);

it('the help of each command shows lines that it takes', async () => {
  const program = await programOf(['--help'], {} as Context);
  const all = [...leaves(program)];
  assert.ok(all.length > 60);
  const run: string[] = [];
  for (const [path, command] of all)
    command.action(() => {
      run.push(path);
    });
  for (const [path, command] of all) {
    const lines = examplesOf(path);
    assert.ok(lines.length > 0, `${path} has no example`);
    for (const line of lines) {
      await program.parseAsync([...wordsOf(line)], { from: 'user' });
      assert.equal(run.pop(), path, line);
    }
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    for (const line of lines) assert.ok(help.includes(`  ${line}\n`), line);
  }
});
