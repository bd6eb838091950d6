// Where one is logged in, and logging out there.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../api";
import { Problem } from "../api/problem";
import { moment } from "../app/format";
import { m } from "../app/language";
import { problemText } from "../app/problems";
import { Badge, Button, Empty, Page, PagedList, toast } from "../ui";
import "./account.css";

export default function Sessions() {
  const turn = useSignal(0);
  const busy = useSignal<string | null>(null);

  const end = async (what: string, ends: () => Promise<unknown>, done: string): Promise<void> => {
    busy.value = what;
    try {
      await ends();
      toast(done);
    } catch (caught) {
      if (!(caught instanceof Problem)) throw caught;
      // Somebody may have ended it already. Above a long list nobody would see a note.
      if (caught.code !== "session_not_found") return toast(problemText(caught), "bad");
    } finally {
      busy.value = null;
    }
    turn.value += 1;
  };

  return (
    <Page title={m.account.sessions_title()} back="/app/account" narrow>
      <p class="lead">{m.account.sessions_text()}</p>
      <PagedList
        label={m.account.sessions_title()}
        load={(query) => answer(api.GET("/account/sessions", { params: { query } }))}
        turn={turn.value}
        keyOf={(session) => session.session_id}
        empty={<Empty title={m.account.sessions_none()} />}
      >
        {(session) => (
          <SessionRow
            session={session}
            busy={busy.value === session.session_id}
            end={() => {
              const path = { session_id: session.session_id };
              void end(
                session.session_id,
                () => answer(api.DELETE("/account/sessions/{session_id}", { params: { path } })),
                m.account.session_ended(),
              );
            }}
          />
        )}
      </PagedList>
      <Button
        kind="danger"
        wide
        busy={busy.value === "others"}
        onClick={() =>
          void end(
            "others",
            () => answer(api.DELETE("/account/sessions")),
            m.account.sessions_ended(),
          )
        }
      >
        {m.account.sessions_end_others()}
      </Button>
    </Page>
  );
}

function SessionRow({
  session,
  busy,
  end,
}: {
  session: Schema<"Session">;
  busy: boolean;
  end: () => void;
}) {
  const device = session.device ?? m.account.session_unknown();
  return (
    <div class="account-session">
      <div>
        <strong>{device}</strong>
        <span class="quiet">{m.account.session_used({ at: moment(session.last_used_at) })}</span>
        <span class="quiet">{m.account.session_begun({ at: moment(session.created_at) })}</span>
      </div>
      {session.current ? (
        <Badge kind="good">{m.account.session_current()}</Badge>
      ) : (
        <Button
          kind="quiet"
          busy={busy}
          aria-label={m.account.session_end_named({ device })}
          onClick={end}
        >
          {m.account.session_end()}
        </Button>
      )}
    </div>
  );
}
