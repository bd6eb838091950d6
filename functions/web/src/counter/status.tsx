// What a person at the counter must know of the network: how many scans wait, how long the device can
// judge alone, and whether the server has decided otherwise.
import { moment, time } from "../app/format";
import { m } from "../app/language";
import { go } from "../app/navigation";
import { problemText } from "../app/problems";
import { Note } from "../ui";
import { now } from "./clock";
import { sendsWhenClosed } from "./background";
import { troubles, waiting } from "./kept";
import { roster } from "./roster";
import { ready, trouble } from "./start";

const DAY_MS = 24 * 3_600_000;

export function Status() {
  if (!ready.value) return null;
  const until = roster.value?.validUntil ?? 0;
  const valid = until > now();
  return (
    <>
      {troubles.value.length > 0 && (
        <Note
          kind="bad"
          action={{ label: m.counter.status_look(), run: () => go("/app/counter/device") }}
        >
          {m.counter.status_troubles({ count: troubles.value.length })}
        </Note>
      )}
      {trouble.value && !trouble.value.isNetwork && (
        <Note kind="warn">{problemText(trouble.value)}</Note>
      )}
      {waiting.value > 0 && (
        <Note kind="warn">
          {m.counter.status_waiting({ count: waiting.value })}{" "}
          {sendsWhenClosed.value
            ? m.counter.status_sent_closed({ count: waiting.value })
            : m.counter.status_sent_open({ count: waiting.value })}
        </Note>
      )}
      <p class="quiet counter-status">
        {valid
          ? m.counter.status_roster({
              time: until - now() < DAY_MS / 2 ? time(until) : moment(until),
            })
          : m.counter.status_no_roster()}
      </p>
    </>
  );
}
