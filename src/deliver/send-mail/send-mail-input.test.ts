import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { InputError } from '../../base/input-error.ts';
import { scriptedServer } from '../../net/scripted-server.ts';
import { sendMail } from './send-mail.ts';
import { checkedInput } from './send-mail-input.ts';
import type { SendMailOptions } from './send-mail-options.ts';

const letter: SendMailOptions = {
  from: 'me@example.org',
  to: 'a@example.net',
  message: 'Subject: x\n\nHi.\n',
  hostname: 'me.example.org',
};
/** What a JavaScript program may give. */
const given = (changes: object) => ({ ...letter, ...changes }) as SendMailOptions;

const key = '-----BEGIN PRIVATE KEY-----\nMIGHhunter\n-----END PRIVATE KEY-----\n';

const bad: readonly (readonly [string, object, string, string])[] = [
  ['a recipient with a parameter', { to: 'c@d.test> NOTIFY=NEVER' }, 'INVALID_ADDRESS', 'to'],
  ['a recipient with a command', { to: 'c@d.test>\r\nDATA\r\n' }, 'INVALID_ADDRESS', 'to'],
  ['a name beside the address', { to: 'Ann <ann@d.test>' }, 'INVALID_ADDRESS', 'to'],
  ['the second of two', { to: ['a@b.test', 'c d@e.test'] }, 'INVALID_ADDRESS', 'to[1]'],
  ['an object with a bad one', { to: [{ address: 'x' }] }, 'INVALID_ADDRESS', 'to[0].address'],
  ['several in one text', { to: 'a@b.test, c@d.test' }, 'INVALID_ADDRESS', 'to'],
  ['nobody', { to: [] }, 'MISSING_OPTION', 'to'],
  ['no recipient', { to: undefined }, 'MISSING_OPTION', 'to'],
  ['no sender', { from: undefined }, 'MISSING_OPTION', 'from'],
  ['a number', { to: 7 }, 'INVALID_ADDRESS', 'to'],
  ['a sender with a parameter', { from: 'a@b.test> BODY=8BITMIME' }, 'INVALID_ADDRESS', 'from'],
  ['a name with a line end', { hostname: 'x\r\nMAIL FROM:<a@b>' }, 'INVALID_HOSTNAME', 'hostname'],
  ['a key for a name', { hostname: key }, 'INVALID_HOSTNAME', 'hostname'],
  ['a key for a recipient', { to: key }, 'INVALID_ADDRESS', 'to'],
  ['a key for an option', { [key]: true }, 'UNKNOWN_OPTION', 'what is in a PEM file'],
  ['a name with a blank', { hostname: 'a b' }, 'INVALID_HOSTNAME', 'hostname'],
  [
    'a parameter that ends its line',
    { params: ['RET=HDRS\r\nX'] },
    'INVALID_PARAMETER',
    'params[0]',
  ],
  ['two parameters in one', { params: ['RET=HDRS SIZE=1'] }, 'INVALID_PARAMETER', 'params[0]'],
  ['a parameter nobody knows', { params: ['RET=FULL', 'X=1'] }, 'INVALID_PARAMETER', 'params[1]'],
  [
    'a recipient’s parameter that is the sender’s',
    { to: { address: 'a@b.test', params: ['RET=HDRS'] } },
    'INVALID_PARAMETER',
    'to.params[0]',
  ],
  [
    'a user with a NUL',
    { auth: { user: 'a\0b', password: 'x' } },
    'INVALID_CREDENTIALS',
    'auth.user',
  ],
  ['a user with ^A', { auth: { user: 'a\x01b', token: 'x' } }, 'INVALID_CREDENTIALS', 'auth.user'],
  ['no user', { auth: { password: 'x' } }, 'INVALID_CREDENTIALS', 'auth.user'],
  [
    'a password with a NUL',
    { auth: { user: 'a', password: 'hun\0ter2' } },
    'INVALID_CREDENTIALS',
    'auth.password',
  ],
  [
    'a token with ^A',
    { auth: { user: 'a', token: 'hunter2\x01' } },
    'INVALID_CREDENTIALS',
    'auth.token',
  ],
  ['an unknown option', { recipient: 'a@b.test' }, 'UNKNOWN_OPTION', 'recipient'],
  [
    'an unknown one of auth',
    { auth: { user: 'a', pass: 'hunter2' } },
    'UNKNOWN_OPTION',
    'auth.pass',
  ],
  ['a host with a blank', { host: 'a b' }, 'INVALID_OPTION', 'host'],
  ['a port that is none', { port: 70_000 }, 'INVALID_OPTION', 'port'],
  ['a word for TLS that there is not', { tls: 'required' }, 'INVALID_OPTION', 'tls'],
  ['TLS as yes or no', { tls: true }, 'INVALID_OPTION', 'tls'],
  ['a protocol there is not', { protocol: 'esmtp' }, 'INVALID_OPTION', 'protocol'],
  ['yes as a word', { implicitTls: 'yes' }, 'INVALID_OPTION', 'implicitTls'],
  ['a trace that is none', { trace: 'yes' }, 'INVALID_OPTION', 'trace'],
  ['a time as a word', { connectMs: '5s' }, 'INVALID_OPTION', 'connectMs'],
  ['an unknown timeout', { timeouts: { dataEndMs: 1 } }, 'UNKNOWN_OPTION', 'timeouts.dataEndMs'],
  ['a list for the options of auth', { auth: ['a', 'hunter2'] }, 'INVALID_OPTION', 'auth'],
  ['no login as null', { auth: null }, 'INVALID_OPTION', 'auth'],
  ['one time for all', { timeouts: 5 }, 'INVALID_OPTION', 'timeouts'],
  ['times as null', { timeouts: null }, 'INVALID_OPTION', 'timeouts'],
  ['a timeout as a text', { timeouts: { dataMs: '5' } }, 'INVALID_OPTION', 'timeouts.dataMs'],
  ['no time to connect', { connectMs: 0 }, 'INVALID_OPTION', 'connectMs'],
  ['a time that is no number', { connectMs: Number.NaN }, 'INVALID_OPTION', 'connectMs'],
  ['a signal that is none', { signal: new AbortController() }, 'INVALID_OPTION', 'signal'],
  ['authorities by the name of a file', { authorities: 'ca.pem' }, 'INVALID_OPTION', 'authorities'],
  ['a key as authorities', { authorities: key }, 'INVALID_OPTION', 'authorities'],
  ['parameters as a text', { params: 'RET=HDRS' }, 'INVALID_OPTION', 'params'],
  ['no message', { message: undefined }, 'MISSING_OPTION', 'message'],
  ['a message that is an object', { message: {} }, 'INVALID_OPTION', 'message'],
];

