// A code in front of the camera is read many times a second and is one scan, until it has been out
// of view for a moment.

const GONE_AFTER_MS = 1_500;

export class InView {
  #lastSeen = new Map<string, number>();

  /** Whether a text has come into view just now. */
  isNew(text: string, at: number): boolean {
    for (const [each, seen] of this.#lastSeen)
      if (at - seen > GONE_AFTER_MS) this.#lastSeen.delete(each);
    const isNew = !this.#lastSeen.has(text);
    this.#lastSeen.set(text, at);
    return isNew;
  }

  /** The next reading of any code is a scan again. */
  forget(): void {
    this.#lastSeen.clear();
  }
}
