// What a device at the counter keeps: its scans, the roster, the mess's settings, and its own token.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { DATABASE } from "./shared";
import type { Meal, RosterPage, Shown, Trouble } from "./shapes";

/** A scan. It is kept before the screen says anything about it, and until the server has it. */
export interface KeptScan {
  /** The device's id of the scan, with which the server knows a repetition. */
  nonce: string;
  mess: string;
  at: number;
  meal: Meal;
  deviceInfo: string;
  /** Who is meant, also after the code is deleted: an account, or the hash of a code. */
  identity: string;
  /** What was read, until the server has it. */
  code?: string;
  /** The student whom staff have named instead. */
  accountId?: string;
  /** It may have reached the server. */
  tried: boolean;
  state: "waiting" | "done" | "withdrawn";
  /** What the screen said, without the picture. Absent if the page was closed before. */
  shown?: Shown;
  /** It was taken back here, and the server must be told. */
  undo?: boolean;
  undone?: boolean;
  scanId?: string;
  /** When the server got it. */
  doneAt?: number;
  /** Not to be sent before. */
  notBefore?: number;
  trouble?: Trouble;
}

export interface KeptPage {
  etag: string | null;
  page: RosterPage;
}

/** The mess, as the counter needs it. */
export interface KeptMess {
  id: string;
  name: string;
  timeZone: string;
  overrides: boolean;
}

/** The staff token of this device, which is a secret. */
export interface KeptDevice {
  token: string;
}

interface Kept extends DBSchema {
  scans: { key: string; value: KeptScan; indexes: { state: string; identity: string } };
  roster: { key: string; value: KeptPage };
  /**
   * Single values by name. The token is one of them, because a store of its own would need a new
   * version of the database, for which every open page of the version before would have to close.
   */
  mess: { key: string; value: KeptMess | KeptDevice };
}

export type CounterDatabase = IDBPDatabase<Kept>;

let opened: Promise<CounterDatabase> | null = null;

export function database(): Promise<CounterDatabase> {
  opened ??= openDB<Kept>(DATABASE, 1, {
    upgrade: (db) => {
      const scans = db.createObjectStore("scans", { keyPath: "nonce" });
      scans.createIndex("state", "state");
      scans.createIndex("identity", "identity");
      db.createObjectStore("roster");
      db.createObjectStore("mess");
    },
    terminated: () => {
      opened = null;
    },
  });
  return opened;
}
