// Objects in a store that speaks S3: written whole or in parts, read from anywhere, each request with its limits.
// What fails for a moment (503 "slow down", a connection that ends) is tried again, each time later; what does not
// come back in time is a StorageError, so that clients hear 451 and mail waits.
// https://docs.aws.amazon.com/AmazonS3/latest/API/

import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import type { Clock } from '../../../base/clock.ts';
import { sleep } from '../../../base/clock.ts';
import { messageOf } from '../../../base/error-text.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { ContentError, pieceBytesMax } from '../../content.ts';
import type { ObjectSettings } from '../../stores.ts';

// Limits: how often a request is made, what is waited for between, and for its answer to begin and to go on.
const attemptsMax = 5;
const firstDelayMs = 100;
const answerMs = 15_000;
const pieceMs = 30_000;
// Limit: of an answer that is no content.
const answerCharactersMax = 64 * 2 ** 10;

interface Asked {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly key: string;
  readonly query?: string;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is an answer beside 2xx. */
  readonly also?: readonly number[];
}

export class Bucket {
  readonly #base: string;
  readonly #client: AwsClient;
  readonly #clock: Clock;

  constructor({ endpoint, bucket, region, accessKey, secretKey }: ObjectSettings, clock: Clock) {
    this.#base = `${endpoint.replace(/\/$/, '')}/${encodeURIComponent(bucket)}`;
    this.#client = new AwsClient({
      ...{ accessKeyId: accessKey, secretAccessKey: secretKey, region, service: 's3' },
    });
    this.#clock = clock;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await (await this.#ask({ method: 'PUT', key, body })).body?.cancel();
  }

  /** Begins an object that comes in parts; names the upload. */
  async beginParts(key: string): Promise<string> {
    const text = await this.#text({ method: 'POST', key, query: 'uploads=' });
    const [, upload] = /<UploadId>([^<]+)<\/UploadId>/.exec(text) ?? [];
    if (upload === undefined) throw new StorageError('the object store names no upload');
    return upload;
  }

  /** Parts are numbered from 1; all but the last have 5 MiB at least. Gives the part's tag. */
  async putPart(key: string, upload: string, number: number, body: Uint8Array): Promise<string> {
    const query = `partNumber=${number}&uploadId=${encodeURIComponent(upload)}`;
    const answer = await this.#ask({ method: 'PUT', key, query, body });
    await answer.body?.cancel();
    const tag = answer.headers.get('etag');
    if (tag === null) throw new StorageError('the object store gives a part no tag');
    return tag;
  }

  async endParts(key: string, upload: string, tags: readonly string[]): Promise<void> {
    const parts = tags.map(
      (tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
    const query = `uploadId=${encodeURIComponent(upload)}`;
    const answer = await this.#text({ method: 'POST', key, query, body });
    // It may fail after it has begun to say that it has not.
    if (/<Error>/.test(answer)) throw new StorageError(`the object store: ${summary(answer)}`);
  }

  async abandonParts(key: string, upload: string): Promise<void> {
    const query = `uploadId=${encodeURIComponent(upload)}`;
    await (await this.#ask({ method: 'DELETE', key, query, also: [404] })).body?.cancel();
  }

  /** Octets; undefined when it is not there. */
  async size(key: string): Promise<number | undefined> {
    const answer = await this.#ask({ method: 'HEAD', key, also: [404] });
    if (answer.status === 404) return undefined;
    return Number(answer.headers.get('content-length'));
  }

  /** What is gone is no error. */
  async remove(key: string): Promise<void> {
    await (await this.#ask({ method: 'DELETE', key, also: [404] })).body?.cancel();
  }

  /**
   * From an octet on; a connection that ends in between is made again. @throws ContentError when it is missing or
   * not of this size, StorageError
   */
  async *read(key: string, size: number, from: number): AsyncGenerator<Uint8Array> {
    let at = from;
    for (let attempt = 1; at < size; attempt += 1) {
      const headers = { range: `bytes=${at}-` };
      const answer = await this.#ask({ method: 'GET', key, headers, also: [404, 416] });
      await assertWhole(answer, key, at, size);
      const begun = at;
      try {
        for await (const piece of piecesOf(answer, this.#clock)) {
          at += piece.length;
          yield piece;
        }
      } catch (error) {
        if (error instanceof ContentError) throw error;
        if (at > begun) attempt = 1;
        if (attempt >= attemptsMax) throw awayError(error);
        await this.#pause(attempt);
        continue;
      }
      if (at < size && attempt >= attemptsMax) throw damaged(key);
    }
  }

  async #text(asked: Asked): Promise<string> {
    return answerText(await this.#ask(asked), this.#clock);
  }

  /** @throws StorageError */
  async #ask(asked: Asked): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      let problem: unknown;
      try {
        const answer = await this.#once(asked);
        if (answer.ok || asked.also?.includes(answer.status)) return answer;
        const text = asked.method === 'HEAD' ? '' : await answerText(answer, this.#clock);
        problem = `${answer.status} ${summary(text)}`;
        // What we are told about ourselves is the same the next time.
        if (answer.status < 500 && answer.status !== 408 && answer.status !== 429)
          throw new StorageError(`the object store: ${problem}`);
      } catch (error) {
        if (error instanceof StorageError) throw error;
        problem = error;
      }
      if (attempt === attemptsMax) throw awayError(problem);
      await this.#pause(attempt);
    }
  }

  async #once({ method, key, query, body, headers }: Asked): Promise<Response> {
    const url = `${this.#base}/${key}${query === undefined ? '' : `?${query}`}`;
    const hash = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const request = await this.#client.sign(url, {
      ...{ method, headers: { ...headers, 'x-amz-content-sha256': hash } },
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
    const ended = new AbortController();
    const cancel = this.#clock.after(answerMs, () => ended.abort(new Error('no answer in time')));
    try {
      return await fetch(request, { signal: ended.signal });
    } finally {
      cancel();
    }
  }

  #pause(attempt: number): Promise<void> {
    // Not all at once again.
    const spread = 0.5 + Math.random();
    return sleep(this.#clock, firstDelayMs * 4 ** (attempt - 1) * spread);
  }
}

const awayError = (problem: unknown): StorageError =>
  new StorageError(
    `the object store: ${problem instanceof Error ? messageOf(problem) : String(problem)}`,
    problem instanceof Error ? { cause: problem } : undefined,
  );

const damaged = (key: string): ContentError =>
  new ContentError('damaged', `object ${key} is not in the bucket as it was written`);

/** @throws ContentError */
async function assertWhole(answer: Response, key: string, at: number, size: number): Promise<void> {
  const { status, headers } = answer;
  if (status === 206) {
    const [, total] = /\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (total === undefined || Number(total) === size) return;
  } else if (status === 200 && at === 0) {
    const length = headers.get('content-length');
    if (length === null || Number(length) === size) return;
  }
  await answer.body?.cancel();
  if (status === 404) throw new ContentError('missing', `object ${key} is not in the bucket`);
  throw damaged(key);
}

/** As they come, none larger than anybody wants. @throws when they do not come in time */
async function* piecesOf(answer: Response, clock: Clock): AsyncGenerator<Uint8Array> {
  if (answer.body === null) return;
  const reader = answer.body.getReader();
  let cancel = () => {};
  try {
    for (;;) {
      const late = new Promise<never>((_, reject) => {
        cancel = clock.after(pieceMs, () => reject(new Error('the content does not go on')));
      });
      const { done, value } = await Promise.race([reader.read(), late]);
      cancel();
      if (done) return;
      for (let at = 0; at < value.length; at += pieceBytesMax)
        yield value.subarray(at, Math.min(at + pieceBytesMax, value.length));
    }
  } finally {
    cancel();
    await reader.cancel().catch(() => {});
  }
}

async function answerText(answer: Response, clock: Clock): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of piecesOf(answer, clock)) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > answerCharactersMax) break;
  }
  return text;
}

/** Code and message of an error, for the log. */
function summary(xml: string): string {
  const [, code] = /<Code>([^<]*)<\/Code>/.exec(xml) ?? [];
  const [, message] = /<Message>([^<]*)<\/Message>/.exec(xml) ?? [];
  return [code, message].filter((one) => one !== undefined).join(': ');
}
