// The service worker. It keeps the files of exactly one version of the app, so the app opens
// without a network and files of two versions never mix. It never answers a request of the API, so
// its cache holds nothing about a person. It sends the scans of a counter that was closed.
import { createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { documentOf } from "../app/documents";
import { sendScansInBackground } from "./scans";

declare const self: ServiceWorkerGlobalScope;
/** What every device keeps; scripts/finish.mjs fills it in. */
declare const __KEPT__: { url: string; revision: string | null }[];
/** Large files with hashed names, kept once they are used: decoders. */
declare const __KEPT_WHEN_USED__: string[];

precacheAndRoute(__KEPT__, { cleanURLs: false, directoryIndex: "" });

/** Each document is kept with the headers under which the server sent it. */
const DOCUMENT_URLS = { main: "/", counter: "/app/counter" } as const;
for (const [name, url] of Object.entries(DOCUMENT_URLS)) {
  const serve = createHandlerBoundToURL(url);
  registerRoute(
    ({ request, url: { pathname, origin } }) =>
      request.mode === "navigate" &&
      origin === self.location.origin &&
      isApp(pathname) &&
      documentOf(pathname) === name,
    serve,
  );
}

// The page that pays needs the network anyway; without one, the app says so.
const offline = createHandlerBoundToURL(DOCUMENT_URLS.main);
registerRoute(
  new NavigationRoute(
    async (options) => {
      try {
        return await fetch(options.request);
      } catch {
        return await offline(options);
      }
    },
    { allowlist: [/^\/app\/student\/buy(?:[/?]|$)/] },
  ),
);

function isApp(pathname: string): boolean {
  return pathname === "/" || pathname === "/app" || pathname.startsWith("/app/");
}

const LARGE = "thali-large-files";
registerRoute(
  ({ url: { pathname, origin } }) =>
    origin === self.location.origin && __KEPT_WHEN_USED__.includes(pathname),
  async ({ request }) => {
    const cache = await caches.open(LARGE);
    const found = await cache.match(request);
    if (found) return found;
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  },
);

self.addEventListener("activate", (event) => {
  const clean = async (): Promise<void> => {
    const cache = await caches.open(LARGE);
    for (const request of await cache.keys()) {
      const { pathname } = new URL(request.url);
      if (!__KEPT_WHEN_USED__.includes(pathname)) await cache.delete(request);
    }
  };
  event.waitUntil(clean());
});

// A new version waits until a person asks for it; see src/app/update.ts.
self.addEventListener("message", (event) => {
  if ((event.data as { kind?: string } | null)?.kind === "take-over") void self.skipWaiting();
});

sendScansInBackground();
