// Tells the service manager how we are: sd_notify(3) of systemd, over the datagram socket that
// NOTIFY_SOCKET names. Node has no Unix datagram sockets, so each notice is sent by a small program
// that is there wherever it matters: systemd-notify comes with systemd, perl with Debian.
// The unit needs `NotifyAccess=all` (a notice comes from a child of ours), unless we are root: then
// systemd-notify speaks in our name.

import { spawn } from 'node:child_process';

export interface ServiceManager {
  /** Everything is bound and recovered: units that wait for us may start. */
  ready(): Promise<void>;
  /** Configuration is being read again; followed by ready(). */
  reloading(): Promise<void>;
  stopping(): Promise<void>;
}

export interface ServiceManagerOptions {
  /** `process.env` in production. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told when a notice could not be sent; mail goes on without it. */
  readonly onProblem: (problem: string) => void;
  /** CLOCK_MONOTONIC in microseconds. */
  readonly monotonicUs?: () => bigint;
  /** Programs to try, in order. */
  readonly programs?: readonly NotifyProgram[];
}

export interface NotifyProgram {
  readonly command: string;
  readonly arguments: (socket: string, notice: readonly string[]) => readonly string[];
}

const nobody: ServiceManager = {
  ready: async () => {},
  reloading: async () => {},
  stopping: async () => {},
};

/** Longest time for one notice; systemd answers in microseconds. */
const noticeMs = 5_000;

/** An abstract socket is written with @ for the NUL at its beginning. */
const perlScript = `use Socket; my ($to, $text) = @ARGV; $to =~ s/^@/\\0/;
my $s;
socket($s, AF_UNIX, SOCK_DGRAM, 0) && send($s, $text, 0, sockaddr_un($to)) or die "$!\\n";`;

export const notifyPrograms: readonly NotifyProgram[] = [
  { command: 'systemd-notify', arguments: (_socket, notice) => notice },
  { command: 'perl', arguments: (socket, notice) => ['-e', perlScript, socket, notice.join('\n')] },
];

/** Does nothing where no service manager listens. */
export function serviceManager(options: ServiceManagerOptions): ServiceManager {
  const socket = options.environment.NOTIFY_SOCKET;
  if (socket === undefined || socket === '') return nobody;
  // systemd also hands out vsock: addresses, to virtual machines; systemd-notify knows them.
  const { monotonicUs = () => process.hrtime.bigint() / 1000n } = options;
  const { programs = notifyPrograms } = options;
  let last: Promise<void> = Promise.resolve();
  const send = (...notice: readonly string[]) => {
    // In order: READY must not overtake RELOADING.
    last = last.then(async () => {
      const problem = await notify(programs, options.environment, socket, notice);
      if (problem !== undefined) options.onProblem(problem);
    });
    return last;
  };
  return {
    ready: () => send('READY=1', `MAINPID=${process.pid}`),
    // sd_notify(3): Type=notify-reload wants to know when the reload began.
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${monotonicUs()}`),
    stopping: () => send('STOPPING=1'),
  };
}

async function notify(
  programs: readonly NotifyProgram[],
  environment: ServiceManagerOptions['environment'],
  socket: string,
  notice: readonly string[],
): Promise<string | undefined> {
  const failures: string[] = [];
  for (const program of programs) {
    const failure = await run(program.command, program.arguments(socket, notice), environment);
    if (failure === undefined) return undefined;
    failures.push(`${program.command}: ${failure}`);
  }
  return `systemd was not told ${notice[0]} (${failures.join('; ')})`;
}

function run(
  command: string,
  args: readonly string[],
  environment: ServiceManagerOptions['environment'],
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: noticeMs,
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < 200) complaint += chunk.toString('latin1');
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? 'not installed' : error.message),
    );
    child.once('close', (status) =>
      resolve(status === 0 ? undefined : complaint.trim().split('\n', 1)[0] || `status ${status}`),
    );
  });
}
