// The configuration of `postrider dev`: everything on 127.0.0.1, nothing ever leaves the machine,
// mail for any address is caught in that address's own inbox. No STARTTLS where one tries it first:
// nodemailer, Ruby's Net::SMTP, imapflow and others begin TLS wherever it is offered and then refuse
// a certificate that nobody has signed. Whoever wants TLS has a port for it. Mail is kept in postrider-data/dev
// under the working directory, so that it survives a restart and `mail list` finds it from there.

import { join } from 'node:path';
import { type CatcherSettings, defaultCatcher } from './catcher.ts';
import type { Config } from './config.ts';
import { resolveConfig } from './resolve.ts';

/** The usual port of each door. SMTP's and the browser's are those of MailHog and Mailpit. */
export const devPorts = {
  smtp: 1025,
  submission: 1587,
  submissions: 1465,
  pop3: 1110,
  pop3s: 1995,
  imap: 1143,
  imaps: 1993,
  http: 8025,
};

export type DevDoor = keyof typeof devPorts;

export interface DevOptions {
  /** In place of the usual ones; 0 is any that is free. */
  readonly ports?: Readonly<Partial<Record<DevDoor, number>>>;
  /** Added to every other port: two checkouts on one machine. */
  readonly portOffset?: number;
  /** Any free ports: tests that run side by side. */
  readonly freePorts?: boolean;
  readonly dataDirectory?: string;
  /** Where to listen instead of 127.0.0.1: in a container, where loopback is nobody's. */
  readonly host?: string;
  readonly catcher?: Partial<CatcherSettings>;
}

export const devDataDirectory = (cwd: string): string => join(cwd, 'postrider-data', 'dev');

export function devConfig(cwd: string, options: DevOptions = {}): Config {
  const { ports = {}, portOffset = 0, freePorts = false } = options;
  const host = '127.0.0.1';
  // Field: `curl -T` sends the lines of a text file as they are.
  const bareNewlines = 'normalise';
  const port = (door: DevDoor) => ports[door] ?? (freePorts ? 0 : devPorts[door] + portOffset);
  const resolution = resolveConfig(
    {
      hostname: 'localhost',
      dataDirectory: options.dataDirectory ?? devDataDirectory(cwd),
      tls: 'self-signed',
      listeners: [
        // Mail from anyone, login if they like.
        {
          service: 'smtp',
          host,
          port: port('smtp'),
          tls: 'none',
          insecureAuth: true,
          bareNewlines,
        },
        { service: 'submission', host, port: port('submission'), tls: 'starttls', bareNewlines },
        { service: 'submission', host, port: port('submissions'), tls: 'implicit', bareNewlines },
        { service: 'pop3', host, port: port('pop3'), tls: 'none', insecureAuth: true },
        { service: 'pop3', host, port: port('pop3s'), tls: 'implicit' },
        { service: 'imap', host, port: port('imap'), tls: 'none', insecureAuth: true },
        { service: 'imap', host, port: port('imaps'), tls: 'implicit' },
        { service: 'http', host, port: port('http'), tls: 'none' },
      ],
      // Nothing leaves: what is not caught here is thrown away rather than sent.
      routes: [{ domain: '*', via: 'discard' }],
      dane: { verify: false },
      mtaSts: { verify: false },
      trustedNetworks: ['0.0.0.0/0', '::/0'],
      limits: { connectionsPerClient: 1000 },
      shutdownGrace: '2s',
    },
    cwd,
  );
  if (resolution.kind === 'problems')
    throw new Error(
      resolution.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'),
    );
  const { config } = resolution;
  // Set afterwards: passwords in the clear are for loopback only, except where any password is right.
  const hosts = [options.host ?? host];
  return {
    ...config,
    listeners: config.listeners.map((listener) => ({ ...listener, hosts })),
    dev: true,
    catcher: { ...defaultCatcher, ...options.catcher },
  };
}
