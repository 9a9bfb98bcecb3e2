import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';

/** A process of its own, since what is shown is that it ends: lines by `program`, then flushed. */
const source = (program: string): string =>
  `import { LogWriter } from ${JSON.stringify(join(import.meta.dirname, 'log-writer.ts'))};
   const writer = new LogWriter(2);
   ${program}
   writer.flush();
   process.exit(3);`;

const argumentsOf = (program: string): string[] => ['--input-type=module', '-e', source(program)];
const timeout = 60_000;

describe('a log that nobody reads', () => {
  for (const [name, redirection] of [
    ['closed', '2>&-'],
    ['open for reading alone', '2</dev/null'],
    ['on a full disk', '2>/dev/full'],
  ] as const)
    it(`${name} holds nothing up`, () => {
      const program = `writer.write('a\\n'.repeat(9000)); writer.write('b\\n');
        await new Promise((resolve) => setTimeout(resolve, 1)); writer.write('c\\n');`;
      const shell = ['-c', `exec "$0" "$@" ${redirection}`, process.execPath];
      const { status } = spawnSync('sh', [...shell, ...argumentsOf(program)], { timeout });
      assert.equal(status, 3);
    });

  it('through a pipe whose reader has stopped, nor one whose reader is gone', async () => {
    const program = `for (let i = 0; i < 100; i += 1) writer.write('a'.repeat(100_000) + '\\n');
      await new Promise((resolve) => setTimeout(resolve, 1100));`;
    for (const isGone of [false, true]) {
      const child = spawn(process.execPath, argumentsOf(program), {
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout,
      });
      if (isGone) child.stderr.destroy();
      const status = await new Promise((resolve) => child.once('exit', resolve));
      child.stderr.destroy();
      assert.equal(status, 3);
    }
  });
});

describe('a log that is read', () => {
  it('has every line, also where the process stood still while the reader was not ready', async () => {
    const program = `import { writeSync } from 'node:fs';
      for (let i = 0; i < 4; i += 1) writer.write('a'.repeat(100_000) + '\\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      writeSync(1, 'read');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
      writer.write('last\\n');`;
    const child = spawn(process.execPath, argumentsOf(program), {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
    });
    await once(child.stdout, 'data');
    const lines = (await text(child.stderr)).trimEnd().split('\n');
    assert.deepEqual([lines.length, lines.at(-1)], [5, 'last']);
  });

  it('has every line in order, whether it is gathered, large, or written at the end', async () => {
    const program = `for (let i = 0; i < 3000; i += 1) {
        writer.write(i + ' ' + 'x'.repeat(i % 1000 === 0 ? 200_000 : 10) + '\\n');
        if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setTimeout(resolve, 1200));
      writer.write('3000 last\\n');`;
    const expected = Array.from({ length: 3001 }, (_, i) => String(i));
    const numbers = (lines: string): string[] =>
      lines
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ', 1)[0]!);
    const child = spawn(process.execPath, argumentsOf(program), {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout,
    });
    assert.deepEqual(numbers(await text(child.stderr)), expected);
    const directory = mkdtempSync(join(tmpdir(), 'postrider-log-'));
    const file = join(directory, 'log');
    const shell = ['-c', 'exec "$0" "$@" 2>"$FILE"', process.execPath];
    spawnSync('sh', [...shell, ...argumentsOf(program)], {
      env: { ...process.env, FILE: file },
      timeout,
    });
    assert.deepEqual(numbers(readFileSync(file, 'utf8')), expected);
    rmSync(directory, { recursive: true });
  });
});
