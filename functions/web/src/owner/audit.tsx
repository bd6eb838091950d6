// The audit trail: who changed what, of a day or of one thing, with before and after side by side.
import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso/router";
import { answer, api, type Schema } from "../api";
import { account } from "../api/session";
import { moment } from "../app/format";
import { m } from "../app/language";
import { go } from "../app/navigation";
import { Badge, Button, Choice, Empty, Page, PagedList, type BadgeKind } from "../ui";
import { changesIn, KINDS, shownValue } from "./changes";
import { today, zoneKnown } from "./mess";
import { filled } from "./pages";
import { Check, Select } from "./parts";
import "./owner.css";

type Entry = Schema<"AuditRecord">;
type By = "date" | "entity";

const OPERATIONS = { INSERT: "good", MODIFY: "info", REMOVE: "bad" } as const satisfies Record<
  string,
  BadgeKind
>;

/** Who changed it, in words; a service or a person without a known name by its id. */
function actorName({ actor, actor_kind, actor_name }: Entry): string {
  if (actor === account.value?.account_id) return m.owner.audit_you();
  switch (actor_kind) {
    case "anonymous":
      return m.owner.audit_anonymous();
    case "deleted_account":
      return m.owner.audit_deleted();
    case "staff_token":
      return actor_name ? m.owner.audit_device({ name: actor_name }) : actor;
    case "account":
      return actor_name ?? actor;
    case "service": {
      const texts = m.owner as unknown as Record<string, (() => string) | undefined>;
      return texts[`actor_${actor.replaceAll("-", "_")}`]?.() ?? actor;
    }
    default:
      return actor;
  }
}

/** Whose item it is, where the entry does not say so itself. */
const personOf = ({ account_name, after, before }: Entry): string | undefined => {
  const own = (after ?? before)?.["name"];
  return account_name ?? (typeof own === "string" ? own : undefined);
};

export default function Audit() {
  const { query } = useLocation();
  const entity = query["entity"] ?? "";
  const date = query["date"] ?? today();
  const by: By = query["entity"] === undefined ? "date" : "entity";
  const kind = useSignal("");
  const actor = useSignal<Entry | null>(null);
  const filter = (entry: Entry): boolean =>
    (kind.value === "" || entry.kind === kind.value) &&
    (actor.value === null || entry.actor === actor.value.actor);
  return (
    <Page title={m.owner.audit_title()} back="/app/owner/more">
      <Filters
        by={by}
        date={date}
        entity={entity}
        kind={kind.value}
        onKind={(next) => {
          kind.value = next;
        }}
      />
      {actor.value && (
        <div class="owner-row">
          <p>{m.owner.audit_of_actor({ actor: actorName(actor.value) })}</p>
          <Button
            kind="quiet"
            onClick={() => {
              actor.value = null;
            }}
          >
            {m.owner.audit_everybody()}
          </Button>
        </div>
      )}
      {by === "entity" && entity === "" ? (
        <Empty icon="search" title={m.owner.audit_ask_entity()} />
      ) : (
        <PagedList
          key={`${by} ${date} ${entity} ${kind.value} ${actor.value?.actor}`}
          label={m.owner.audit_title()}
          load={filled<Entry>(
            async (page) => {
              await zoneKnown();
              const asked = by === "date" ? { date } : { entity };
              return answer(api.GET("/api/v1/audit", { params: { query: { ...page, ...asked } } }));
            },
            filter,
            { enough: 10, pagesMax: 8 },
          )}
          keyOf={(entry) => entry.event_id}
          empty={
            <Empty icon="list" title={m.owner.audit_none()}>
              <p>{m.owner.audit_none_text()}</p>
            </Empty>
          }
        >
          {(entry) => (
            <Record
              entry={entry}
              onActor={() => {
                actor.value = entry;
              }}
            />
          )}
        </PagedList>
      )}
    </Page>
  );
}

