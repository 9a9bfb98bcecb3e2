// Nodes that did not answer: what they have is missing on the page, and that is said.

import type { AnswerOf } from '../api.ts';
import { Problem } from './states.tsx';

export function SilentNodes({ of: nodes }: { readonly of: AnswerOf<'sessionList'>['silent'] }) {
  const named = (wanted: 'gone' | 'silent') =>
    nodes
      .filter(({ state }) => state === wanted)
      .map(({ node }) => node)
      .join(', ');
  const [silent, gone] = [named('silent'), named('gone')];
  return (
    <>
      {silent !== '' && <Problem text={`No answer from ${silent}: what it has is not shown.`} />}
      {gone !== '' && <p class="faint">Not running: {gone}</p>}
    </>
  );
}
