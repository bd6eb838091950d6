// The student's own details.
import { answer, api, type Schema } from "../../api";
import { refreshAccount } from "../../api/session";
import { m } from "../../app/language";
import { go } from "../../app/navigation";
import { Button, Field, Form, Page, Show, Skeleton, toast, useForm, useLoad } from "../../ui";
import { changes } from "./changes";
import { profileLoad, type OwnAccount } from "./me";

export default function Edit() {
  const profile = useLoad(profileLoad);
  return (
    <Page title={m.student.me_edit()} back="/app/student/me" narrow>
      <Show of={profile} skeleton={<Skeleton lines={6} />}>
        {(account) => <EditForm account={account} />}
      </Show>
    </Page>
  );
}

function EditForm({ account }: { account: OwnAccount }) {
  const before = {
    full_name: account.name,
    roll_no: account.roll_no ?? "",
    room_no: account.room_no ?? "",
    phone: account.phone_national ?? account.phone ?? "",
    date_of_birth: account.date_of_birth ?? "",
    profession: account.profession ?? "",
    address: account.address ?? "",
    bio: account.bio ?? "",
  };
  const form = useForm({
    name: "profile",
    initial: before,
    required: ["full_name"],
    submit: async (values) => {
      const body = changes(before, values) as Schema<"UpdateProfile">;
      if (Object.keys(body).length > 0) {
        await answer(api.PATCH("/student/profile", { body }));
        // The name in the greeting is the session's; it is right again at the next refresh.
        await refreshAccount().catch(() => null);
      }
      form.reset();
      toast(m.student.me_saved());
      go("/app/student/me");
    },
  });
  return (
    <Form state={form}>
      <Field name="full_name" label={m.student.profile_name()} autocomplete="name" />
      <div class="field-row">
        <Field
          name="roll_no"
          label={m.student.profile_roll_no()}
          optional
          autocapitalize="characters"
        />
        <Field name="room_no" label={m.student.profile_room_no()} optional />
      </div>
      <Field
        name="phone"
        type="tel"
        label={m.student.profile_phone()}
        optional
        autocomplete="tel"
      />
      <Field
        name="date_of_birth"
        type="date"
        label={m.student.profile_date_of_birth()}
        optional
        autocomplete="bday"
      />
      <Field name="profession" label={m.student.profile_profession()} optional />
      <Field
        name="address"
        label={m.student.profile_address()}
        optional
        autocomplete="street-address"
      />
      <Field name="bio" label={m.student.profile_bio()} optional />
      <Button type="submit" kind="primary" wide busy={form.busy.value}>
        {m.common.action_save()}
      </Button>
    </Form>
  );
}
