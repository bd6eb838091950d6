// Notifications of one kind.
import { answer, api, type Schema } from "../api";
import { zoneKnown } from "./mess";
import { filled } from "./pages";

type News = Schema<"Notification">;
export type NewsOf<K extends News["kind"]> = Extract<News, { kind: K }>;

/** The notifications of a kind, newest first. They are kept for 90 days. */
export const newsOf = <K extends News["kind"]>(kind: K) =>
  filled<NewsOf<K>>(
    async (query) => {
      await zoneKnown();
      const page = await answer(
        api.GET("/owner/notifications", { params: { query: { ...query, limit: 100 } } }),
      );
      return page as { items: NewsOf<K>[]; next_cursor?: string };
    },
    (each) => each.kind === kind,
  );
