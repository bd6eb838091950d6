import { useLocation } from "preact-iso/router";
import { logIn } from "../../api/session";
import { Button, Field, Form, Page, useForm } from "../../ui";
import { afterLogin } from "../gate";
import { m } from "../language";
import { go } from "../navigation";

export default function Login() {
  const { query } = useLocation();
  const form = useForm({
    name: "login",
    initial: { name: "", password: "" },
    secret: ["password"],
    required: ["name", "password"],
    submit: async ({ name, password }) => {
      await logIn(name.trim(), password);
      form.reset();
      go(afterLogin(query["to"]), { replace: true });
    },
  });
  return (
    <Page title={m.common.login_title()} narrow>
      <p class="lead">{m.common.app_tagline()}</p>
      <Form state={form}>
        <Field
          name="name"
          label={m.common.login_name()}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
        />
        <Field
          name="password"
          type="password"
          label={m.common.login_password()}
          autocomplete="current-password"
        />
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.login_action()}
        </Button>
      </Form>
      <p class="aside">
        <a href="/app/forgotten">{m.common.login_forgotten()}</a>
      </p>
      <p class="aside">
        {m.common.login_new()} <a href="/app/sign-up">{m.common.login_sign_up()}</a>
      </p>
      <p class="aside">
        <a href="/app/counter/device">{m.common.login_counter()}</a>
      </p>
    </Page>
  );
}
