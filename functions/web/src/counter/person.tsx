// A student as the counter sees them.
import { useSignal } from "@preact/signals";
import { m } from "../app/language";
import type { Shown } from "./shapes";

export function Person({
  shown,
  large,
}: {
  shown: Pick<Shown, "name" | "rollNo" | "roomNo" | "picture">;
  large?: boolean;
}) {
  const broken = useSignal(false);
  const { name, rollNo, roomNo, picture } = shown;
  if (name === undefined) return null;
  const more = [
    roomNo && m.counter.verdict_room({ room: roomNo }),
    rollNo && m.counter.find_roll({ roll: rollNo }),
  ].filter(Boolean);
  return (
    <div class={large ? "person person-large" : "person"}>
      {picture && !broken.value && (
        <img
          class="person-picture"
          src={picture}
          alt={m.counter.verdict_picture({ name })}
          onError={() => {
            broken.value = true;
          }}
        />
      )}
      <div class="person-text">
        <p class="person-name">{name}</p>
        {more.length > 0 && <p class="person-more">{more.join(" · ")}</p>}
      </div>
    </div>
  );
}
