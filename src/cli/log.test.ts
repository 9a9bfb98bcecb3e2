import assert from 'node:assert/strict';
import fs, { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLog, prettyLine } from './log.ts';

async function written(
  options: { pretty: boolean },
  use: (log: ReturnType<typeof createLog>) => void,
) {
  const directory = mkdtempSync(join(tmpdir(), 'postrider-log-'));
  const fd = openSync(join(directory, 'log'), 'w');
  try {
    const log = createLog({ level: 'info', fd, ...options });
    use(log);
    await log.end();
    return readFileSync(join(directory, 'log'), 'utf8');
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

describe('log', () => {
  it('writes one JSON object a line, with level, time, event and fields', async () => {
    const text = await written({ pretty: false }, (log) => {
      log.debug('stopping');
      log.info('received', { id: 'x1', bytes: 12, from: 'a"\r\nb@x' });
      log.error('crashed');
    });
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(lines.length, 2);
    const { time, ...rest } = lines[0];
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(rest, {
      level: 'info',
      event: 'received',
      id: 'x1',
      bytes: 12,
      from: 'a"\r\nb@x',
    });
    assert.equal(lines[1].level, 'error');
  });

  it('has all lines within a second, also the last ones of many', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const directory = mkdtempSync(join(tmpdir(), 'postrider-log-'));
    const path = join(directory, 'log');
    const fd = openSync(path, 'w');
    t.after(() => rmSync(directory, { recursive: true }));
    t.after(() => closeSync(fd));
    const log = createLog({ level: 'info', fd, pretty: false });
    const numbers = () =>
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).count);
    const isThere = async (last: number) => {
      while (readFileSync(path, 'utf8') === '' || numbers().at(-1) !== last)
        await new Promise(setImmediate);
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    };
    // Enough for a write, while that is under way enough for another, and three more.
    for (let count = 0; count < 259; count += 1)
      log.info('received', { count, from: 'x'.repeat(100) });
    await isThere(255);
    t.mock.timers.tick(1_000);
    await isThere(258);
    assert.deepEqual(
      numbers(),
      Array.from({ length: 259 }, (_, i) => i),
    );
  });

  it('changes its level while it runs', async () => {
    const text = await written({ pretty: false }, (log) => {
      log.setLevel('error');
      log.warn('stopping');
      log.setLevel('debug');
      log.debug('stopped');
    });
    assert.deepEqual(text.match(/stopping|stopped/g), ['stopped']);
  });

  it('is readable on a terminal, and no peer can write control characters to it', () => {
    const line = prettyLine('info', new Date(), 'hello', {
      client: 'a\u001b[2J b\r\nc',
      n: 1,
      no: undefined,
    });
    const colourless = line.replaceAll(/\u001b\[\d+m/g, '');
    assert.match(
      colourless,
      /^\d\d:\d\d:\d\d\.\d{3} info {2}hello client="a\\u001b\[2J b\\r\\nc" n=1\n$/,
    );
    assert.doesNotMatch(
      prettyLine('warn', new Date(), 'x\u001b[2J', { 'a\u009bb': '\u009b' }),
      /\u001b\[2J|\u009b/,
    );
  });

  it('says how many lines were dropped, whatever its level', async (t) => {
    let isFull = true;
    let text = '';
    t.mock.method(fs, 'writeSync', (_fd: number, bytes: Buffer, at: number) => {
      if (isFull) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      text += bytes.subarray(at);
      return bytes.length - at;
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    const log = createLog({ level: 'error', pretty: false, fd: 9999 });
    log.error('crashed');
    log.error('crashed');
    await log.end();
    isFull = false;
    await log.end();
    const { time, ...rest } = JSON.parse(text);
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(rest, { level: 'warn', event: 'log lines dropped', lines: 2 });
  });

  it('writes at once when pretty', async () => {
    assert.match(await written({ pretty: true }, (log) => log.warn('stopping')), /warn.*stopping/);
  });

  it('does not mind that nobody reads any more', async () => {
    const log = createLog({ level: 'info', pretty: true, fd: 9999 });
    log.info('stopped');
    await log.end();
  });
});
