// Where a student's pages keep what opens without a network.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";

export interface Kept extends DBSchema {
  kept: { key: string; value: { at: number; owner: string; data: unknown } };
}

export const NAME = "thali.student";

export const database = (): Promise<IDBPDatabase<Kept>> =>
  openDB<Kept>(NAME, 1, {
    upgrade: (db) => {
      db.createObjectStore("kept");
    },
  });
