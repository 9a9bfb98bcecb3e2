// What a relay has to know of the configuration, as plain data: it may run in another thread.

import type { Config } from '../config/config.ts';
import type { RelaySettings } from '../deliver/relay/relay.ts';
import { domainKey } from '../mail/address.ts';
import { defaultTimeouts } from '../smtp/client/timeouts.ts';

export function relaySettings({ hostname, delivery, queue, dns }: Config): RelaySettings {
  return {
    dns,
    hostname,
    ourNames: new Set([domainKey(hostname)]),
    limits: {
      hostsMax: delivery.hostsPerMessage,
      connectMs: delivery.connectTimeout,
      idleMs: delivery.idleTimeout,
      messagesPerConnection: queue.messagesPerConnection,
    },
    timeouts: {
      ...defaultTimeouts,
      greetingMs: delivery.greetingTimeout,
      commandMs: delivery.commandTimeout,
      endOfDataMs: delivery.contentTimeout,
    },
    outbound: { convert: delivery.eightBitConversion },
    localAddress: delivery.sourceAddress,
  };
}
