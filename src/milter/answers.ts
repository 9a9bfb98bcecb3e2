// What a filter answers: a verdict on what it was shown, and, at the end of a message, how it is to be changed.
// Octets of fields and bodies stay octets; a field's value keeps the line ends that the filter gave it.

import { type Frame, MilterError, parseNumber, parseTexts, response } from './frame.ts';
import { actions, type Terms } from './terms.ts';

export type Verdict =
  | { readonly kind: 'continue' }
  /** No more of this message; at the beginning, of this client. */
  | { readonly kind: 'accept' }
  /** Taken, and thrown away. */
  | { readonly kind: 'discard' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'tempfail' }
  /** 421, and the connection ends. */
  | { readonly kind: 'shutdown' }
  | {
      readonly kind: 'reply';
      /** 4yz or 5yz. */
      readonly code: number;
      /** `7.1` of `5.7.1`; its class is that of the code. */
      readonly detail: string | undefined;
      readonly lines: readonly [string, ...string[]];
    };

export type Change =
  /** Behind all others. */
  | { readonly kind: 'add-header'; readonly name: string; readonly value: Uint8Array }
  /** Before the field that has so many before it. */
  | {
      readonly kind: 'insert-header';
      readonly index: number;
      readonly name: string;
      readonly value: Uint8Array;
    }
  /** The field of that name that has so many of that name up to it; without a value it is taken out. */
  | {
      readonly kind: 'change-header';
      readonly index: number;
      readonly name: string;
      readonly value: Uint8Array | undefined;
    }
  | ({ readonly kind: 'change-sender' } & Path)
  | ({ readonly kind: 'add-recipient' } & Path)
  | { readonly kind: 'delete-recipient'; readonly address: string }
  /** The body, or more of it. */
  | { readonly kind: 'replace-body'; readonly bytes: Uint8Array }
  | { readonly kind: 'quarantine'; readonly reason: string };

export interface Path {
  /** Without its angle brackets. */
  readonly address: string;
  /** `KEY=value`. */
  readonly params: readonly string[];
}

const plain: ReadonlyMap<string, Exclude<Verdict['kind'], 'reply'>> = new Map([
  [response.continue, 'continue'],
  [response.accept, 'accept'],
  [response.discard, 'discard'],
  [response.reject, 'reject'],
  [response.tempfail, 'tempfail'],
  // Sendmail's word for "as if the filter could not be reached".
  [response.connectionFailed, 'tempfail'],
  [response.shutdown, 'shutdown'],
]);

/** Undefined for what is no verdict. @throws MilterError */
export function parseVerdict(frame: Frame): Verdict | undefined {
  const kind = plain.get(frame.code);
  if (kind !== undefined) return { kind };
  return frame.code === response.replyCode ? parseReply(frame.data) : undefined;
}

/** Limits: what a client is told of a filter's reply. */
const replyLinesMax = 32;
const replyLineBytesMax = 980;

/** `550 5.7.1 No`, and with more lines `550-5.7.1 No\r\n550 5.7.1 way`; a percent sign is doubled. */
function parseReply(data: Buffer): Verdict {
  const [text = Buffer.alloc(0)] = parseTexts(data);
  const lines = text
    .toString()
    .replaceAll('%%', '%')
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => /^([45]\d\d)(?:[ -](?:[45]\.(\d{1,3}\.\d{1,3})(?: |$))?(.*))?$/.exec(line));
  const [first] = lines;
  if (first == null) throw new MilterError('a reply that is none');
  const [, code, detail] = first;
  // A line that is not like the first is text that goes on.
  const texts = lines.flatMap((line) => (line === null ? [] : [printable(line[3] ?? '')]));
  const [head = '', ...rest] = texts.slice(0, replyLinesMax);
  return { kind: 'reply', code: Number(code), detail, lines: [head, ...rest] };
}

const printable = (text: string): string =>
  text.replace(/[\x00-\x08\x0a-\x1f\x7f]+/g, ' ').slice(0, replyLineBytesMax);

/** Undefined for what is no change. @throws MilterError */
export function parseChange({ code, data }: Frame, { actions: agreed }: Terms): Change | undefined {
  const parser = changes.get(code);
  if (parser === undefined) return undefined;
  if ((agreed & parser.needs) === 0)
    throw new MilterError(`a change ('${code}') that it did not ask for`);
  return parser.parse(data);
}

interface ChangeParser {
  readonly needs: number;
  readonly parse: (data: Buffer) => Change;
}

const anyRecipient = actions.addRecipient | actions.addRecipientWithParams;

const changes: ReadonlyMap<string, ChangeParser> = new Map<string, ChangeParser>([
  [
    response.addHeader,
    { needs: actions.addHeader, parse: (data) => ({ kind: 'add-header', ...field(data) }) },
  ],
  [
    response.insertHeader,
    {
      needs: actions.addHeader,
      parse: (data) => ({
        kind: 'insert-header',
        index: parseNumber(data, 0),
        ...field(data.subarray(4)),
      }),
    },
  ],
  [
    response.changeHeader,
    {
      needs: actions.changeHeader,
      parse(data) {
        const { name, value } = field(data.subarray(4));
        const index = parseNumber(data, 0);
        return {
          ...{ kind: 'change-header', index, name },
          value: value.length === 0 ? undefined : value,
        };
      },
    },
  ],
  [
    response.replaceBody,
    { needs: actions.changeBody, parse: (bytes) => ({ kind: 'replace-body', bytes }) },
  ],
  [
    response.changeSender,
    {
      needs: actions.changeSender,
      parse: (data) => ({ kind: 'change-sender', ...path(data) }),
    },
  ],
  [
    response.addRecipient,
    { needs: anyRecipient, parse: (data) => ({ kind: 'add-recipient', ...path(data) }) },
  ],
  [
    response.addRecipientWithParams,
    { needs: anyRecipient, parse: (data) => ({ kind: 'add-recipient', ...path(data) }) },
  ],
  [
    response.deleteRecipient,
    {
      needs: actions.deleteRecipient,
      parse: (data) => ({ kind: 'delete-recipient', address: path(data).address }),
    },
  ],
  [
    response.quarantine,
    {
      needs: actions.quarantine,
      parse: (data) => ({ kind: 'quarantine', reason: printable(textsOf(data)[0] ?? '') }),
    },
  ],
]);

/** RFC 5322 §2.2: printable US-ASCII but the colon. Anything else would not be a field. */
const isName = (name: string): boolean => /^[!-9;-~]{1,998}$/.test(name);

function field(data: Buffer): { readonly name: string; readonly value: Buffer } {
  const [bytes = Buffer.alloc(0), value = Buffer.alloc(0)] = parseTexts(data);
  const name = bytes.toString('latin1');
  if (!isName(name)) throw new MilterError('a field whose name is none');
  return { name, value };
}

/** An address with or without its angle brackets, and parameters that are separated by NUL or by spaces. */
function path(data: Buffer): Path {
  const [address = '', ...params] = textsOf(data);
  return {
    address: address.trim().replace(/^<(.*)>$/, '$1'),
    params: params.flatMap((text) => text.split(' ').filter((param) => param !== '')),
  };
}

const textsOf = (data: Buffer): string[] => parseTexts(data).map(String);
