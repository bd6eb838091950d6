import { answer, api } from "../api";
import { account } from "../api/session";
import { m } from "../app/language";
import { go } from "../app/navigation";
import { Button, Field, Form, Page, toast, useForm } from "../ui";

export default function Password() {
  const form = useForm({
    name: "password",
    initial: { current_password: "", new_password: "" },
    secret: ["current_password", "new_password"],
    required: ["current_password", "new_password"],
    submit: async (body) => {
      await answer(api.POST("/account/password", { body }));
      form.reset();
      toast(m.account.password_done());
      go("/app/account");
    },
  });
  return (
    <Page title={m.account.password_title()} back="/app/account" narrow>
      <p class="lead">{m.account.password_text()}</p>
      <Form state={form}>
        {/* Password managers look for the name beside the passwords. */}
        <input
          type="text"
          class="visually-hidden"
          autocomplete="username"
          value={account.value?.email ?? account.value?.username ?? ""}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <Field
          name="current_password"
          type="password"
          label={m.account.password_current()}
          autocomplete="current-password"
        />
        <Field
          name="new_password"
          type="password"
          label={m.account.password_new()}
          hint={m.common.sign_up_password_hint()}
          autocomplete="new-password"
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.account.password_action()}
        </Button>
      </Form>
    </Page>
  );
}