function Filters({
  by,
  date,
  entity,
  kind,
  onKind,
}: {
  by: By;
  date: string;
  entity: string;
  kind: string;
  onKind: (kind: string) => void;
}) {
  const typed = useSignal(entity);
  const to = (next: { date?: string; entity?: string }): void =>
    go(`/app/owner/more/audit?${new URLSearchParams(next).toString()}`, { replace: true });
  return (
    <>
      <Choice<By>
        label={m.owner.audit_by()}
        value={by}
        options={[
          { value: "date", label: m.owner.audit_by_date() },
          { value: "entity", label: m.owner.audit_by_entity() },
        ]}
        onChange={(next) => to(next === "date" ? { date } : { entity: typed.value })}
      />
      <div class="owner-filters">
        {by === "date" ? (
          <div class="field">
            <label for="owner-audit-date">{m.owner.audit_date()}</label>
            <input
              id="owner-audit-date"
              type="date"
              value={date}
              max={today()}
              onChange={(event) => {
                if (event.currentTarget.value) to({ date: event.currentTarget.value });
              }}
            />
          </div>
        ) : (
          <form
            class="field"
            onSubmit={(event) => {
              event.preventDefault();
              to({ entity: typed.value.trim() });
            }}
          >
            <label for="owner-audit-entity">{m.owner.audit_entity()}</label>
            <div class="owner-search-row">
              <input
                id="owner-audit-entity"
                type="search"
                autocomplete="off"
                autocapitalize="none"
                spellcheck={false}
                maxLength={300}
                placeholder={m.owner.audit_entity_hint()}
                value={typed.value}
                onInput={(event) => {
                  typed.value = event.currentTarget.value;
                }}
              />
              <Button type="submit">{m.owner.audit_show()}</Button>
            </div>
          </form>
        )}
        <Select
          label={m.owner.audit_kind()}
          value={kind}
          options={[
            { value: "", label: m.owner.audit_kind_all() },
            ...KINDS.map((value) => ({ value, label: m.owner[`kind_${value}`]() })),
          ]}
          onChange={onKind}
        />
      </div>
    </>
  );
}

function Record({ entry, onActor }: { entry: Entry; onActor: () => void }) {
  const all = useSignal(false);
  const { kind, operation, actor, at, entity, request_id } = entry;
  const person = personOf(entry);
  const known = KINDS.find((each) => each === kind);
  const changes = changesIn(entry.before ?? null, entry.after ?? null);
  const shown = all.value ? changes : changes.filter(({ changed }) => changed);
  const tone = OPERATIONS[operation as keyof typeof OPERATIONS];
  return (
    <details class="owner-record">
      <summary>
        <span class="owner-summary">
          <Badge kind={tone}>
            {m.owner[`operation_${operation as keyof typeof OPERATIONS}`]()}
          </Badge>
          <strong>{known ? m.owner[`kind_${known}`]() : kind}</strong>
          {person && <span>{person}</span>}
          <span>{moment(at)}</span>
          <span class="quiet">{m.owner.audit_by_whom({ actor: actorName(entry) })}</span>
        </span>
      </summary>
      <p class="quiet owner-ids">
        {entity}
        <br />
        {actor}
        <br />
        {m.owner.audit_request({ id: request_id })}
      </p>
      <div class="owner-actions">
        <Button kind="quiet" onClick={onActor}>
          {m.owner.audit_only_actor()}
        </Button>
        <Check
          label={m.owner.audit_all_fields()}
          checked={all.value}
          onChange={(next) => {
            all.value = next;
          }}
        />
      </div>
      <table class="table owner-changes">
        <thead>
          <tr>
            <th scope="col">{m.owner.audit_field()}</th>
            <th scope="col">{m.owner.audit_before()}</th>
            <th scope="col">{m.owner.audit_after()}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, before, after, changed }) => (
            <tr
              key={name}
              class={changed && entry.before && entry.after ? "is-changed" : undefined}
            >
              <th scope="row">{name}</th>
              <td>{shownValue(name, before)}</td>
              <td>{shownValue(name, after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
