// The menu: what is sold, at which price, and how much there is of it.
import { useSignal } from "@preact/signals";
import { answer, api, onceFor, type Schema } from "../api";
import { m } from "../app/language";
import {
  Badge,
  Button,
  Dialog,
  Empty,
  Field,
  Form,
  Note,
  Page,
  Show,
  Skeleton,
  toast,
  useForm,
  useLoad,
} from "../ui";
import { allOf } from "./pages";
import { Check } from "./parts";
import { skuFor } from "./sku";
import "./owner.css";

type Item = Schema<"Item">;
type Open = { kind: "new" } | { kind: "edit"; item: Item } | { kind: "stock"; item: Item } | null;

/** Fewer portions than this are few; the dashboard warns at the same number. */
const FEW = 10;

export default function Menu() {
  const items = useLoad(() =>
    allOf<Item>((query) => answer(api.GET("/api/items", { params: { query } }))),
  );
  const open = useSignal<Open>(null);
  const close = (): void => {
    open.value = null;
  };
  const changed = (): void => {
    close();
    items.reload();
  };
  const add = (
    <Button
      kind="primary"
      onClick={() => {
        open.value = { kind: "new" };
      }}
    >
      {m.owner.menu_add()}
    </Button>
  );
  return (
    <Page title={m.owner.menu_title()} actions={items.data && items.data.length > 0 && add}>
      <Show of={items} skeleton={<Skeleton lines={5} />}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon="order" title={m.owner.menu_empty()}>
              <p>{m.owner.menu_empty_text()}</p>
              {add}
            </Empty>
          ) : (
            <ul class="list" aria-label={m.owner.menu_title()}>
              {all.map((item) => (
                <li key={item.sku} class="owner-row">
                  <div>
                    <h2>{item.name}</h2>
                    <p class="quiet">{m.owner.menu_price({ count: item.price_tokens })}</p>
                  </div>
                  <div>
                    {!item.available && <Badge>{m.owner.menu_hidden()}</Badge>}{" "}
                    <Badge kind={item.stock === 0 ? "bad" : item.stock < FEW ? "warn" : "good"}>
                      {m.owner.menu_stock({ count: item.stock })}
                    </Badge>
                  </div>
                  <div class="owner-actions">
                    <Button
                      aria-label={`${m.owner.menu_stock_change()}: ${item.name}`}
                      onClick={() => {
                        open.value = { kind: "stock", item };
                      }}
                    >
                      {m.owner.menu_stock_change()}
                    </Button>
                    <Button
                      aria-label={`${m.owner.edit()}: ${item.name}`}
                      onClick={() => {
                        open.value = { kind: "edit", item };
                      }}
                    >
                      {m.owner.edit()}
                    </Button>
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      {open.value?.kind === "new" && (
        <ItemDialog
          taken={(items.data ?? []).map(({ sku }) => sku)}
          onDone={changed}
          onClose={close}
        />
      )}
      {open.value?.kind === "edit" && (
        <ItemDialog item={open.value.item} taken={[]} onDone={changed} onClose={close} />
      )}
      {open.value?.kind === "stock" && (
        <StockDialog item={open.value.item} onDone={changed} onClose={close} />
      )}
    </Page>
  );
}

const wholeNumber = (text: string, min: number, max: number): number | null => {
  const value = Number(text.trim());
  return /^[+-]?\d+$/.test(text.trim()) && value >= min && value <= max ? value : null;
};

interface DialogProps {
  onDone: () => void;
  onClose: () => void;
}

function ItemDialog({
  item,
  taken,
  onDone,
  onClose,
}: DialogProps & { item?: Item; taken: readonly string[] }) {
  const available = useSignal(item?.available ?? true);
  const form = useForm({
    name: `owner-item-${item?.sku ?? "new"}`,
    initial: {
      name: item?.name ?? "",
      price_tokens: String(item?.price_tokens ?? 1),
      stock: item ? "" : "0",
      stock_shards: String(item?.stock_shards ?? 1),
    },
    required: ["name", "price_tokens"],
    check: ({ price_tokens, stock, stock_shards }) => ({
      ...(wholeNumber(price_tokens, 1, 99) === null && { price_tokens: m.owner.number_1_99() }),
      ...(stock.trim() !== "" &&
        wholeNumber(stock, 0, 1_000_000) === null && { stock: m.owner.number_stock() }),
      ...(wholeNumber(stock_shards, 1, 16) === null && { stock_shards: m.owner.number_1_16() }),
    }),
    submit: async ({ name, price_tokens, stock, stock_shards }) => {
      const shards = Number(stock_shards);
      const body = {
        name: name.trim(),
        price_tokens: Number(price_tokens),
        available: available.value,
        ...(stock.trim() !== "" && { stock: Number(stock) }),
        ...(shards !== (item?.stock_shards ?? 1) && { stock_shards: shards }),
      };
      const sku = item?.sku ?? skuFor(name, taken);
      await answer(api.PUT("/api/items/{sku}", { params: { path: { sku } }, body }));
      form.reset();
      toast(m.owner.menu_saved({ name: body.name }));
      onDone();
    },
  });
  const close = (): void => {
    form.reset();
    onClose();
  };
  return (
    <Dialog title={item ? item.name : m.owner.menu_add()} onClose={close}>
      <Form state={form}>
        <Field name="name" label={m.owner.menu_name()} maxLength={80} autofocus />
        <Field
          name="price_tokens"
          label={m.owner.menu_price_label()}
          inputMode="numeric"
          hint={m.owner.menu_price_hint()}
        />
        <Field
          name="stock"
          label={item ? m.owner.menu_recount() : m.owner.menu_stock_label()}
          inputMode="numeric"
          optional={item !== undefined}
          hint={item ? m.owner.menu_recount_hint({ count: item.stock }) : m.owner.menu_stock_hint()}
        />
        <Check
          label={m.owner.menu_available()}
          checked={available.value}
          onChange={(next) => {
            available.value = next;
          }}
        />
        <details>
          <summary>{m.owner.menu_more()}</summary>
          <Field
            name="stock_shards"
            label={m.owner.menu_shards()}
            inputMode="numeric"
            hint={m.owner.menu_shards_hint()}
          />
        </details>
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.action_save()}
        </Button>
      </Form>
    </Dialog>
  );
}

function StockDialog({ item, onDone, onClose }: DialogProps & { item: Item }) {
  const form = useForm({
    name: `owner-stock-${item.sku}`,
    initial: { delta: "" },
    required: ["delta"],
    check: ({ delta }) => {
      const value = wholeNumber(delta, -1_000_000, 1_000_000);
      return value === null || value === 0 ? { delta: m.owner.number_delta() } : {};
    },
    submit: async ({ delta }) => {
      const body = { delta: Number(delta) };
      const once = onceFor(`owner-stock-${item.sku}`, body);
      const { stock } = await answer(
        api.POST("/api/items/{sku}/stock", {
          body,
          params: { ...once.sent.params, path: { sku: item.sku } },
        }),
      );
      once.done();
      form.reset();
      toast(m.owner.menu_stock_now({ name: item.name, count: stock }));
      onDone();
    },
  });
  const delta = Number(form.values.value.delta) || 0;
  const close = (): void => {
    form.reset();
    onClose();
  };
  return (
    <Dialog title={`${m.owner.menu_stock_change()}: ${item.name}`} onClose={close}>
      <Form state={form}>
        <Field
          name="delta"
          label={m.owner.menu_delta()}
          hint={m.owner.menu_delta_hint()}
          autocomplete="off"
          autofocus
        />
        {delta !== 0 && (
          <Note kind="info">
            {m.owner.menu_delta_result({ before: item.stock, after: item.stock + delta })}
          </Note>
        )}
        <Button type="submit" kind="primary" wide busy={form.busy.value}>
          {m.common.action_save()}
        </Button>
      </Form>
    </Dialog>
  );
}
