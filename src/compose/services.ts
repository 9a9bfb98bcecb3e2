// The services behind the listeners, one kind of listener after the other.

import { unreachable } from '../base/assert.ts';
import { OpenFolders } from '../mailbox/open-folders.ts';
import type { ActiveSync, ActiveSyncServiceParts } from './activesync.ts';
import { createActiveSync } from './activesync.ts';
import type { HttpParts } from './http.ts';
import { createHttp } from './http.ts';
import type { ImapParts } from './imap.ts';
import { createImap } from './imap.ts';
import type { MtqpParts } from './mtqp.ts';
import { createMtqp } from './mtqp.ts';
import { createPop3 } from './pop3.ts';
import type { ServiceFor } from './service-parts.ts';
import type { Smtp, SmtpParts } from './smtp.ts';
import { createSmtp } from './smtp.ts';
import { createUrls } from './urls.ts';

export type ServicesParts = SmtpParts &
  Omit<HttpParts, 'activeSync'> &
  Omit<ImapParts, 'openFolders'> &
  MtqpParts &
  Pick<ActiveSyncServiceParts, 'rules'>;

export interface Services extends Pick<Smtp, 'handIn'>, Pick<ActiveSync, 'endWaits'> {
  readonly serviceFor: ServiceFor;
}

export function createServices(parts: ServicesParts): Services {
  const urls = createUrls(parts);
  const smtp = createSmtp(parts, urls);
  /** Made when mail is first read; from then on it watches the store. */
  let opened: OpenFolders | undefined;
  const openFolders = () => (opened ??= new OpenFolders(parts.stores.folders));
  const activeSync = createActiveSync({ ...parts, openFolders, handIn: smtp.handIn });
  const http = createHttp({ ...parts, activeSync });
  const imap = createImap({ ...parts, openFolders }, urls);
  const pop3 = createPop3(parts);
  const mtqp = createMtqp(parts);
  const serviceFor: ServiceFor = (spec) => {
    const { service } = spec;
    switch (service) {
      case 'smtp':
      case 'submission':
      case 'lmtp':
        return smtp.serviceFor({ ...spec, service });
      case 'imap':
        return imap(spec);
      case 'pop3':
        return pop3(spec);
      case 'mtqp':
        return mtqp(spec);
      case 'http':
        return http(spec);
      default:
        return unreachable(service);
    }
  };
  return { serviceFor, handIn: smtp.handIn, endWaits: activeSync.endWaits };
}
