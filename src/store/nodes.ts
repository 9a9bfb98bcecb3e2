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
export type Duty = 'certificates' | 'reports' | 'sts-policies' | 'upkeep';

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

export interface Nodes {
  /** Of this one. */
  readonly number: number;
  /** Called once, when an operator wants this node to finish what it has and to end. */
  whenDrained(listener: () => void): void;
  list(): Promise<readonly NodeFacts[]>;
  /** False when there is no node of that name. */
  drain(name: string): Promise<boolean>;
  /** Its number is free then. False when there is no node of that name. */
  remove(name: string): Promise<boolean>;
  readonly inTurn: InTurn;
}

/** Of a store that one process has to itself. */
export const alone: Nodes = {
  number: 0,
  whenDrained: () => {},
  list: async () => [],
  drain: async () => false,
  remove: async () => false,
  inTurn: (duty, work) => work({ duty, session: 0, confirm: async () => {} }),
};
