// What the session does itself, and what it asks its owner for: one case for each command that needs
// more than to be handed on.

import { enableable } from '../capabilities.ts';
import type { Command, CommandOf } from '../command.ts';
import type { OwnersCommand, SessionEvent } from '../event.ts';
import { enablesCondstore } from './command-rules.ts';
import type { SessionCore } from './core.ts';
import { completion } from './core.ts';
import { authenticate, login } from './login-phase.ts';
import { after } from './phases.ts';

export function perform(core: SessionCore, command: Command): SessionEvent | undefined {
  switch (command.name) {
    case 'CAPABILITY':
      core.untagged(core.capabilities());
      return core.complete(completion('OK', 'CAPABILITY completed'));
    case 'LOGOUT':
      core.untagged('BYE logging out');
      core.complete(completion('OK', 'LOGOUT completed'));
      return core.close('logout');
    case 'STARTTLS':
      return startTls(core);
    case 'LOGIN':
      return login(core, command);
    case 'AUTHENTICATE':
      return authenticate(core, command);
    case 'ENABLE':
      return enable(core, command);
    case 'COMPRESS':
      return compress(core);
    case 'IDLE':
      return core.ask({ kind: 'idle' });
    default:
      return handOn(core, command);
  }
}

function handOn(core: SessionCore, command: OwnersCommand): SessionEvent | undefined {
  // RFC 8437 §3: BAD where it is not offered.
  if (command.name === 'UNAUTHENTICATE' && core.compressed)
    return core.complete(completion('BAD', 'Not while the connection is compressed'));
  if (enablesCondstore(command)) core.enabled.add('CONDSTORE');
  return core.ask({ kind: 'command', tag: core.tag, command });
}

// RFC 9051 §6.2.1
function startTls(core: SessionCore): SessionEvent | undefined {
  const { secure, startTls: offered } = core.facts;
  if (secure) return core.complete(completion('BAD', 'TLS is active', 'CLIENTBUG'));
  if (!offered) return core.complete(completion('BAD', 'TLS is not offered'));
  core.complete(completion('OK', 'Begin TLS now'));
  core.phase = after.command.tls;
  return { kind: 'starttls' };
}

// RFC 5161 §3.1: what is not known is ignored; what is new is said.
function enable(core: SessionCore, command: CommandOf<'ENABLE'>): SessionEvent | undefined {
  const { enabled } = core;
  const hadCondstore = enabled.has('CONDSTORE');
  const added: string[] = [];
  for (const name of command.capabilities) {
    const [extension, shown] = enableable.get(name) ?? [];
    if (extension === undefined || shown === undefined || enabled.has(extension)) continue;
    enabled.add(extension);
    // RFC 7162 §3.2.3
    if (extension === 'QRESYNC') enabled.add('CONDSTORE');
    added.push(` ${shown}`);
  }
  core.untagged(`ENABLED${added.join('')}`);
  // RFC 7162 §3.1: something is to be said of the selected mailbox then.
  if (hadCondstore !== enabled.has('CONDSTORE') && core.login === 'selected')
    return core.ask({ kind: 'command', tag: core.tag, command });
  return core.complete(completion('OK', 'ENABLE completed'));
}

// RFC 4978 §3
function compress(core: SessionCore): SessionEvent | undefined {
  if (core.compressed)
    return core.complete(completion('NO', 'DEFLATE is active', 'COMPRESSIONACTIVE'));
  core.complete(completion('OK', 'DEFLATE active'));
  core.compressed = true;
  // The client must wait for the OK: what it sent before is neither compressed nor to be trusted.
  core.input.clear();
  core.reader.clear();
  return { kind: 'compress' };
}
