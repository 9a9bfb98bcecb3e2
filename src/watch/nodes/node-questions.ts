// What one of several nodes asks all others, and what they answer: what is known at one alone, and is wanted now and
// then. It goes by way of the store, as records whose changes nodes are told of, so that nodes need no way to each other.
// Who does not answer is named.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { allRecords } from '../../store/all-records.ts';
import type { Nodes } from '../../store/nodes.ts';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';
import { recordCharactersMax } from '../../store/record-store.ts';

/** What nodes are asked: `news`, `sessions` and `webhooks` to be told of, `session-end`, `queue` and `device` (to let go of it) to do. */
export type Question = 'device' | 'news' | 'queue' | 'session-end' | 'sessions' | 'webhooks';

/** A node that did not answer: what it has is missing. */
export interface SilentNode {
  readonly node: string;
  /** `gone`: nobody expects it to, as `node list` says; `silent`: it should have. */
  readonly state: 'gone' | 'silent';
}

export interface NodeAnswers {
  readonly answers: readonly { readonly node: string; readonly said: unknown }[];
  readonly silent: readonly SilentNode[];
}

export interface NodeQuestionsParts {
  readonly records: Pick<RecordStore, 'put' | 'list' | 'watch'>;
  readonly nodes: Pick<Nodes, 'number' | 'list'>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
}

const questionKind = 'node-question';
const answerKind = 'node-answer';
/** Two looks of a second each, where nodes cannot wake each other, and time to answer. */
const patienceMs = 3000;
/** Limit: how wrong the clock of a node may be. What was asked and answered before is written over. */
const keptMs = 600_000;
/** Limit: characters of a piece of an answer, which JSON may make twice as long within a record. */
const pieceCharacters = Math.floor(recordCharactersMax / 2) - 200;
/** Limit: questions that are known to be answered. */
const answeredMax = 10_000;

interface Asked {
  readonly id: string;
  readonly what: string;
  readonly input: unknown;
}

/** A piece of an answer, which has so many of them. */
interface Piece {
  readonly id: string;
  readonly pieces: number;
  readonly text: string;
}

const nobody: NodeAnswers = { answers: [], silent: [] };

export class NodeQuestions {
  readonly #parts: NodeQuestionsParts;
  readonly #works = new Map<string, (input: unknown, from: number) => unknown>();
  readonly #answered = new BoundedMap<string, true>(answeredMax);
  /** The last of each kind; who asks next waits for it. */
  readonly #last = new Map<Question, Promise<unknown>>();
  /** Those that have not begun: who asks the same gets the same answer. */
  readonly #next = new Map<string, Promise<NodeAnswers>>();
  readonly #listening = new Set<() => void>();
  #looking: Promise<void> = Promise.resolve();
  #unwatch: readonly (() => void)[] = [];

  constructor(parts: NodeQuestionsParts) {
    this.#parts = parts;
  }

  /** What this node answers, as JSON; `from` is the number of the node that asks. */
  answer(what: Question, work: (input: unknown, from: number) => unknown): void {
    this.#works.set(what, work);
  }

  start(): void {
    const { nodes, records } = this.#parts;
    if (nodes.number === 0) return;
    this.#unwatch = [
      records.watch(questionKind, () => this.#lookAtQuestions()),
      records.watch(answerKind, () => {
        for (const look of this.#listening) look();
      }),
    ];
  }

  async stop(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch();
    await this.#looking;
  }

  /** All others, at once. Questions of a kind are asked one after the other. @throws StorageError */
  ask(what: Question, input: unknown): Promise<NodeAnswers> {
    if (this.#parts.nodes.number === 0) return Promise.resolve(nobody);
    const key = `${what} ${JSON.stringify(input)}`;
    const before = this.#next.get(key);
    if (before !== undefined) return before;
    const asked = (this.#last.get(what) ?? Promise.resolve()).then(() => {
      this.#next.delete(key);
      return this.#ask(what, input);
    });
    this.#next.set(key, asked);
    this.#last.set(
      what,
      asked.catch(() => {}),
    );
    return asked;
  }

