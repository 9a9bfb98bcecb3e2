import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { NotifyProgram } from './systemd.ts';
import { notifyPrograms, serviceManager } from './systemd.ts';

const has = (command: string) => spawnSync(command, ['--version']).status === 0;

// A receiver of datagrams: what Node cannot be.
const receiver = `use Socket; $| = 1; my ($path, $n) = @ARGV; $path =~ s/^@/\\0/;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($path)) or die "$!"; print "bound\\n";
while ($n-- > 0) { recv($s, my $text, 4096, 0); $text =~ s/\\n/ /g; print "$text\\n"; }`;

async function received(
  address: string,
  count: number,
  send: () => Promise<void>,
): Promise<string[]> {
  const child = spawn('perl', ['-e', receiver, address, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) {
    const first = text === '';
    text += chunk;
    if (first) await send();
  }
  return text.trimEnd().split('\n').slice(1);
}

describe('sd_notify', () => {
  it('does nothing without NOTIFY_SOCKET', async () => {
    const fail = () => assert.fail('nobody is to be told');
    const manager = serviceManager({
      environment: {},
      onProblem: fail,
      programs: [{ command: 'false', arguments: fail }],
    });
    await manager.ready();
    await manager.reloading();
    await manager.stopping();
  });

  for (const program of notifyPrograms) {
    const missing = !has(program.command) || !has('perl');
    const skip = missing && `${program.command} or perl is not installed`;
    for (const kind of ['path', 'abstract'])
      it(`tells READY, RELOADING with MONOTONIC_USEC and STOPPING, in order, by ${program.command} (${kind})`, {
        skip,
      }, async () => {
        const directory = mkdtempSync(join(tmpdir(), 'postrider-notify-'));
        const path = join(directory, 'notify');
        const socket = kind === 'path' ? path : `@${path}`;
        const manager = serviceManager({
          environment: { ...process.env, NOTIFY_SOCKET: socket },
          onProblem: (problem) => assert.fail(problem),
          monotonicUs: () => 123_456n,
          // systemd-notify also sends a barrier, which a real service manager answers.
          programs: [program.command === 'systemd-notify' ? noBlock(program) : program],
        });
        const notices = await received(socket, 4, async () => {
          void manager.ready();
          void manager.reloading();
          void manager.ready();
          await manager.stopping();
        });
        const ready = `READY=1 MAINPID=${process.pid}`;
        assert.deepEqual(
          notices.map((n) => n.trim()),
          [ready, 'RELOADING=1 MONOTONIC_USEC=123456', ready, 'STOPPING=1'],
        );
        rmSync(directory, { recursive: true });
      });
  }

  it('says why nobody could be told, and goes on', async () => {
    const problems: string[] = [];
    const programs = ['postrider-no-such-program', 'false'].map((command) => ({
      command,
      arguments: () => [],
    }));
    const manager = serviceManager({
      environment: { ...process.env, NOTIFY_SOCKET: '/nowhere' },
      onProblem: (problem) => problems.push(problem),
      programs,
    });
    await manager.ready();
    assert.deepEqual(problems, [
      'systemd was not told READY=1 (postrider-no-such-program: not installed; false: status 1)',
    ]);
  });
});

const noBlock = (program: NotifyProgram): NotifyProgram => ({
  ...program,
  arguments: (socket, notice) => ['--no-block', ...program.arguments(socket, notice)],
});
