// Who works at the counter: devices with a staff token, and invites for people.
import { useSignal } from "@preact/signals";
import { answer, api, type Schema } from "../api";
import { moment } from "../app/format";
import { m } from "../app/language";
import {
  Badge,
  Button,
  Card,
  Choice,
  Dialog,
  Empty,
  Field,
  Form,
  Note,
  Page,
  PagedList,
  ProblemNote,
  Qr,
  toast,
  useForm,
} from "../ui";
import { focusOn } from "./focus";
import { zoneKnown } from "./mess";
import { filled } from "./pages";
import { Confirm, Secret, useAction } from "./parts";
import "./owner.css";

type Token = Schema<"StaffToken">;
type NewToken = Schema<"NewStaffToken">;
type Invited = Schema<"Invited">;

export default function Staff() {
  const turn = useSignal(0);
  const made = useSignal<NewToken | null>(null);
  const revoking = useSignal<Token | null>(null);
  // Shown in place, so that the list stays where it was.
  const revoked = useSignal<ReadonlyMap<string, string>>(new Map());
  const shown = (token: Token): Token => {
    const revoked_at = token.revoked_at ?? revoked.value.get(token.staff_token_id);
    return revoked_at === undefined ? token : { ...token, revoked_at };
  };
  return (
    <Page title={m.owner.staff_title()} back="/app/owner/more">
      <div class="cards">
        <NewDevice
          onMade={(token) => {
            made.value = token;
            turn.value += 1;
          }}
        />
        <Invite />
      </div>
      <h2 class="owner-section">{m.owner.devices_title()}</h2>
      <PagedList
        label={m.owner.devices_title()}
        turn={turn.value}
        load={filled<Token>(async (query) => {
          await zoneKnown();
          return answer(api.GET("/api/v1/staff-tokens", { params: { query } }));
        })}
        keyOf={(token) => token.staff_token_id}
        empty={
          <Empty icon="scan" title={m.owner.devices_none()}>
            <p>{m.owner.devices_none_text()}</p>
          </Empty>
        }
      >
        {(token) => (
          <Device
            token={shown(token)}
            onRevoke={() => {
              revoking.value = token;
            }}
          />
        )}
      </PagedList>
      {made.value && (
        <ShownOnce
          token={made.value}
          onClose={() => {
            made.value = null;
          }}
        />
      )}
      {revoking.value && (
        <Confirm
          title={m.owner.device_revoke_title({ name: revoking.value.name })}
          action={m.owner.device_revoke()}
          danger
          onClose={() => {
            revoking.value = null;
          }}
          onConfirm={async () => {
            const staff_token_id = revoking.value?.staff_token_id ?? "";
            await answer(
              api.DELETE("/api/v1/staff-tokens/{staff_token_id}", {
                params: { path: { staff_token_id } },
              }),
            );
            revoked.value = new Map([...revoked.value, [staff_token_id, new Date().toISOString()]]);
            toast(m.owner.device_revoked_done());
            focusOn(staff_token_id);
          }}
        >
          <p>{m.owner.device_revoke_text()}</p>
        </Confirm>
      )}
    </Page>
  );
}

function stateOf({ revoked_at, expires_at }: Token): "revoked" | "expired" | "live" {
  if (revoked_at) return "revoked";
  return Date.parse(expires_at) <= Date.now() ? "expired" : "live";
}

function Device({ token, onRevoke }: { token: Token; onRevoke: () => void }) {
  const state = stateOf(token);
  return (
    <div class="owner-row">
      <div>
        <h2 tabIndex={-1}>{token.name}</h2>
        <p class="quiet">
          {token.last_used_at
            ? m.owner.device_used({ moment: moment(token.last_used_at) })
            : m.owner.device_unused()}
        </p>
        <p class="quiet">
          {state === "revoked"
            ? m.owner.device_revoked_at({ moment: moment(token.revoked_at ?? "") })
            : m.owner.device_ends({ moment: moment(token.expires_at) })}
        </p>
      </div>
      <Badge kind={state === "live" ? "good" : "info"}>{m.owner[`device_${state}`]()}</Badge>
      {state === "live" && (
        <Button
          kind="danger"
          aria-label={`${m.owner.device_revoke()}: ${token.name}`}
          onClick={onRevoke}
        >
          {m.owner.device_revoke()}
        </Button>
      )}
    </div>
  );
}

