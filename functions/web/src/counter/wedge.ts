// A hardware scanner types what it reads, much faster than a person, with or without an Enter at the
// end. This tells the two apart by the time between the keys.

/** A person who types fast needs some 80 ms for a key, a slow scanner 40. */
const GAP_MS_MAX = 55;
/** Shorter than any code; a person may roll over a few keys that fast. */
const CHARS_MIN = 8;
/** A key that is held down repeats fast, too. */
const DIFFERENT_MIN = 3;

export class Wedge {
  #text = "";
  #last = -Infinity;

  /** The text typed so far at a scanner's speed. */
  get text(): string {
    return this.#text;
  }

  get isScanner(): boolean {
    return this.#text.length >= CHARS_MIN && new Set(this.#text).size >= DIFFERENT_MIN;
  }

  /** Takes a key; answers a whole text if the key was the end of one. */
  key(key: string, at: number): string | null {
    const fast = at - this.#last <= GAP_MS_MAX;
    this.#last = at;
    if (key === "Enter" || key === "Tab") return fast ? this.end() : this.#reset();
    // Shift and the like come between a scanner's keys.
    if (key.length !== 1) return fast ? null : this.#reset();
    this.#text = fast ? this.#text + key : key;
    return null;
  }

  /** What was typed, if a scanner did it: after a silence, or at an Enter. */
  end(): string | null {
    const text = this.isScanner ? this.#text : null;
    this.#reset();
    return text;
  }

  #reset(): null {
    this.#text = "";
    return null;
  }
}

/** After so long a silence a scanner has typed all. */
const SILENCE_MS = 120;

/** Listens to all keys of the page. What a scanner has typed into a field is taken out of it. */
export function listenToScanner(onText: (text: string) => void): () => void {
  const wedge = new Wedge();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let field: { element: HTMLInputElement | HTMLTextAreaElement; before: string } | null = null;
  const deliver = (text: string | null): void => {
    clearTimeout(timer);
    if (text === null) return;
    if (field) {
      field.element.value = field.before;
      field.element.dispatchEvent(new Event("input", { bubbles: true }));
    }
    onText(text);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const length = wedge.text.length;
    const text = wedge.key(event.key, event.timeStamp);
    if (text !== null) {
      // The Enter must press no button and send no form.
      event.preventDefault();
      event.stopPropagation();
      deliver(text);
      return;
    }
    if (wedge.text.length === 1 && length !== 0) clearTimeout(timer);
    if (wedge.text.length === 1) {
      const element = event.target;
      const types = element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
      field = types ? { element, before: element.value } : null;
    }
    clearTimeout(timer);
    if (wedge.isScanner) timer = setTimeout(() => deliver(wedge.end()), SILENCE_MS);
  };
  document.addEventListener("keydown", onKey, true);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("keydown", onKey, true);
  };
}
