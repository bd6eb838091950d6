export { answer, api } from "./client";
export { onceFor } from "./once";
export { Problem, type FieldError } from "./problem";
export type { components } from "../generated/api";
import type { components } from "../generated/api";
/** The API's types by name: `Schema<"Order">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];
