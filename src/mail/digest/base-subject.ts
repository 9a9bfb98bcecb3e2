// The base subject that SORT and THREAD compare: RFC 5256 §2.1, step by step, in linear time whatever
// the subject is made of.

export interface BaseSubject {
  readonly base: string;
  /** RFC 5256 §3: something was removed that makes the message a reply or a forward. */
  readonly isReply: boolean;
}

/** `subject` has its encoded words decoded. */
export function baseSubject(subject: string): BaseSubject {
  // RFC 5256 §2.1 (1): tabs and continuations become spaces, several spaces one.
  const reducer = new Reducer(subject.replace(/[ \t\r\n]+/g, ' '));
  return reducer.reduce();
}

class Reducer {
  readonly #text: string;
  #start = 0;
  #end: number;
  #isReply = false;
  /** Blobs up to here are known not to be followed by "re:". */
  #plainUntil = 0;

  constructor(text: string) {
    this.#text = text;
    this.#end = text.length;
  }

  reduce(): BaseSubject {
    do {
      this.#removeTrailers();
      while (this.#removeLeader() || this.#removeBlob());
    } while (this.#removeForwardFrame());
    return { base: this.#text.slice(this.#start, this.#end), isReply: this.#isReply };
  }

  /** RFC 5256 §2.1 (2): subj-trailer = "(fwd)" / WSP */
  #removeTrailers(): void {
    while (this.#end > this.#start) {
      if (this.#text[this.#end - 1] === ' ') this.#end -= 1;
      else if (this.#is('(fwd)', this.#end - 5)) {
        this.#end -= 5;
        this.#isReply = true;
      } else break;
    }
  }

  /** RFC 5256 §2.1 (3): subj-leader = (*subj-blob subj-refwd) / WSP */
  #removeLeader(): boolean {
    if (this.#at(this.#start) === ' ') {
      this.#start += 1;
      return true;
    }
    if (this.#start < this.#plainUntil) return false;
    let at = this.#start;
    for (let next = this.#blobEnd(at); next > at; next = this.#blobEnd(at)) at = next;
    const end = this.#replyEnd(at);
    if (end < 0) {
      this.#plainUntil = at;
      return false;
    }
    this.#start = end;
    this.#isReply = true;
    return true;
  }

  /** RFC 5256 §2.1 (4): a blob goes, unless nothing would be left. */
  #removeBlob(): boolean {
    const end = this.#blobEnd(this.#start);
    if (end === this.#start || end >= this.#end) return false;
    this.#start = end;
    return true;
  }

  /** RFC 5256 §2.1 (6): subj-fwd-hdr = "[fwd:", subj-fwd-trl = "]" */
  #removeForwardFrame(): boolean {
    if (!this.#is('[fwd:', this.#start) || this.#at(this.#end - 1) !== ']') return false;
    this.#start += 5;
    this.#end -= 1;
    this.#plainUntil = 0;
    this.#isReply = true;
    return true;
  }

  /** RFC 5256 §5: subj-blob = "[" *BLOBCHAR "]" *WSP. Behind it, or `at` if there is none. */
  #blobEnd(at: number): number {
    if (this.#at(at) !== '[') return at;
    let end = at + 1;
    while (end < this.#end && this.#text[end] !== '[' && this.#text[end] !== ']') end += 1;
    return this.#at(end) === ']' ? this.#skipSpace(end + 1) : at;
  }

  /** RFC 5256 §5: subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":". Behind it, or -1. */
  #replyEnd(at: number): number {
    let end = at;
    if (this.#is('re', at)) end += 2;
    else if (this.#is('fw', at)) end += this.#is('fwd', at) ? 3 : 2;
    else return -1;
    end = this.#blobEnd(this.#skipSpace(end));
    return this.#at(end) === ':' ? end + 1 : -1;
  }

  #skipSpace(at: number): number {
    let end = at;
    while (this.#at(end) === ' ') end += 1;
    return end;
  }

  #at(index: number): string {
    return index < this.#end ? this.#text[index]! : '';
  }

  /** `word` is in lower case. */
  #is(word: string, at: number): boolean {
    if (at < this.#start || at + word.length > this.#end) return false;
    return this.#text.slice(at, at + word.length).toLowerCase() === word;
  }
}
