import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answer, api } from "../../api";
import { Button, Form, Page, toast, useForm } from "../../ui";
import { m } from "../language";
import { go } from "../navigation";
import { CodeField, digitsOf, Resend } from "./code";
import { pending, pendingSet } from "./pending";

export default function SignUpCode() {
  const waits = useSignal(pending("sign-up"));
  const form = useForm({
    name: "sign-up-code",
    initial: { otp: "" },
    secret: ["otp"],
    required: ["otp"],
    submit: async ({ otp }) => {
      await answer(api.POST("/sign-up/otp-verify", { body: { ...who(), otp: digitsOf(otp) } }));
      pendingSet("sign-up", null);
      toast(m.common.code_done());
      go("/app/login", { replace: true });
    },
  });
  useEffect(() => {
    if (!waits.value) go("/app/sign-up", { replace: true });
  }, []);
  if (!waits.value) return null;
  const { email, registrationId, sentAt } = waits.value;
  const who = () => (registrationId ? { registration_id: registrationId } : { email });
  return (
    <Page title={m.common.code_title()} back="/app/sign-up" narrow>
      <p class="lead">{m.common.code_text({ email })}</p>
      <Form state={form}>
        <CodeField />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.code_action()}
        </Button>
      </Form>
      <Resend
        sentAt={sentAt}
        send={async () => {
          await answer(api.POST("/sign-up/otp-resend", { body: who() }));
          waits.value = { email, ...(registrationId && { registrationId }), sentAt: Date.now() };
          pendingSet("sign-up", waits.value);
        }}
      />
      <p class="aside">
        <a href="/app/sign-up">{m.common.code_other_email()}</a>
      </p>
    </Page>
  );
}
