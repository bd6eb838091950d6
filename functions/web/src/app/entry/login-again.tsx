// The login over a page whose session has ended. What was typed on the page stays.
import { logIn, type wanted } from "../../api/session";
import { Button, Dialog, Field, Form, useForm } from "../../ui";
import { m } from "../language";

type Wanted = NonNullable<typeof wanted.value>;

export function LoginAgain({ request }: { request: Wanted }) {
  const form = useForm({
    name: "login-again",
    initial: { name: request.account.email ?? request.account.username ?? "", password: "" },
    secret: ["name", "password"],
    required: ["name", "password"],
    submit: async ({ name, password }) => {
      const who = await logIn(name.trim(), password);
      // Nothing that one person has typed is sent in another one's name.
      if (who.account_id !== request.account.account_id) location.assign("/");
      else request.done(true);
    },
  });
  return (
    <Dialog title={m.common.login_again_title()}>
      <p>{m.common.login_again_text()}</p>
      <Form state={form}>
        <Field name="name" label={m.common.login_name()} autocomplete="username" readOnly />
        <Field
          name="password"
          type="password"
          label={m.common.login_password()}
          autocomplete="current-password"
          autofocus
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.login_action()}
        </Button>
      </Form>
      <Button kind="quiet" wide onClick={() => request.done(false)}>
        {m.common.login_again_leave()}
      </Button>
    </Dialog>
  );
}
