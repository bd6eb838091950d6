// This device: its token, what it keeps, and the scans about which the server decided otherwise.
import { useSignal } from "@preact/signals";
import { deviceToken, deviceTokenRemove, deviceTokenSet } from "../api/device";
import { Problem } from "../api/problem";
import { account } from "../api/session";
import { count, moment } from "../app/format";
import { m } from "../app/language";
import { online } from "../app/network";
import { problemText } from "../app/problems";
import {
  Button,
  Card,
  Dialog,
  Field,
  Form,
  LinkButton,
  Page,
  ProblemNote,
  toast,
  useForm,
} from "../ui";
import { CameraView } from "./camera-view";
import { isDeviceToken, trimmed } from "./codes";
import "./counter.css";
import { deviceInfo } from "./device-info";
import { waiting } from "./kept";
import { mess, roster, rosterAt } from "./roster";
import { exchange, ready, trouble, useCounter } from "./start";
import { Troubles } from "./troubles";

export default function Device() {
  useCounter();
  const isStaff = account.value?.role === "staff";
  return (
    <Page title={m.counter.device_title()} narrow>
      <Troubles />
      {deviceToken.value !== null ? <Registered /> : isStaff ? <Staff /> : <Register />}
      {(deviceToken.value !== null || isStaff || waiting.value > 0) && <KeptHere />}
    </Page>
  );
}

/** Asks the server whether it knows a token, before the device uses it. */
async function check(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch("/api/v1/mess", { headers, signal: AbortSignal.timeout(20_000) });
  } catch {
    throw Problem.local(online.value ? "network" : "offline");
  }
  if (!response.ok) throw await Problem.of(response);
}

function Register() {
  const scanning = useSignal(false);
  const form = useForm({
    name: "device-token",
    initial: { token: "" },
    secret: ["token"],
    required: ["token"],
    check: ({ token }) =>
      isDeviceToken(trimmed(token)) ? {} : { token: m.counter.device_token_wrong() },
    submit: async ({ token }) => {
      try {
        await check(trimmed(token));
      } catch (caught) {
        if (!(caught instanceof Problem) || caught.status !== 401) throw caught;
        form.errors.value = { token: m.counter.device_token_refused() };
        return;
      }
      await deviceTokenSet(trimmed(token));
      form.reset();
      toast(m.counter.device_done());
    },
  });
  const read = (text: string): void => {
    if (form.busy.value || !isDeviceToken(trimmed(text))) return;
    scanning.value = false;
    form.set("token", trimmed(text));
    void form.submit();
  };
  return (
    <Card title={m.counter.device_register()}>
      <p>{m.counter.device_register_text()}</p>
      <Form state={form}>
        <Field
          name="token"
          label={m.counter.device_token()}
          hint={m.counter.device_token_hint()}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.counter.device_action()}
        </Button>
      </Form>
      {scanning.value ? (
        <div class="device-scan">
          <CameraView onText={read} />
        </div>
      ) : (
        <div class="device-scan">
          <Button
            icon="camera"
            wide
            onClick={() => {
              scanning.value = true;
            }}
          >
            {m.counter.device_scan()}
          </Button>
        </div>
      )}
      <p class="aside">
        <a href="/app/login?to=%2Fapp%2Fcounter">{m.counter.device_login()}</a>
      </p>
    </Card>
  );
}

function Registered() {
  const removing = useSignal(false);
  return (
    <Card title={m.counter.device_registered_title()} accent>
      <p>{m.counter.device_registered({ mess: mess.value?.name ?? m.common.app_name() })}</p>
      <p class="quiet">{m.counter.device_name({ name: deviceInfo() })}</p>
      <div class="device-actions">
        <LinkButton kind="primary" icon="scan" href="/app/counter" wide>
          {m.counter.device_start()}
        </LinkButton>
        <Button
          kind="danger"
          wide
          onClick={() => {
            removing.value = true;
          }}
        >
          {m.counter.device_remove()}
        </Button>
      </div>
      {removing.value && (
        <Dialog
          title={m.counter.device_remove()}
          onClose={() => {
            removing.value = false;
          }}
        >
          <p>{m.counter.device_remove_text()}</p>
          <Button
            kind="danger"
            wide
            onClick={() => {
              const { value: token } = deviceToken;
              if (token === null) return;
              void deviceTokenRemove(token).then(() => toast(m.counter.device_removed()));
            }}
          >
            {m.counter.device_remove()}
          </Button>
        </Dialog>
      )}
    </Card>
  );
}

function Staff() {
  return (
    <Card title={m.counter.device_registered_title()} accent>
      <p>{m.counter.device_staff({ name: account.value?.name ?? "" })}</p>
      <p class="quiet">{m.counter.device_name({ name: deviceInfo() })}</p>
      <LinkButton kind="primary" icon="scan" href="/app/counter" wide>
        {m.counter.device_start()}
      </LinkButton>
    </Card>
  );
}

function KeptHere() {
  const busy = useSignal(false);
  const send = async (): Promise<void> => {
    busy.value = true;
    try {
      await exchange();
      const problem = online.value ? trouble.value : Problem.local("offline");
      if (problem) toast(problemText(problem), "bad");
      else toast(m.counter.kept_sent());
    } finally {
      busy.value = false;
    }
  };
  if (!ready.value) return null;
  const students = roster.value?.byAccount.size ?? 0;
  return (
    <Card title={m.counter.kept_title()}>
      <dl class="facts">
        <dt>{m.counter.kept_waiting()}</dt>
        <dd>{count(waiting.value)}</dd>
        <dt>{m.counter.kept_roster()}</dt>
        <dd>{count(students)}</dd>
        <dt>{m.counter.kept_roster_at()}</dt>
        <dd>{rosterAt.value === null ? m.counter.kept_never() : moment(rosterAt.value)}</dd>
        <dt>{m.counter.kept_roster_until()}</dt>
        <dd>{roster.value ? moment(roster.value.validUntil) : m.counter.kept_never()}</dd>
      </dl>
      {trouble.value && !trouble.value.isNetwork && <ProblemNote problem={trouble.value} />}
      <Button icon="upload" wide busy={busy.value} onClick={() => void send()}>
        {m.counter.kept_send()}
      </Button>
    </Card>
  );
}
