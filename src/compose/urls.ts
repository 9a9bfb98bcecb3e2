// URLs that lend messages: one authority, since IMAP makes what submission redeems.

import { UrlAuthority } from '../access/imap/urls/url-authority.ts';
import type { ServiceParts } from './service-parts.ts';

export const createUrls = ({
  inForce,
  stores,
  random,
  clock,
}: Pick<ServiceParts, 'inForce' | 'stores' | 'random' | 'clock'>): UrlAuthority =>
  new UrlAuthority({
    ...{ folders: stores.folders, records: stores.records, random, clock },
    hostname: () => inForce().config.hostname,
    accountOf: (user) => inForce().addressMap.accountOf(user),
  });
