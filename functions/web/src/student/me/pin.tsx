// The PIN with which tokens are redeemed in place of the password.
import { useSignal } from "@preact/signals";
import { answer, api } from "../../api";
import { m } from "../../app/language";
import { go } from "../../app/navigation";
import { Button, Field, Form, Page, Show, Skeleton, toast, useForm, useLoad } from "../../ui";
import { profileLoad } from "./me";

export default function Pin() {
  const profile = useLoad(profileLoad);
  return (
    <Page
      title={profile.data?.security_code_set ? m.student.me_pin_change() : m.student.me_pin_set()}
      back="/app/student/me"
      narrow
    >
      <Show of={profile} skeleton={<Skeleton lines={4} />}>
        {(account) => <PinForm isSet={account.security_code_set} />}
      </Show>
    </Page>
  );
}

function PinForm({ isSet }: { isSet: boolean }) {
  const removing = useSignal(false);
  const form = useForm({
    name: "pin",
    initial: { security_code: "", current_password: "" },
    secret: ["security_code", "current_password"],
    required: removing.value ? ["current_password"] : ["security_code", "current_password"],
    check: ({ security_code }) =>
      removing.value || security_code === "" || /^\p{Nd}{4,8}$/u.test(security_code)
        ? {}
        : { security_code: m.student.pin_wrong() },
    submit: async ({ security_code, current_password }) => {
      const body = { security_code: removing.value ? null : security_code, current_password };
      await answer(api.PATCH("/student/profile", { body }));
      form.reset();
      toast(removing.value ? m.student.pin_removed() : m.student.pin_saved());
      go("/app/student/me");
    },
  });
  return (
    <>
      <p class="lead">{m.student.pin_text()}</p>
      <Form state={form}>
        {!removing.value && (
          <Field
            name="security_code"
            type="password"
            label={m.student.pin_label()}
            hint={m.student.pin_hint()}
            inputMode="numeric"
            maxLength={8}
            autocomplete="off"
          />
        )}
        <Field
          name="current_password"
          type="password"
          label={m.student.pin_password()}
          autocomplete="current-password"
        />
        <Button
          type="submit"
          kind={removing.value ? "danger" : "primary"}
          wide
          busy={form.busy.value}
        >
          {removing.value ? m.student.pin_remove() : m.student.pin_save()}
        </Button>
      </Form>
      {isSet && (
        <p class="aside">
          <Button
            kind="quiet"
            onClick={() => {
              form.errors.value = {};
              removing.value = !removing.value;
            }}
          >
            {removing.value ? m.student.me_pin_change() : m.student.pin_remove_instead()}
          </Button>
        </p>
      )}
    </>
  );
}
