// Every limit of what WBXML is read. The octets of a document are the business of whoever takes them in.

export interface WbxmlLimits {
  /** Elements within each other. The deepest that [MS-ASCMD] has is ten. */
  readonly depthMax: number;
  /** Elements of a document, unknown ones among them. A Sync of 512 changes has some 10,000. */
  readonly elementsMax: number;
  /** Pieces of text, each of which costs much more than the two octets that it may be. An element has one. */
  readonly textsMax: number;
}

export const defaultWbxmlLimits: WbxmlLimits = {
  ...{ depthMax: 64, elementsMax: 200_000, textsMax: 200_000 },
};

/** Limit: how often the string table may be quoted: as much as the document itself has, and this many octets. */
export const quotedBytesMax = 64 * 2 ** 10;
