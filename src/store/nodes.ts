// The nodes that share a store: which there are, and which of them are alive. A store that one process has to
// itself has one, whose number is 0.

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

/** Limit: numbers of nodes, 0 included. */
export const nodesMax = 256;

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
}

/** Of a store that one process has to itself. */
export const alone: Nodes = {
  number: 0,
  whenDrained: () => {},
  list: async () => [],
  drain: async () => false,
  remove: async () => false,
};