describe('sendMail: what it is given', () => {
  for (const [title, changes, code, option] of bad)
    it(`RFC 5321 §4.1.2: refuses ${title}`, async () => {
      await using server = await scriptedServer();
      await assert.rejects(sendMail(given({ port: server.port, ...changes })), (error) => {
        assert.ok(error instanceof InputError && error instanceof TypeError);
        assert.deepEqual([error.code, error.option], [code, option]);
        assert.doesNotMatch(error.message, /[\r\n\0]/);
        assert.doesNotMatch(inspect(error), /hunter|hun\0ter/);
        return true;
      });
      assert.equal(server.connections.total, 0, 'nothing is done');
    });

  it('takes no text, number or list for its options', async () => {
    for (const options of ['x', 5, [], () => {}])
      await assert.rejects(sendMail(options as never), {
        ...{ code: 'INVALID_OPTION', option: 'options' },
      });
  });

  it('says what is missing where nothing is given', () =>
    assert.rejects((sendMail as () => Promise<unknown>)(), { code: 'MISSING_OPTION' }));

  it('takes the null sender, quoted and internationalised addresses, postmaster, parameters', () => {
    const input = checkedInput(
      given({
        from: '',
        to: ['"a b>c"@x.test', 'jörg@bücher.example', 'Postmaster', '"plain"@x.test'],
        params: ['RET=HDRS', 'ENVID=abc'],
      }),
    );
    assert.equal(input.sender, '');
    assert.deepEqual(
      input.recipients.map(({ address }) => address),
      ['"a b>c"@x.test', 'jörg@bücher.example', 'Postmaster', 'plain@x.test'],
    );
    assert.deepEqual(input.params, ['RET=HDRS', 'ENVID=abc']);
    assert.equal(checkedInput(given({ hostname: '[192.0.2.1]' })).hostname, '[192.0.2.1]');
    assert.match(checkedInput(given({ hostname: undefined })).hostname, /^[^\s]+$/);
  });

  it('RFC 3461 §4.1: a recipient’s parameters reach the wire, where the server takes them', async () => {
    await using server = await scriptedServer({ keywords: ['DSN'] });
    const to = [{ address: 'a@example.net', params: ['NOTIFY=NEVER'] }, 'b@example.net'];
    await sendMail({ ...letter, port: server.port, to });
    assert.ok(server.heard.includes('RCPT TO:<a@example.net> NOTIFY=NEVER'));
    assert.ok(server.heard.includes('RCPT TO:<b@example.net>'));
  });
});
