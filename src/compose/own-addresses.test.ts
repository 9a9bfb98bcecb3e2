import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import type { ConfigInput } from '../config/config.ts';
import { parseConfig } from '../config/parse-config.ts';
import { addressesWithMail } from './own-addresses.ts';
import { relaySettings } from './relay-settings.ts';

const ofMachine = new Set(['127.0.0.1', '::1', '192.0.2.1', '2001:db8::1']);

function known(listeners: ConfigInput['listeners']): Record<string, string[]> {
  const config = parseConfig({ hostname: 'mx.example.org', listeners }, tmpdir());
  const byPort = addressesWithMail(config.listeners, ofMachine);
  return Object.fromEntries([...byPort].map(([port, all]) => [port, [...all]]));
}

describe('RFC 5321 §5.1: the addresses at which mail would come back to us', () => {
  it('are all of the machine, or those that are listened at', () => {
    assert.deepEqual(known([{ service: 'smtp', port: 25 }]), { 25: [...ofMachine] });
    const four = ['127.0.0.1', '192.0.2.1'];
    assert.deepEqual(known([{ service: 'smtp', host: '0.0.0.0', port: 25 }]), { 25: four });
    const some = ['192.0.2.9', 'localhost', 'mx.example.org'];
    const named = ['192.0.2.9', '127.0.0.1', '::1'];
    assert.deepEqual(known([{ service: 'smtp', host: some, port: 25 }]), { 25: named });
  });

  it('are known by the port: at another there is another server', () => {
    const listeners: ConfigInput['listeners'] = [
      { service: 'smtp', host: '192.0.2.1', port: 2525 },
      { service: 'lmtp', host: '127.0.0.1', port: 24 },
      { service: 'smtp', path: '/run/smtp' },
    ];
    assert.deepEqual(known(listeners), { 2525: ['192.0.2.1'] });
  });

  it('go with the settings of every relay', () => {
    const config = parseConfig({ hostname: 'mx.example.org' }, tmpdir());
    assert.equal(relaySettings(config).ourAddresses?.get(25)?.has('127.0.0.1'), true);
  });
});