function NewDevice({ onMade }: { onMade: (token: NewToken) => void }) {
  const form = useForm({
    name: "owner-device",
    initial: { name: "", expires_in_days: "90" },
    required: ["name", "expires_in_days"],
    check: ({ expires_in_days: days }) =>
      /^\s*\d{1,3}\s*$/.test(days) && Number(days) >= 1 && Number(days) <= 365
        ? {}
        : { expires_in_days: m.owner.device_days_wrong() },
    submit: async ({ name, expires_in_days }) => {
      const body = { name: name.trim(), expires_in_days: Number(expires_in_days) };
      const token = await answer(api.POST("/api/v1/staff-tokens", { body }));
      form.reset();
      onMade(token);
    },
  });
  return (
    <Card title={m.owner.device_new()}>
      <p class="quiet">{m.owner.device_new_text()}</p>
      <Form state={form}>
        <Field
          name="name"
          label={m.owner.device_name()}
          hint={m.owner.device_name_hint()}
          maxLength={100}
          autocomplete="off"
        />
        <Field name="expires_in_days" label={m.owner.device_days()} inputMode="numeric" />
        <Button type="submit" kind="primary" busy={form.busy.value}>
          {m.owner.device_make()}
        </Button>
      </Form>
    </Card>
  );
}

function ShownOnce({ token, onClose }: { token: NewToken; onClose: () => void }) {
  return (
    <Dialog title={m.owner.device_made({ name: token.name })}>
      <Note kind="warn">{m.owner.shown_once()}</Note>
      <ol class="owner-steps">
        <li>{m.owner.device_step_open({ address: `${location.host}/app/counter/device` })}</li>
        <li>{m.owner.device_step_scan()}</li>
      </ol>
      <div class="owner-qr">
        <Qr text={token.token} label={m.owner.device_qr()} />
      </div>
      <Secret text={token.token} label={m.owner.device_token()} />
      <p class="quiet">{m.owner.device_ends({ moment: moment(token.expires_at) })}</p>
      <Button kind="primary" wide onClick={onClose}>
        {m.owner.device_kept()}
      </Button>
    </Dialog>
  );
}

function Invite() {
  const role = useSignal<"staff" | "owner">("staff");
  const invited = useSignal<Invited | null>(null);
  const { busy, problem, run } = useAction();
  const invite = (): Promise<boolean> =>
    run(async () => {
      await zoneKnown();
      invited.value = await answer(api.POST("/api/v1/invites", { body: { role: role.value } }));
    });
  return (
    <Card title={m.owner.invite_title()}>
      <p class="quiet">{m.owner.invite_text()}</p>
      {problem.value && <ProblemNote problem={problem.value} />}
      <Choice
        label={m.owner.invite_role()}
        value={role.value}
        options={[
          { value: "staff", label: m.common.role_staff() },
          { value: "owner", label: m.common.role_owner() },
        ]}
        onChange={(next) => {
          role.value = next;
        }}
      />
      {role.value === "owner" && <Note kind="warn">{m.owner.invite_owner_text()}</Note>}
      <Button kind="primary" busy={busy.value} onClick={() => void invite()}>
        {m.owner.invite_make()}
      </Button>
      {invited.value && (
        <Dialog title={m.owner.invite_made()}>
          <Note kind="warn">{m.owner.shown_once()}</Note>
          <Secret text={invited.value.code} label={m.owner.invite_code()} />
          <p>
            {m.owner.invite_how({
              address: `${location.host}/app/sign-up`,
              moment: moment(invited.value.expires_at),
            })}
          </p>
          <Button
            kind="primary"
            wide
            onClick={() => {
              invited.value = null;
            }}
          >
            {m.owner.device_kept()}
          </Button>
        </Dialog>
      )}
    </Card>
  );
}
