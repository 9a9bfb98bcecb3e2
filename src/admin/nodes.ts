// Operations on the nodes that share a store.

import { z } from 'zod';
import { isoDate } from './asking.ts';
import { count, done, list, nothing, OperationError, text, value } from './operation.ts';

const node = z.object({
  /** As ids of messages show it that it made. */
  number: count,
  name: text,
  /** `gone`: its process has ended, or does not answer. */
  state: z.enum(['active', 'draining', 'gone']),
  /** Of the program. */
  version: text,
  started: z.string().nullable(),
  seen: z.string().nullable(),
  /** Recipients in the queue that it attempts. */
  leased: count,
});

export type NodeLine = z.output<typeof node>;

const named = z.strictObject({ name: text });

export const nodeOperations = {
  nodeList: list({
    about: 'The nodes that share the store; none where a server has it to itself.',
    changes: false,
    input: nothing,
    output: node,
    run: async function* nodesOf({ nodes }) {
      for (const { started, seen, ...one } of await nodes.list())
        yield {
          ...one,
          started: started === undefined ? null : isoDate(started),
          seen: seen === undefined ? null : isoDate(seen),
        };
    },
  }),
  nodeDrain: value({
    about: 'A node finishes what it has, takes nothing new, and ends.',
    changes: true,
    input: named,
    output: done,
    run: async ({ nodes }, { name }) => {
      if (!(await nodes.drain(name))) throw noNode(name);
      return null;
    },
  }),
  nodeRemove: value({
    about:
      'Takes a node off the list: what it had claimed goes to the others, and its process ends if there is one.',
    changes: true,
    input: named,
    output: done,
    run: async ({ nodes }, { name }) => {
      if (!(await nodes.remove(name))) throw noNode(name);
      return null;
    },
  }),
};

const noNode = (name: string): OperationError => new OperationError(`there is no node ${name}`);
