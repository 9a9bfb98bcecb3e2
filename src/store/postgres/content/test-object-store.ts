// A small S3 for tests: objects in memory, parts, ranges, signatures that are checked, and whatever else shall happen
// to a request.

import assert from 'node:assert/strict';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../../base/clock.ts';
import type { ObjectSettings } from '../../stores.ts';

type Disturbance = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestObjectStore extends AsyncDisposable {
  readonly settings: ObjectSettings;
  readonly objects: ReadonlyMap<string, Buffer>;
  /** What happens to the next requests instead of an answer, one each. */
  disturb(...next: readonly Disturbance[]): void;
}

/** Waits are short: a hundredth. */
export function hurriedClock(): Clock {
  const clock = systemClock();
  return { ...clock, after: (ms, then) => clock.after(ms / 100, then) };
}

const keys = { accessKey: 'key', secretKey: 'secret' } as const;
const region = 'test-1';

export async function startObjectStore(): Promise<TestObjectStore> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const disturbances: Disturbance[] = [];
  const server = createServer((request, response) => {
    const disturbance = disturbances.shift();
    if (disturbance !== undefined) {
      request.resume();
      request.on('error', () => {});
      disturbance(request, response);
      return;
    }
    // Who asked may have gone.
    answer({ request, response, objects, uploads }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    settings: { endpoint: `http://127.0.0.1:${address.port}`, bucket: 'mail', region, ...keys },
    objects,
    disturb: (...next) => void disturbances.push(...next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly objects: Map<string, Buffer>;
  readonly uploads: Map<string, Map<number, Buffer>>;
}

async function answer({ request, response, objects, uploads }: Asked): Promise<void> {
  const body = Buffer.concat(await request.toArray());
  const url = new URL(request.url ?? '/', 'http://localhost');
  const say = (status: number, text: string | Buffer = '', headers = {}) => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(text), ...headers });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  const refuse = (status: number, code: string) =>
    say(status, `<Error><Code>${code}</Code><Message>no</Message></Error>`);
  if (!isSigned(request, url, body)) return refuse(403, 'SignatureDoesNotMatch');
  const key = url.pathname.replace(/^\/mail\//, '');
  const upload = url.searchParams.get('uploadId');
  switch (request.method) {
    case 'PUT': {
      const tag = `"${createHash('md5').update(body).digest('hex')}"`;
      if (upload === null) objects.set(key, body);
      else if (!uploads.has(upload)) return refuse(404, 'NoSuchUpload');
      else uploads.get(upload)!.set(Number(url.searchParams.get('partNumber')), body);
      return say(200, '', { etag: tag });
    }
    case 'POST': {
      if (upload === null) {
        const id = `upload-${uploads.size + 1}`;
        uploads.set(id, new Map());
        return say(200, `<R><UploadId>${id}</UploadId></R>`);
      }
      const parts = uploads.get(upload);
      if (parts === undefined) return refuse(404, 'NoSuchUpload');
      const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, n]) =>
        Number(n),
      );
      objects.set(key, Buffer.concat(numbers.map((number) => parts.get(number)!)));
      uploads.delete(upload);
      return say(200, '<R/>');
    }
    case 'DELETE':
      if (upload === null) objects.delete(key);
      else uploads.delete(upload);
      return say(204);
    default: {
      const found = objects.get(key);
      if (found === undefined) return refuse(404, 'NoSuchKey');
      const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
      if (from === undefined) return say(200, found);
      const range = `bytes ${from}-${found.length - 1}/${found.length}`;
      return say(206, found.subarray(Number(from)), { 'content-range': range });
    }
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function isSigned(request: IncomingMessage, url: URL, body: Buffer): boolean {
  const header = request.headers.authorization ?? '';
  const [, credential, names, given] =
    /Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})/.exec(header) ?? [];
  if (credential === undefined || names === undefined || given === undefined) return false;
  const hash = createHash('sha256').update(body).digest('hex');
  if (request.headers['x-amz-content-sha256'] !== hash) return false;
  const [key, day, place, service] = credential.split('/');
  assert.deepEqual([key, place, service], [keys.accessKey, region, 's3']);
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort();
  const signed = names
    .split(';')
    .map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [
    ...[request.method, url.pathname, query.join('&'), signed.join(''), names, hash],
  ].join('\n');
  const scope = `${day}/${place}/${service}/aws4_request`;
  const text = [
    ...['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope],
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  const hmac = (secret: string | Buffer, value: string) =>
    createHmac('sha256', secret).update(value).digest();
  const signing = [day!, place!, service!, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${keys.secretKey}`,
  );
  return timingSafeEqual(hmac(signing, text), Buffer.from(given, 'hex'));
}
