// What a relay has to know of the configuration, as plain data: it may run in another thread.

import type { Config } from '../config/config.ts';
import type { RelaySettings } from '../deliver/relay/relay.ts';
import { domainKey } from '../mail/fields/address.ts';
import { defaultTimeouts } from '../smtp/client/timeouts.ts';
import { keyDirectory } from '../trust/dkim-keys.ts';
import { addressesWithMail, ownAddresses } from './own-addresses.ts';

export function relaySettings(config: Config): RelaySettings {
  const { hostname, delivery, queue, dns, dane, listeners } = config;
  const directory = signingKeys(config);
  return {
    dns,
    dane,
    hostname,
    ourNames: new Set([domainKey(hostname)]),
    ourAddresses: addressesWithMail(listeners, ownAddresses()),
    limits: { ...delivery, messagesPerConnection: queue.messagesPerConnection },
    timeouts: {
      ...defaultTimeouts,
      greetingMs: delivery.greetingTimeout,
      commandMs: delivery.commandTimeout,
      endOfDataMs: delivery.contentTimeout,
    },
    outbound: {
      convert: delivery.eightBitConversion,
      ...(directory !== undefined && { seal: { directory }, sign: { directory } }),
    },
    localAddress: delivery.sourceAddress,
  };
}

/** Where the keys are that mail is signed with; undefined where none is. */
export const signingKeys = ({ dkim, dev, dataDirectory }: Config): string | undefined =>
  dkim.sign && !dev ? keyDirectory(dataDirectory) : undefined;
