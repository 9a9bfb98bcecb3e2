// The field that says what was found out about a sender, for whoever reads the message later: RFC 8601 §2.2,
// §2.7. Made of findings, which are of the network: what is no token is quoted, and nothing breaks out.

import type { Finding } from '../finding.ts';

/** One method's result as it stands in the field; undefined for findings that are none. */
function resultOf(finding: Finding): string | undefined {
  switch (finding.kind) {
    case 'iprev':
      return `iprev=${finding.result}${property('policy.iprev', finding.address)}`;
    case 'spf': {
      const what = finding.identity === 'hello' ? 'smtp.helo' : 'smtp.mailfrom';
      return `spf=${finding.result}${reason(finding.problem)}${property(what, finding.domain)}`;
    }
    case 'dkim':
      return [
        `dkim=${finding.result}${reason(finding.problem)}`,
        property('header.d', finding.domain),
        property('header.s', finding.selector),
        property('header.b', finding.signature),
      ].join('');
    case 'arc':
      return `arc=${finding.result}${reason(finding.problem)}`;
    case 'dmarc':
      return `dmarc=${finding.result}${reason(finding.problem)}${property('header.from', finding.domain)}`;
    default:
      return undefined;
  }
}

/** With a line end; undefined where nobody has looked. */
export function resultsField(hostname: string, findings: readonly Finding[]): string | undefined {
  const results = resultsText(hostname, findings);
  return results === undefined ? undefined : `Authentication-Results: ${results}\r\n`;
}

/** What stands behind the colon. */
export function resultsText(hostname: string, findings: readonly Finding[]): string | undefined {
  const results = findings.map(resultOf).filter((result) => result !== undefined);
  if (results.length === 0) return undefined;
  return `${value(hostname)};\r\n ${results.join(';\r\n ')}`;
}

/** RFC 8601 §2.2: reasonspec. */
const reason = (problem: string | undefined): string =>
  problem === undefined ? '' : ` reason=${value(problem)}`;

const property = (name: string, text: string | undefined): string =>
  text === undefined || text === '' ? '' : ` ${name}=${value(text)}`;

/** Limit: what is shown of a text that others chose. */
const textMax = 255;

/** A token (RFC 2045 §5.1), or a quoted string of printable US-ASCII. */
function value(text: string): string {
  const cut = text.slice(0, textMax);
  if (/^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~@]+$/.test(cut)) return cut;
  return `"${cut.replace(/[^ -~]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
