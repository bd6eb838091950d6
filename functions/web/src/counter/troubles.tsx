// Scans about which the server decided otherwise than this device did without a network, one by one.
import { useSignal } from "@preact/signals";
import { Problem } from "../api/problem";
import { moment } from "../app/format";
import { m } from "../app/language";
import { problemText } from "../app/problems";
import { Button, Card, toast } from "../ui";
import { now } from "./clock";
import type { KeptScan } from "./database";
import { Person } from "./person";
import { troubles } from "./kept";
import { understood, UNDO_MS } from "./queue";
import { undo } from "./scanning";
import { beforeText } from "./words";

export function Troubles() {
  const [scan] = troubles.value;
  if (!scan?.trouble) return null;
  return <One key={scan.nonce} scan={scan} trouble={scan.trouble} />;
}

function One({ scan, trouble }: { scan: KeptScan; trouble: NonNullable<KeptScan["trouble"]> }) {
  const busy = useSignal(false);
  const { scanId, nonce } = scan;
  const canUndo =
    (trouble.kind === "sent_away" || trouble.kind === "past_unknown") &&
    scanId !== undefined &&
    now() - (scan.doneAt ?? scan.at) < UNDO_MS;
  const takeBack = async (): Promise<void> => {
    if (scanId === undefined) return;
    busy.value = true;
    try {
      await undo({ nonce, scanId });
      toast(m.counter.verdict_undone());
      await understood(nonce);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      toast(problemText(caught), "bad");
    } finally {
      busy.value = false;
    }
  };
  return (
    <Card title={m.counter.trouble_title()}>
      <p class="quiet">{m.counter.trouble_number({ number: 1, count: troubles.value.length })}</p>
      {scan.shown && <Person shown={scan.shown} />}
      <p>
        {m.counter.trouble_when({
          meal: m.common[`meal_${scan.meal}`](),
          time: moment(scan.at),
        })}
      </p>
      {trouble.kind === "let_in" && (
        <>
          <p>{m.counter.trouble_let_in()}</p>
          <p>
            <strong>{m.counter[`reason_${trouble.reason}`]()}</strong>
          </p>
          {trouble.before && <p>{beforeText(trouble.before)}</p>}
        </>
      )}
      {trouble.kind === "sent_away" && <p>{m.counter.trouble_sent_away()}</p>}
      {trouble.kind === "past_unknown" && <p>{m.counter.trouble_past_unknown()}</p>}
      {trouble.kind === "not_taken" && (
        <p>
          {trouble.reason === "scan_too_old"
            ? m.counter.trouble_not_taken_scan_too_old()
            : m.counter.trouble_not_taken()}
        </p>
      )}
      <div class="device-actions">
        {canUndo && (
          <Button icon="undo" wide busy={busy.value} onClick={() => void takeBack()}>
            {m.counter.trouble_undo()}
          </Button>
        )}
        <Button kind="primary" wide onClick={() => void understood(nonce)}>
          {m.counter.trouble_understood()}
        </Button>
      </div>
    </Card>
  );
}
