// Going to another page from code. A link (`<a href>`) needs nothing of this.
import { isHere } from "./documents";

let route: ((url: string, replace?: boolean) => void) | null = null;

/** The shell hands the router over when it is drawn. */
export function routerIs(router: typeof route): void {
  route = router;
}

export function go(path: string, options: { replace?: boolean } = {}): void {
  if (route && isHere(path)) route(path, options.replace ?? false);
  else if (options.replace) location.replace(path);
  else location.assign(path);
}
