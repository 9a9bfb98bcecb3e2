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

/** An IPv6 address before a port stands in brackets. */
function hostPort(text: string): string {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  return host.includes(':') && !host.startsWith('[') ? `[${host}]${text.slice(colon)}` : text;
}
