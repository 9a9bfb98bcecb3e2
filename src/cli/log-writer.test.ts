import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs, { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { LogWriter } from './log-writer.ts';

/** A process of its own, since what is shown is that it ends: lines by `program`, then flushed. */
const source = (program: string): string =>
  `import { LogWriter } from ${JSON.stringify(join(import.meta.dirname, 'log-writer.ts'))};
   const writer = new LogWriter(2);
   ${program}
   await writer.end();
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
  it('has every line, also where the process stood still while the reader was not ready', async (t) => {
    const notReady = Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
    const asked = Promise.withResolvers<void>();
    t.mock.method(fs, 'write', (_fd: number, _bytes: Buffer, told: (error: Error) => void) =>
      setImmediate(() => {
        told(notReady);
        asked.resolve();
      }),
    );
    let taken = '';
    t.mock.method(fs, 'writeSync', (_fd: number, bytes: Buffer, at: number) => {
      taken += bytes.subarray(at);
      return bytes.length - at;
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    const writer = new LogWriter(99);
    const long = `${'a'.repeat(9000)}\n`;
    writer.write(long);
    await asked.promise;
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + 60_000);
    writer.write('last\n');
    await writer.end();
    assert.equal(taken, `${long}last\n`);
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
