// Replacing the key of all students' codes, and what the grace time means.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor, type Schema } from "../api";
import { moment } from "../app/format";
import { m } from "../app/language";
import { Button, Card, Note, Page } from "../ui";
import { zoneKnown } from "./mess";
import { Confirm, Select } from "./parts";
import "./owner.css";

type Rotated = Schema<"Rotated">;

const GRACES = ["0", "24", "72", "168", "720"] as const;

export default function Codes() {
  const grace = useSignal<(typeof GRACES)[number]>("168");
  const asking = useSignal(false);
  const rotated = useSignal<Rotated | null>(null);
  const hours = Number(grace.value);
  const rotate = async (): Promise<void> => {
    await zoneKnown();
    const body = { grace_hours: hours };
    const once = onceFor("owner-rotate", body);
    rotated.value = await answer(api.POST("/api/v1/qr/rotate", { body, ...once.sent }));
    once.done();
  };
  return (
    <Page title={m.owner.codes_title()} back="/app/owner/more" narrow>
      <p>{m.owner.codes_text()}</p>
      {rotated.value && (
        <Note kind="good">
          {Date.parse(rotated.value.previous_valid_until) > Date.now()
            ? m.owner.codes_done({ moment: moment(rotated.value.previous_valid_until) })
            : m.owner.codes_done_at_once()}
        </Note>
      )}
      <Card>
        <Select
          label={m.owner.codes_grace()}
          value={grace.value}
          options={GRACES.map((value) => ({
            value,
            label: m.owner.codes_hours({ hours: Number(value), days: Number(value) / 24 }),
          }))}
          onChange={(next) => {
            grace.value = next;
          }}
        />
        <p>{hours === 0 ? m.owner.codes_none_text() : m.owner.codes_grace_text()}</p>
        <Button
          kind={hours === 0 ? "danger" : "primary"}
          onClick={() => {
            asking.value = true;
          }}
        >
          {m.owner.codes_action()}
        </Button>
      </Card>
      <Note>{m.owner.codes_one()}</Note>
      {asking.value && (
        <Confirm
          title={m.owner.codes_ask()}
          action={m.owner.codes_action()}
          danger={hours === 0}
          onConfirm={rotate}
          onClose={() => {
            asking.value = false;
          }}
        >
          <p>{hours === 0 ? m.owner.codes_none_text() : m.owner.codes_grace_text()}</p>
          <p>{m.owner.codes_second()}</p>
        </Confirm>
      )}
    </Page>
  );
}
