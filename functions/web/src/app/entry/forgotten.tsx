// A forgotten password: the address, then the code from the mail and a new password.
import { useSignal } from "@preact/signals";
import { answer, api } from "../../api";
import { Button, Field, Form, Page, toast, useForm } from "../../ui";
import { m } from "../language";
import { go } from "../navigation";
import { CodeField, digitsOf, Resend } from "./code";
import { pending, pendingSet, type Pending } from "./pending";

const ask = (email: string) => answer(api.POST("/password-reset", { body: { email } }));

export default function Forgotten() {
  const waits = useSignal(pending("forgotten"));
  const waitsSet = (next: Pending | null): void => {
    pendingSet("forgotten", next);
    waits.value = next;
  };
  return waits.value ? (
    <Confirm waits={waits.value} waitsSet={waitsSet} />
  ) : (
    <Ask waitsSet={waitsSet} />
  );
}

function Ask({ waitsSet }: { waitsSet: (next: Pending) => void }) {
  const form = useForm({
    name: "forgotten",
    initial: { email: "" },
    required: ["email"],
    submit: async ({ email }) => {
      await ask(email.trim());
      waitsSet({ email: email.trim(), sentAt: Date.now() });
    },
  });
  return (
    <Page title={m.common.forgotten_title()} back="/app/login" narrow>
      <p class="lead">{m.common.forgotten_text()}</p>
      <Form state={form}>
        <Field
          name="email"
          type="email"
          label={m.common.sign_up_email()}
          autocomplete="email"
          autocapitalize="none"
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.forgotten_action()}
        </Button>
      </Form>
    </Page>
  );
}

function Confirm({
  waits,
  waitsSet,
}: {
  waits: Pending;
  waitsSet: (next: Pending | null) => void;
}) {
  const form = useForm({
    name: "forgotten-confirm",
    initial: { otp: "", new_password: "" },
    secret: ["otp", "new_password"],
    required: ["otp", "new_password"],
    submit: async ({ otp, new_password }) => {
      const body = { email: waits.email, otp: digitsOf(otp), new_password };
      await answer(api.POST("/password-reset/confirm", { body }));
      pendingSet("forgotten", null);
      toast(m.common.forgotten_done());
      go("/app/login", { replace: true });
    },
  });
  return (
    <Page title={m.common.forgotten_title()} back="/app/login" narrow>
      <p class="lead">{m.common.code_text({ email: waits.email })}</p>
      <Form state={form}>
        <CodeField />
        <Field
          name="new_password"
          type="password"
          label={m.common.forgotten_new_password()}
          hint={m.common.sign_up_password_hint()}
          autocomplete="new-password"
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.forgotten_confirm()}
        </Button>
      </Form>
      <Resend
        sentAt={waits.sentAt}
        send={async () => {
          await ask(waits.email);
          waitsSet({ ...waits, sentAt: Date.now() });
        }}
      />
      <Button kind="quiet" wide onClick={() => waitsSet(null)}>
        {m.common.code_other_email()}
      </Button>
    </Page>
  );
}
