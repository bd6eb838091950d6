// Puts a picture to the address that the API gave for it. `fetch` tells no progress, so this is an
// XMLHttpRequest.
import type { Schema } from "../../api";
import { Problem } from "../../api/problem";

/** The browser sets these itself, and refuses to be told. */
const OWN_HEADERS = new Set(["content-length", "host"]);
const TIMEOUT_MS = 120_000;

/** `told` gets the part that is sent, from 0 to 1. */
export function upload(
  { method, url, headers }: Schema<"Upload">,
  blob: Blob,
  told: (part: number) => void,
): Promise<void> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers))
      if (!OWN_HEADERS.has(name.toLowerCase())) request.setRequestHeader(name, value);
    request.timeout = TIMEOUT_MS;
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) told(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) done();
      else failed(new Problem("storage_unavailable", request.status));
    };
    const broken = (): void => failed(Problem.local(navigator.onLine ? "network" : "offline"));
    request.onerror = broken;
    request.ontimeout = broken;
    request.send(blob);
  });
}
