// Parameters as BODYSTRUCTURE shows them: RFC 9051 §7.5.2 wants the pieces of RFC 2231 §3 put together.
// Deviation: values with a charset keep it, and stay percent-encoded (`filename*` is
// `utf-8''na%C3%AFve.txt`), since that is what clients of RFC 3501 look for under such a name.

import { percentEncode } from './extended-parameter.ts';
import type { Parameter } from './parameters.ts';

// RFC 2231 §7: attribute [ "*" section ] [ "*" ]
const extendedName = /^([^*]+)\*(\d{1,4})(\*)?$/;

interface Piece extends Parameter {
  readonly extended: boolean;
}

export function joinContinuations(params: readonly Parameter[]): readonly Parameter[] {
  if (!params.some(({ name }) => name.includes('*'))) return params;
  const whole: (Parameter | string)[] = [];
  const pieces = new Map<string, Map<number, Piece>>();
  for (const param of params) {
    const [, base, section, star] = extendedName.exec(param.name) ?? [];
    if (base === undefined) {
      whole.push(param);
      continue;
    }
    const lower = base.toLowerCase();
    const known = pieces.get(lower);
    const sections = known ?? new Map<number, Piece>();
    if (known === undefined) {
      pieces.set(lower, sections);
      whole.push(lower);
    }
    const piece = { name: base, value: param.value, extended: star !== undefined };
    if (!sections.has(Number(section))) sections.set(Number(section), piece);
  }
  return whole.flatMap((entry) =>
    typeof entry === 'string' ? joinPieces(pieces.get(entry)!) : [entry],
  );
}

/** RFC 2231 §3: sections count from 0 and may come in any order; a gap ends the value. */
function joinPieces(sections: ReadonlyMap<number, Piece>): readonly Parameter[] {
  const run: Piece[] = [];
  for (let piece = sections.get(0); piece !== undefined; piece = sections.get(run.length)) {
    run.push(piece);
  }
  const first = run[0];
  if (first === undefined) return [];
  if (!run.some((piece) => piece.extended)) {
    return [{ name: first.name, value: run.map((piece) => piece.value).join('') }];
  }
  // RFC 2231 §4.1: pieces of both kinds may be mixed; only the first has a charset.
  const charset = first.extended ? '' : "''";
  const value = run.map((piece) => (piece.extended ? piece.value : percentEncode(piece.value)));
  return [{ name: `${first.name}*`, value: charset + value.join('') }];
}
