// A server before the stack that can play a later deployment of the app. A browser's request for
// an updated service worker cannot be intercepted otherwise.
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { stack } from "./stack.js";

export interface Deployment {
  url: string;
  /** From now on the service worker is that of a later version. */
  deployNext: () => void;
  close: () => Promise<void>;
}

export async function deployment(): Promise<Deployment> {
  let version = 1;
  const server: Server = createServer((incoming, outgoing) => {
    // To be changed, the service worker must come whole and uncompressed.
    const {
      "accept-encoding": _compressed,
      "if-none-match": _known,
      ...headers
    } = incoming.headers;
    const url = new URL(incoming.url ?? "/", stack.url);
    const isWorker = url.pathname === "/sw.js" && version > 1;
    const options = {
      method: incoming.method,
      headers: { ...headers, host: url.host },
    };
    const onward = request(url, options, (answer) => {
      const {
        "content-length": _length,
        etag: _etag,
        ...kept
      } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, kept);
      if (isWorker) outgoing.write(`// version ${version}\n`);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    deployNext: () => {
      version += 1;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
