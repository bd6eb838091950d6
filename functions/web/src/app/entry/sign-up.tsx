import { answer, api } from "../../api";
import { Button, Choice, Field, Form, Page, useForm } from "../../ui";
import { m } from "../language";
import { go } from "../navigation";
import { pendingSet } from "./pending";

const INITIAL = {
  name: "",
  email: "",
  roll_no: "",
  room_no: "",
  phone: "",
  password: "",
  role: "student",
  invite_code: "",
};

type Role = "student" | "staff" | "owner";

export default function SignUp() {
  const form = useForm({
    name: "sign-up",
    initial: INITIAL,
    secret: ["password", "invite_code"],
    required: ["name", "email", "password"],
    submit: async (values) => {
      const { role, ...typed } = values;
      // Fields that are empty are left out, and those that are not for the role.
      const own = role === "student" ? ["roll_no", "room_no", "phone"] : ["invite_code", "phone"];
      const sent = ["name", "email", "password", ...own];
      const filled = Object.entries(typed).filter(
        ([key, value]) => sent.includes(key) && value.trim(),
      );
      const body = {
        ...(Object.fromEntries(
          filled.map(([key, value]) => [key, key === "password" ? value : value.trim()]),
        ) as typeof typed),
        role: role as Role,
      };
      const registration = await answer(api.POST("/sign-up", { body }));
      pendingSet("sign-up", {
        email: registration.email,
        registrationId: registration.registration_id,
        sentAt: Date.now(),
      });
      form.reset();
      go("/app/sign-up/code");
    },
  });
  const role = form.values.value.role as Role;
  const roles: readonly Role[] = ["student", "staff", "owner"];
  return (
    <Page title={m.common.sign_up_title()} back="/app/login" narrow>
      <p class="lead">{m.common.sign_up_text()}</p>
      <Form state={form}>
        <Field name="name" label={m.common.sign_up_name()} autocomplete="name" />
        <Field
          name="email"
          type="email"
          label={m.common.sign_up_email()}
          autocomplete="email"
          autocapitalize="none"
        />
        {role === "student" && (
          <div class="field-row">
            <Field
              name="roll_no"
              label={m.common.sign_up_roll_no()}
              optional
              autocapitalize="characters"
            />
            <Field name="room_no" label={m.common.sign_up_room_no()} optional />
          </div>
        )}
        <Field
          name="phone"
          type="tel"
          label={m.common.sign_up_phone()}
          optional
          autocomplete="tel"
        />
        <Field
          name="password"
          type="password"
          label={m.common.sign_up_password()}
          hint={m.common.sign_up_password_hint()}
          autocomplete="new-password"
        />
        <details open={role !== "student"}>
          <summary>{m.common.sign_up_invite()}</summary>
          <div class="form">
            <Choice<Role>
              label={m.common.sign_up_role()}
              value={role}
              options={roles.map((value) => ({ value, label: m.common[`role_${value}`]() }))}
              onChange={(value) => form.set("role", value)}
            />
            {role !== "student" && (
              <Field
                name="invite_code"
                label={m.common.sign_up_invite_code()}
                autocapitalize="none"
              />
            )}
          </div>
        </details>
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.sign_up_action()}
        </Button>
      </Form>
      <p class="aside">
        {m.common.sign_up_have_account()} <a href="/app/login">{m.common.login_action()}</a>
      </p>
    </Page>
  );
}