  async #ask(what: Question, input: unknown): Promise<NodeAnswers> {
    const { nodes, records, clock, random } = this.#parts;
    const others = (await nodes.list()).filter(({ number }) => number !== nodes.number);
    const there = others.filter(({ state }) => state !== 'gone');
    const id = random.bytes(9).toString('hex');
    const said = new Map<number, unknown>();
    if (there.length > 0) {
      const asked: Asked = { id, what, input };
      const key = `${what} ${nodes.number}`;
      const expires = clock.now() + keptMs;
      await records.put([{ kind: questionKind, key, value: JSON.stringify(asked), expires }]);
      await this.#hear(`${key} `, id, said, there.length);
    }
    return {
      answers: there
        .filter(({ number }) => said.has(number))
        .map(({ number, name }) => ({ node: name, said: said.get(number) })),
      silent: others
        .filter(({ number }) => !said.has(number))
        .map(({ name, state }) => ({ node: name, state: state === 'gone' ? 'gone' : 'silent' })),
    };
  }

  /** Until so many have answered, or for as long as we have patience. */
  async #hear(prefix: string, id: string, said: Map<number, unknown>, wanted: number) {
    let isOver = false;
    let wake = (): void => {};
    const cancel = this.#parts.clock.after(patienceMs, () => {
      isOver = true;
      wake();
    });
    const look = () => wake();
    this.#listening.add(look);
    try {
      while (!isOver && said.size < wanted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        for (const [number, one] of answersIn(await this.#list(answerKind, prefix), id))
          said.set(number, one);
        if (said.size < wanted && !isOver) await woken;
      }
    } finally {
      cancel();
      this.#listening.delete(look);
    }
  }

  /** One look after the other. */
  #lookAtQuestions(): void {
    this.#looking = this.#looking.then(() => this.#answerAll()).catch(() => {});
  }

  async #answerAll(): Promise<void> {
    const { nodes } = this.#parts;
    for (const { key, value } of await this.#list(questionKind, '')) {
      const from = Number(key.slice(key.lastIndexOf(' ') + 1));
      const { id, what, input } = JSON.parse(value) as Asked;
      const work = this.#works.get(what);
      if (from === nodes.number || work === undefined || this.#answered.get(id) === true) continue;
      this.#answered.set(id, true);
      // One that takes its time holds up no other. What fails the asker names.
      this.#tell(`${key} ${nodes.number}`, id, () => work(input, from)).catch(() => {});
    }
  }

  async #tell(key: string, id: string, work: () => unknown): Promise<void> {
    const { records, clock } = this.#parts;
    const texts = cut(JSON.stringify(await work()) ?? 'null');
    const expires = clock.now() + keptMs;
    await records.put(
      texts.map((text, i): StoredRecord => {
        const piece: Piece = { id, pieces: texts.length, text };
        const value = JSON.stringify(piece);
        return { kind: answerKind, key: `${key} ${String(i).padStart(4, '0')}`, value, expires };
      }),
    );
  }

  #list(kind: string, prefix: string): Promise<readonly StoredRecord[]> {
    return Array.fromAsync(allRecords(this.#parts.records, kind, { prefix }));
  }
}

const cut = (text: string): readonly string[] =>
  Array.from({ length: Math.max(1, Math.ceil(text.length / pieceCharacters)) }, (_, i) =>
    text.slice(i * pieceCharacters, (i + 1) * pieceCharacters),
  );

/** Whole ones, by the number of the node; keys end in it and in the number of the piece. */
function answersIn(
  records: readonly StoredRecord[],
  id: string,
): readonly (readonly [number, unknown])[] {
  const found = new Map<number, Piece[]>();
  for (const { key, value } of records) {
    const piece = JSON.parse(value) as Piece;
    const number = Number(key.split(' ').at(-2));
    if (piece.id === id) found.set(number, [...(found.get(number) ?? []), piece]);
  }
  return [...found]
    .filter(([, pieces]) => pieces.length === pieces[0]!.pieces)
    .map(([number, pieces]) => [number, JSON.parse(pieces.map(({ text }) => text).join(''))]);
}
