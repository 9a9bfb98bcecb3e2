// The nodes that share a store: which there are, which of them are alive, and what one of them does at a time. A
// store that one process has to itself has one node, whose number is 0.

export type NodeState =
  | 'active'
  /** It takes nothing new, finishes what it has, and ends. */
  | 'draining'
  /** Its process has ended, or does not answer. */
  | 'gone';

export interface NodeFacts {
  /** As ids of messages show it that it made: 1 to 255. */
  readonly number: number;
  readonly name: string;
  readonly state: NodeState;
  /** Of the program it runs. */
  readonly version: string;
  /** By the database's clock; undefined of a node that never was there. */
  readonly started: number | undefined;
  readonly seen: number | undefined;
  /** Recipients in the queue that it attempts. */
  readonly leased: number;
}

/** Limit: numbers of nodes that share a store; 0 is a server that is alone. */
export const nodesMax = 256;

/** What one node does at a time. */
export type Duty =
  | 'certificates'
  | 'dkim-keys'
  | 'reports'
  | 'sts-policies'
  | 'upkeep'
  | 'webhooks';

/**
 * A turn at a duty. Stores are told it along with a change that is made in it, and refuse the change when
 * another node may be at it by now.
 */
export interface Turn {
  readonly duty: Duty;
  /** Of the node that has it. */
  readonly session: number;
  /** Before something that no store can refuse. @throws TurnLostError, StorageError */
  confirm(): Promise<void>;
}

/** This node was taken for dead meanwhile, and another one goes on with it. */
export class TurnLostError extends Error {
  constructor(duty: Duty) {
    super(`another node may be at ${duty} by now`);
  }
}

/**
 * Undefined, and nothing is done, when another node is at it, or this one already. The turn is free again when
 * `work` is done, or when others take this node for dead.
 */
export type InTurn = <T>(duty: Duty, work: (turn: Turn) => Promise<T>) => Promise<T | undefined>;

/** What one node has to itself until it gives it away: a phone that speaks to it. */
export interface Holdings {
  /** Costs nothing: it is this node's, and no other one can have taken it. */
  has(what: string): boolean;
  /** False when another node that is there has it. @throws StorageError */
  hold(what: string): Promise<boolean>;
  letGo(what: string): Promise<void>;
}

/** A node's part of limits that hold for all nodes together. */
export interface Shares {
  /** Nodes among which is divided. */
  readonly count: number;
  /** Of `limit` for this key; 0: another node does it, or nobody yet. */
  of(key: string, limit: number): number;
  /** The parts are others now. */
  watch(listener: () => void): () => void;
  /** Asked now and then: of which keys more is under way here than this node's part. Others wait for it to end. */
  measure(exceeding: (partOf: (key: string, limit: number) => number) => readonly string[]): void;
}

/** What a node counts by itself and tells the others about once a second, as JSON. */
export interface Told<Said = unknown> {
  /** What was counted since the last time; undefined when that is nothing. */
  say(): Said | undefined;
  /** What another node said, which may be of another version. */
  hear(said: unknown): void;
}

/** From now on nodes tell each other; of a topic one at a node. */
export type TellOthers = (topic: string, told: Told) => void;

export interface Nodes {
  /** Of this one. */
  readonly number: number;
  /** '' where there are no others. */
  readonly name: string;
  /** Called once, when an operator wants this node to finish what it has and to end. */
  whenDrained(listener: () => void): void;
  list(): Promise<readonly NodeFacts[]>;
  /** False when there is no node of that name. */
  drain(name: string): Promise<boolean>;
  /** Its number is free then. False when there is no node of that name. */
  remove(name: string): Promise<boolean>;
  readonly inTurn: InTurn;
  readonly holdings: Holdings;
  readonly shares: Shares;
  readonly tellOthers: TellOthers;
}

/** Of a store that one process has to itself. */
export const alone: Nodes = {
  number: 0,
  name: '',
  whenDrained: () => {},
  list: async () => [],
  drain: async () => false,
  remove: async () => false,
  holdings: { has: () => true, hold: async () => true, letGo: async () => {} },
  shares: { count: 1, of: (_, limit) => limit, watch: () => () => {}, measure: () => {} },
  tellOthers: () => {},
  inTurn: (duty, work) => work({ duty, session: 0, confirm: async () => {} }),
};
