// Files that the app writes: CSV of lists, and saving what was downloaded.

/** Gives the browser a file to save. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  // The browser reads the file after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * A cell of a CSV file. Where a spreadsheet would compute a text, there is a `'` before it, as in
 * the files of the API.
 */
export function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A CSV file that Excel reads as UTF-8, too. */
export function csv(
  head: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
): Blob {
  const lines = [head, ...rows].map((row) => row.map(cell).join(","));
  return new Blob(["\uFEFF", lines.join("\r\n"), "\r\n"], { type: "text/csv" });
}

/** The cursor of the next page, from a header `Link`. */
export function nextCursor(link: string | null): string | null {
  const found = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(link ?? "");
  if (!found?.[1]) return null;
  return new URL(found[1], location.origin).searchParams.get("cursor");
}
