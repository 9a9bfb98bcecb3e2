import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { readRequestLine } from './request-line.ts';
import { commandAt, commandNames } from './versions.ts';

const header = (fields: Readonly<Record<string, string>>) => (name: string) => fields[name];
const none = header({});

describe('the request line of ActiveSync', () => {
  it('[MS-ASHTTP] 2.2.1.1.1.2: reads a plain query', () => {
    const read = readRequestLine(
      'Cmd=Sync&User=ann%40example.org&DeviceId=v140Device&DeviceType=SmartPhone',
      header({
        'ms-asprotocolversion': '14.1',
        'x-ms-policykey': '1307199584',
        'ms-asacceptmultipart': 'T',
      }),
    );
    assert.equal(read.kind, 'request');
    assert.partialDeepStrictEqual(read.request, {
      ...{ command: 'Sync', deviceId: 'v140Device', deviceType: 'SmartPhone', version: '14.1' },
      ...{ policyKey: '1307199584', acceptMultipart: true, saveInSent: false },
    });
  });

  it('[MS-ASHTTP] 2.2.1.1.1.1: reads one that is base64', () => {
    const octets = Buffer.concat([
      Buffer.of(121, 3, 0x09, 0x04),
      Buffer.of(4),
      Buffer.from('fake'),
      Buffer.of(4, 0x20, 0x01, 0x02, 0x03),
      Buffer.of(2),
      Buffer.from('PC'),
      Buffer.of(1, 1, 0x35, 3, 3),
      Buffer.from('5:7'),
      Buffer.of(7, 1, 0x03),
    ]);
    const read = readRequestLine(octets.toString('base64'), none);
    assert.equal(read.kind, 'request');
    assert.partialDeepStrictEqual(read.request, {
      ...{ command: 'SmartReply', deviceId: 'fake', deviceType: 'PC', version: '12.1' },
      ...{ policyKey: String(0x03020120), acceptMultipart: true, saveInSent: true },
      ...{ collectionId: '5', itemId: '5:7' },
    });
  });

  it('has the numbers of [MS-ASHTTP] 2.2.1.1.1.1.2', () => {
    assert.deepEqual([0, 4, 5, 8, 9, 13, 18, 20, 23, 24].map(commandAt), [
      ...['Sync', 'GetAttachment', undefined, undefined, 'FolderSync', 'MoveItems', 'Ping'],
      ...['Provision', 'Find', undefined],
    ]);
    assert.equal(commandNames.length, 20);
  });

  for (const [query, status] of [
    ['Cmd=Nothing&DeviceId=a&DeviceType=b', 501],
    ['Cmd=Sync&DeviceId=a%20b&DeviceType=b', 400],
    ['Cmd=Sync&DeviceType=b', 400],
    ['', 400],
    ['AAAA', 400],
    ['%%%', 400],
    [`Cmd=Sync&DeviceId=${'a'.repeat(5000)}`, 400],
  ] as const)
    it(`refuses ${query.slice(0, 40)} with ${status}`, () => {
      const read = readRequestLine(query, header({ 'ms-asprotocolversion': '16.1' }));
      assert.equal(read.kind === 'refused' && read.status, status);
    });

  it('refuses a version that is not spoken with 505', () => {
    const read = readRequestLine('Cmd=Sync&DeviceId=a', none);
    assert.equal(read.kind === 'refused' && read.status, 505);
  });

  it('is total', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.string(), (octets, text) => {
        readRequestLine(Buffer.from(octets).toString('base64'), none);
        readRequestLine(`Cmd=Sync&${text}`, header({ 'ms-asprotocolversion': text }));
      }),
    );
  });
});
