/// <reference types="vite/client" />

/** A hash of the app's files, so that two people can say whether they see the same version. */
declare const __VERSION__: string;

/** swagger-ui-dist has no types. */
declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  export default function SwaggerUIBundle(options: Record<string, unknown>): void;
}
