// Another e-mail address: the address and the password, then the code that comes to it.
import { useSignal } from "@preact/signals";
import { answer, api } from "../api";
import { account, refreshAccount } from "../api/session";
import { CodeField, digitsOf } from "../app/entry/code";
import { m } from "../app/language";
import { go } from "../app/navigation";
import { Button, Field, Form, Page, toast, useForm } from "../ui";

interface Waiting {
  email: string;
  sentAt: number;
}

const KEY = "account.email";

function waitingKept(): Waiting | null {
  const kept = sessionStorage.getItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as Waiting);
}

export default function Email() {
  const waiting = useSignal(waitingKept());
  const set = (next: Waiting | null): void => {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
    waiting.value = next;
  };
  return (
    <Page title={m.account.email_title()} back="/app/account" narrow>
      {waiting.value ? <Confirm waiting={waiting.value} set={set} /> : <Ask set={set} />}
    </Page>
  );
}

function Ask({ set }: { set: (next: Waiting) => void }) {
  const form = useForm({
    name: "email",
    initial: { email: "", current_password: "" },
    secret: ["current_password"],
    required: ["email", "current_password"],
    submit: async ({ email, current_password }) => {
      const body = { email: email.trim(), current_password };
      await answer(api.POST("/account/email", { body }));
      form.reset();
      set({ email: body.email, sentAt: Date.now() });
    },
  });
  const now = account.value?.email;
  return (
    <>
      <p class="lead">{now ? m.account.email_text({ email: now }) : m.account.email_text_none()}</p>
      <Form state={form}>
        <Field
          name="email"
          type="email"
          label={m.account.email_new()}
          autocomplete="email"
          autocapitalize="none"
          spellcheck={false}
        />
        <Field
          name="current_password"
          type="password"
          label={m.account.password_current()}
          autocomplete="current-password"
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.account.email_action()}
        </Button>
      </Form>
    </>
  );
}

function Confirm({ waiting, set }: { waiting: Waiting; set: (next: Waiting | null) => void }) {
  const form = useForm({
    name: "email-confirm",
    initial: { otp: "" },
    secret: ["otp"],
    required: ["otp"],
    submit: async ({ otp }) => {
      await answer(api.POST("/account/email/confirm", { body: { otp: digitsOf(otp) } }));
      // The session still has the old address until it is refreshed.
      await refreshAccount().catch(() => null);
      set(null);
      toast(m.account.email_done());
      go("/app/account");
    },
  });
  return (
    <>
      <p class="lead">{m.common.code_text({ email: waiting.email })}</p>
      <Form state={form}>
        <CodeField />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.code_action()}
        </Button>
      </Form>
      {/* A new code needs the password again. */}
      <Button kind="quiet" wide onClick={() => set(null)}>
        {m.account.email_again()}
      </Button>
    </>
  );
}
