// Large buffers lie outside of the heap: the collector counts them but does not hurry for them, and
// those that live through two small collections wait for a whole one.

/** Smaller ones cost the collector less than freeing them one by one. */
const freedBytesMin = 8 * 1024;

/** Gives back now what nobody looks at again. Bytes that share their memory with others stay. */
export function freeMemory(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < freedBytesMin || byteLength < buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
