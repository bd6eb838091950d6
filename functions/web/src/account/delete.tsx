// Deleting one's account. What lapses with it is said first, because nobody can undo it.
import { useSignal } from "@preact/signals";
import { answer, api } from "../api";
import { Problem } from "../api/problem";
import { logOut } from "../api/session";
import { m } from "../app/language";
import { go } from "../app/navigation";
import { Button, Field, Form, Note, Page, toast, useForm, useLoad } from "../ui";
import "./account.css";

/** The tokens that lapse; none of a student who waits for approval. */
async function tokensLeft(): Promise<number> {
  try {
    return (await answer(api.GET("/student/tokens"))).count;
  } catch (caught) {
    if (caught instanceof Problem && caught.status === 403) return 0;
    throw caught;
  }
}

export default function Delete() {
  const tokens = useLoad(tokensLeft);
  const understood = useSignal(false);
  const form = useForm({
    name: "delete",
    initial: { current_password: "" },
    secret: ["current_password"],
    required: ["current_password"],
    submit: async (body) => {
      await answer(api.DELETE("/account", { body }));
      form.reset();
      await logOut();
      toast(m.account.delete_done());
      go("/app/login");
    },
  });
  return (
    <Page title={m.account.delete_title()} back="/app/account" narrow>
      <p>{m.account.delete_text()}</p>
      <ul class="account-lapses">
        <li>{m.account.delete_tokens({ count: tokens.data ?? 0 })}</li>
        <li>{m.account.delete_days()}</li>
        <li>{m.account.delete_orders()}</li>
        <li>{m.account.delete_personal()}</li>
      </ul>
      <Note kind="warn">{m.account.delete_final()}</Note>
      <Form state={form}>
        <label class="account-understood">
          <input
            type="checkbox"
            checked={understood.value}
            onChange={(event) => {
              understood.value = event.currentTarget.checked;
            }}
          />
          <span>{m.account.delete_understood()}</span>
        </label>
        <Field
          name="current_password"
          type="password"
          label={m.account.password_current()}
          autocomplete="current-password"
        />
        <Button
          type="submit"
          kind="danger"
          wide
          busy={form.busy.value}
          disabled={!understood.value}
        >
          {m.account.delete_action()}
        </Button>
      </Form>
    </Page>
  );
}
