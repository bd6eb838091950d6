// The mess's settings: meal times, prices, cutoff, and what needs the owner's word.
import { answer, api, type Schema } from "../api";
import { m } from "../app/language";
import {
  Button,
  Card,
  Choice,
  Field,
  Form,
  Page,
  Show,
  Skeleton,
  toast,
  useForm,
  useLoad,
} from "../ui";
import { loadMess, paiseOf, rupeesOf, type Mess } from "./mess";
import { MEALS, mealName } from "./meals";
import "./owner.css";

/** The datalist of time zones. */
const ZONES: object = { list: "owner-zones" };

type Change = Schema<"UpdateMess">;

export default function MessSettings() {
  const mess = useLoad(loadMess);
  return (
    <Page title={m.owner.mess_title()} back="/app/owner/more">
      <Show of={mess} skeleton={<Skeleton lines={4} tall />}>
        {(data) => <Settings key={JSON.stringify(data)} mess={data} onSaved={mess.reload} />}
      </Show>
    </Page>
  );
}

type Values = Record<string, string>;

function initialOf(mess: Mess): Values {
  const values: Values = {
    name: mess.name,
    time_zone: mess.time_zone,
    region: mess.region,
    token_price_paise: rupeesOf(mess.token_price_paise),
    token_validity_days: String(mess.token_validity_days),
    cut_cutoff: mess.cut_cutoff,
    approval: mess.approval,
    overrides: mess.overrides,
  };
  for (const meal of MEALS) {
    values[`meal_windows.${meal}.opens`] = mess.meal_windows[meal]?.opens ?? "";
    values[`meal_windows.${meal}.closes`] = mess.meal_windows[meal]?.closes ?? "";
  }
  return values;
}

/** What has changed, as the API takes it: what is not named stays. */
export function changeOf(mess: Mess, values: Values): Change {
  const before = initialOf(mess);
  const is = (name: string): string => (values[name] ?? "").trim();
  const changed = (name: string): boolean => is(name) !== (before[name] ?? "");
  const change: Change = {};
  if (changed("name")) change.name = is("name");
  if (changed("time_zone")) change.time_zone = is("time_zone");
  if (changed("region")) change.region = is("region").toUpperCase();
  if (changed("token_price_paise")) change.token_price_paise = paiseOf(is("token_price_paise"));
  if (changed("token_validity_days"))
    change.token_validity_days = Number(is("token_validity_days"));
  if (changed("cut_cutoff")) change.cut_cutoff = is("cut_cutoff");
  if (changed("approval")) change.approval = is("approval") as Mess["approval"];
  if (changed("overrides")) change.overrides = is("overrides") as Mess["overrides"];
  for (const meal of MEALS) {
    const [opens, closes] = [`meal_windows.${meal}.opens`, `meal_windows.${meal}.closes`];
    if (changed(opens) || changed(closes))
      change.meal_windows = {
        ...change.meal_windows,
        [meal]: { opens: is(opens), closes: is(closes) },
      };
  }
  return change;
}

function Settings({ mess, onSaved }: { mess: Mess; onSaved: () => void }) {
  const form = useForm<Values>({
    // A draft is of the settings that it changes; after another change it is void.
    name: `owner-mess-${JSON.stringify(mess)}`,
    initial: initialOf(mess),
    required: ["name", "time_zone", "region", "token_price_paise", "token_validity_days"],
    check: (values) => ({
      ...(paiseOf(values["token_price_paise"] ?? "") === null && {
        token_price_paise: m.owner.mess_price_wrong(),
      }),
      ...(!/^\s*\d{1,3}\s*$/.test(values["token_validity_days"] ?? "") && {
        token_validity_days: m.owner.mess_validity_wrong(),
      }),
    }),
    submit: async (values) => {
      const body = changeOf(mess, values);
      if (Object.keys(body).length > 0) await answer(api.PATCH("/api/v1/mess", { body }));
      form.reset();
      toast(m.owner.mess_saved());
      onSaved();
    },
  });
  const value = form.values.value;
  const zones = "supportedValuesOf" in Intl ? Intl.supportedValuesOf("timeZone") : [];
  return (
    <Form state={form}>
      <div class="cards">
        <Card title={m.owner.mess_times()}>
          <p class="quiet">{m.owner.mess_times_text()}</p>
          {MEALS.map((meal) => (
            <fieldset key={meal} class="choice">
              <legend>{mealName(meal)}</legend>
              <div class="owner-times">
                <Field
                  name={`meal_windows.${meal}.opens`}
                  label={m.owner.mess_opens()}
                  type="time"
                />
                <Field
                  name={`meal_windows.${meal}.closes`}
                  label={m.owner.mess_closes()}
                  type="time"
                />
              </div>
            </fieldset>
          ))}
          <Field
            name="cut_cutoff"
            label={m.owner.mess_cutoff()}
            type="time"
            hint={m.owner.mess_cutoff_hint()}
          />
        </Card>
        <Card title={m.owner.mess_tokens()}>
          <div class="form">
            <Field
              name="token_price_paise"
              label={m.owner.mess_price()}
              inputMode="decimal"
              hint={m.owner.mess_price_hint()}
            />
            <Field
              name="token_validity_days"
              label={m.owner.mess_validity()}
              inputMode="numeric"
              hint={m.owner.mess_validity_hint()}
            />
          </div>
        </Card>
        <Card title={m.owner.mess_rules()}>
          <Choice
            label={m.owner.mess_approval()}
            value={value["approval"] ?? ""}
            options={[
              { value: "required", label: m.owner.mess_approval_required() },
              { value: "automatic", label: m.owner.mess_approval_automatic() },
            ]}
            onChange={(next) => form.set("approval", next)}
          />
          <Choice
            label={m.owner.mess_overrides()}
            value={value["overrides"] ?? ""}
            options={[
              { value: "forbidden", label: m.owner.mess_overrides_forbidden() },
              { value: "allowed", label: m.owner.mess_overrides_allowed() },
            ]}
            onChange={(next) => form.set("overrides", next)}
          />
          <p class="quiet">{m.owner.mess_overrides_text()}</p>
        </Card>
        <Card title={m.owner.mess_itself()}>
          <div class="form">
            <Field name="name" label={m.owner.mess_name()} maxLength={100} />
            <Field
              name="time_zone"
              label={m.owner.mess_zone()}
              {...ZONES}
              autocapitalize="none"
              spellcheck={false}
              hint={m.owner.mess_zone_hint()}
            />
            <datalist id="owner-zones">
              {zones.map((zone) => (
                <option key={zone} value={zone} />
              ))}
            </datalist>
            <Field
              name="region"
              label={m.owner.mess_region()}
              maxLength={2}
              hint={m.owner.mess_region_hint()}
            />
          </div>
        </Card>
      </div>
      <div class="owner-save">
        <Button type="submit" kind="primary" busy={form.busy.value}>
          {m.common.action_save()}
        </Button>
      </div>
    </Form>
  );
}
