// Why a session ended, in words that a sender may read, and as the reply that stands in for those
// the server owes us. RFC 3463 §3.5, §3.6.

import { unreachable } from '../../base/assert.ts';
import type { Reply } from '../reply.ts';
import { reply as makeReply } from '../reply.ts';
import type { Closure, Stage } from './event.ts';

/** Every failure that nobody answered for is transient. RFC 3463 §3.5, §3.6. */
export function closureReply(because: Closure): Reply {
  switch (because.kind) {
    case 'refused':
      return because.reply;
    case 'quit':
      return makeReply(451, '4.2', 'The connection was closed');
    case 'lost':
    case 'timeout':
      return makeReply(451, '4.2', because.text);
    case 'broken':
      return makeReply(451, '5.0', because.text);
    default:
      return unreachable(because);
  }
}

/** When something was missing. */
export function during(stage: Stage): string {
  switch (stage) {
    case 'idle':
      return 'while nothing was asked';
    case 'greeting':
      return 'before the greeting';
    case 'content':
      return 'during the content';
    case 'end of data':
      return 'after the end of the message, so that nobody knows whether it was taken';
    default:
      return `after ${stage}`;
  }
}

/** Where something was wrong. */
export function inAnswerTo(stage: Stage): string {
  switch (stage) {
    case 'idle':
      return 'while nothing was asked';
    case 'greeting':
      return 'in place of the greeting';
    case 'content':
      return 'during the content';
    case 'end of data':
      return 'in answer to the message';
    default:
      return `in answer to ${stage}`;
  }
}
