// Money back: for tokens of a student's purchases, and for payments that pay for nothing.
import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso/router";
import { moment, money } from "../app/format";
import { m } from "../app/language";
import { go } from "../app/navigation";
import { Button, Empty, Field, Form, LinkButton, Page, PagedList, Tabs, useForm } from "../ui";
import { newsOf, type NewsOf } from "./news";
import { OddPayments } from "./odd-payments";
import { buyerOf } from "./purchases";
import { Results, Search, type Result } from "./search";
import { StudentPurchases } from "./student-purchases";
import "./owner.css";

const PATH = "/app/owner/more/refunds";

const bought = newsOf("token_bought");

const pathOf = (student: string, order?: string): string =>
  `${PATH}?${new URLSearchParams({ student, ...(order && { order }) }).toString()}`;

export default function Refunds() {
  const { query } = useLocation();
  const { student, order } = query;
  const odd = query["of"] === "odd";
  return (
    // Another student is another page, whose heading gets the focus.
    <Page key={student} title={m.owner.refunds_title()} back={student ? PATH : "/app/owner/more"}>
      <Tabs
        label={m.owner.refunds_title()}
        current={odd ? `${PATH}?of=odd` : PATH}
        tabs={[
          { href: PATH, label: m.owner.refunds_tokens() },
          { href: `${PATH}?of=odd`, label: m.owner.refunds_odd() },
        ]}
      />
      {odd ? (
        <OddPayments />
      ) : student ? (
        <StudentPurchases key={student} student={student} {...(order && { order })} />
      ) : (
        <FindPurchase />
      )}
    </Page>
  );
}

/** By its student, by its number, or among the latest. */
function FindPurchase() {
  const found = useSignal<Result | null>(null);
  return (
    <>
      <p class="quiet">{m.owner.refunds_text()}</p>
      <Search
        onFound={(result) => {
          found.value = result;
        }}
      />
      {found.value ? (
        <Results
          found={found.value}
          onClose={() => {
            found.value = null;
          }}
        >
          {({ account_id, name }) => <PurchasesLink student={account_id} name={name} />}
        </Results>
      ) : (
        <>
          <ByNumber />
          <Latest />
        </>
      )}
    </>
  );
}

function PurchasesLink({
  student,
  name,
  order,
}: {
  student: string;
  name: string;
  order?: string;
}) {
  return (
    <LinkButton
      href={pathOf(student, order)}
      aria-label={`${m.owner.student_purchases()}: ${name}`}
    >
      {m.owner.student_purchases()}
    </LinkButton>
  );
}

function ByNumber() {
  const form = useForm({
    name: "owner-refund-order",
    initial: { order_id: "" },
    required: ["order_id"],
    check: ({ order_id }) =>
      /^\s*order_\w{1,40}\s*$/.test(order_id) ? {} : { order_id: m.owner.refund_order_wrong() },
    submit: async ({ order_id }) => {
      const order = order_id.trim();
      const student = await buyerOf(order);
      if (student === null) {
        form.errors.value = { order_id: m.owner.refund_no_order() };
        return;
      }
      form.reset();
      go(pathOf(student, order));
    },
  });
  return (
    <details>
      <summary>{m.owner.refund_by_order()}</summary>
      <Form state={form}>
        <Field
          name="order_id"
          label={m.owner.refund_order()}
          hint={m.owner.refund_order_hint()}
          autocapitalize="none"
          autocomplete="off"
          spellcheck={false}
        />
        <Button type="submit" busy={form.busy.value}>
          {m.owner.refund_find()}
        </Button>
      </Form>
    </details>
  );
}

function Latest() {
  return (
    <>
      <h2 class="owner-section">{m.owner.refunds_latest()}</h2>
      <PagedList
        label={m.owner.refunds_latest()}
        load={bought}
        keyOf={(each) => each.notification_id}
        empty={
          <Empty icon="money" title={m.owner.refunds_none()}>
            <p>{m.owner.refunds_none_text()}</p>
          </Empty>
        }
      >
        {(each: NewsOf<"token_bought">) => (
          <div class="owner-row">
            <div>
              <h3>{each.name ?? m.owner.somebody()}</h3>
              <p>{m.owner.purchase({ count: each.count, amount: money(each.amount_paise) })}</p>
              <p class="quiet">
                {moment(each.at)} · <span class="owner-ids">{each.order_id}</span>
              </p>
            </div>
            <PurchasesLink
              student={each.account_id}
              name={each.name ?? each.order_id}
              order={each.order_id}
            />
          </div>
        )}
      </PagedList>
    </>
  );
}
