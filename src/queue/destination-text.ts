// Destinations as people read them. The queue's own names for them (deliver/route.ts) are keys: they
// stay in the queue, and in what is logged, shown and reported stands what the operator wrote.

/** `MX of example.net`, `route to 192.0.2.1:25 (routes[0])`, `LMTP at /run/dovecot/lmtp`, `local delivery`. */
export function destinationText(destination: string): string {
  if (destination === 'local') return 'local delivery';
  if (destination === 'discard') return "route that says 'discard'";
  const colon = destination.indexOf(':');
  const rest = destination.slice(colon + 1);
  switch (destination.slice(0, colon)) {
    case 'by-hand':
      return `${rest.startsWith('mx:') ? destinationText(rest) : rest}, by hand`;
    case 'mx':
      // RFC 5321 §4.1.3: an address literal is the host itself.
      return rest.startsWith('[') ? rest : `MX of ${rest}`;
    case 'host':
      return routeText(rest);
    case 'lmtp':
      return `LMTP at ${rest.startsWith('/') ? rest : hostPort(rest)}`;
    case 'atrn':
      return `whoever fetches it for ${rest}`;
    default:
      return destination;
  }
}

/** Several routes may lead to one host, with other logins or another TLS: which one it is, as problems of the configuration name it. */
function routeText(text: string): string {
  const [, host = text, index] = /^(.*)#(\d+)$/.exec(text) ?? [];
  return `route to ${hostPort(host)}${index === undefined ? '' : ` (routes[${index}])`}`;
}

/** The key of what people name as `destinationText` does, or by its domain alone; a key stays what it is. */
export function destinationNamed(text: string): string {
  if (text === 'local delivery') return 'local';
  if (text === "route that says 'discard'") return 'discard';
  const [, byHand] = /^(.+), by hand$/.exec(text) ?? [];
  if (byHand !== undefined)
    return `by-hand:${byHand.startsWith('MX of ') ? destinationNamed(byHand) : byHand}`;
  const [, route, index] = /^route to (\S+)(?: \(routes\[(\d+)\]\))?$/.exec(text) ?? [];
  if (route !== undefined) return `host:${bare(route)}${index === undefined ? '' : `#${index}`}`;
  const [, lmtp] = /^LMTP at (.+)$/.exec(text) ?? [];
  if (lmtp !== undefined) return `lmtp:${lmtp.startsWith('/') ? lmtp : bare(lmtp)}`;
  const [, atrn] = /^whoever fetches it for (.+)$/.exec(text) ?? [];
  if (atrn !== undefined) return `atrn:${atrn}`;
  const [, domain] = /^(?:MX of )?(\[.*\]|[^\s:]+\.[^\s:]+)$/.exec(text) ?? [];
  return domain === undefined ? text : `mx:${domain}`;
}

const bare = (hostPort: string): string => hostPort.replace(/^\[(.*)\](:\d+)$/, '$1$2');

/** An IPv6 address before a port stands in brackets. */
function hostPort(text: string): string {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  return host.includes(':') && !host.startsWith('[') ? `[${host}]${text.slice(colon)}` : text;
}
