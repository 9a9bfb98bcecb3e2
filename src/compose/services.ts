// What is behind the listeners. A kind of service is read from the disk, compiled and made with the first listener that
// wants it: a server that takes mail and sends it on has neither IMAP nor HTTP in its memory.

import { unreachable } from '../base/assert.ts';
import { messageOf } from '../base/error-text.ts';
import { once } from '../base/once.ts';
import type { ListenerConfig } from '../config/settings/listeners.ts';
import { OpenFolders } from '../mailbox/open-folders.ts';
import type { NodeQuestions } from '../watch/nodes/node-questions.ts';
import type { ActiveSync, ActiveSyncServiceParts } from './activesync.ts';
import type { HttpParts } from './http.ts';
import type { ImapParts } from './imap.ts';
import type { MtqpParts } from './mtqp.ts';
import type { FindService } from './service-parts.ts';
import type { Smtp, SmtpParts } from './smtp.ts';
import { createSmtp } from './smtp.ts';
import { createUrls } from './urls.ts';

export type ServicesParts = SmtpParts &
  Omit<HttpParts, 'activeSync'> &
  Omit<ImapParts, 'openFolders'> &
  MtqpParts &
  Pick<ActiveSyncServiceParts, 'rules'> & {
    readonly questions: Pick<NodeQuestions, 'ask' | 'answer'>;
  };

export interface Services extends Pick<Smtp, 'handIn'>, Pick<ActiveSync, 'endWaits'> {
  readonly serviceFor: FindService;
}

export function createServices(parts: ServicesParts): Services {
  const urls = createUrls(parts);
  const smtp = createSmtp(parts, urls);
  /** Made when mail is first read; from then on it watches the store. */
  let opened: OpenFolders | undefined;
  const openFolders = () => (opened ??= new OpenFolders(parts.stores.folders));
  let activeSync: ActiveSync | undefined;
  // Also where no phone can come: the node that asks would wait for an answer.
  parts.questions.answer('device', (device) =>
    typeof device === 'string' ? activeSync?.letGo(device) : undefined,
  );
  const imap = once(async () => {
    const { createImap } = await programOf('imap', import('./imap.ts'));
    return createImap({ ...parts, openFolders }, urls);
  });
  const pop3 = once(async () => (await programOf('pop3', import('./pop3.ts'))).createPop3(parts));
  const mtqp = once(async () => (await programOf('mtqp', import('./mtqp.ts'))).createMtqp(parts));
  const http = once(async () => {
    const { createActiveSync } = await programOf('http', import('./activesync.ts'));
    const { createHttp } = await programOf('http', import('./http.ts'));
    activeSync = createActiveSync({ ...parts, openFolders, handIn: smtp.handIn });
    return createHttp({ ...parts, activeSync });
  });
  const serviceFor: FindService = async (spec) => {
    const { service } = spec;
    switch (service) {
      case 'smtp':
      case 'submission':
      case 'lmtp':
        return smtp.serviceFor({ ...spec, service });
      case 'imap':
        return (await imap())(spec);
      case 'pop3':
        return (await pop3())(spec);
      case 'mtqp':
        return (await mtqp())(spec);
      case 'http':
        return (await http())(spec);
      default:
        return unreachable(service);
    }
  };
  return { serviceFor, handIn: smtp.handIn, endWaits: () => activeSync?.endWaits() };
}

/** Whoever reloads is told whose it is: what Node says of a program may name none. */
const programOf = <Program>(
  service: ListenerConfig['service'],
  program: Promise<Program>,
): Promise<Program> =>
  program.catch((error: unknown) => {
    throw new Error(
      `the program of the service ${service} cannot be read (${messageOf(error)}); restart the server if it has just been upgraded, else install it again`,
      { cause: error },
    );
  });
