// The payment partner's checkout, as https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/
// describes it. Which script it is, the deployment says: the partner's own, or the sandbox's.
import { Problem } from "../../api/problem";

/** What the checkout hands over after a payment, in the partner's spelling. */
export interface Paid {
  razorpay_order_id: string;
  razorpay_payment_id: string;
  razorpay_signature: string;
}

interface Options {
  key: string;
  order_id: string;
  amount: number;
  currency: string;
  name: string;
  description: string;
  prefill: { name?: string; email?: string; contact?: string };
  theme: { color: string };
  handler: (paid: Paid) => void;
  modal: { ondismiss: () => void; confirm_close: boolean };
}

interface Checkout {
  open(): void;
  close(): void;
}

declare global {
  interface Window {
    Razorpay?: new (options: Options) => Checkout;
  }
}

let loading: Promise<NonNullable<Window["Razorpay"]>> | null = null;

/** Loads the checkout's script, once. */
export function checkoutLoad(): Promise<NonNullable<Window["Razorpay"]>> {
  loading ??= load().catch((caught: unknown) => {
    loading = null;
    throw caught;
  });
  return loading;
}

async function load(): Promise<NonNullable<Window["Razorpay"]>> {
  const config = await fetch("/app/config.json").catch(() => null);
  if (!config?.ok) throw Problem.local("network");
  const { checkout_script } = (await config.json()) as { checkout_script: string };
  await new Promise<void>((done, failed) => {
    const script = document.createElement("script");
    script.src = checkout_script;
    script.onload = () => done();
    script.onerror = () => {
      script.remove();
      failed(new Problem("partner_unavailable", 503));
    };
    document.head.append(script);
  });
  if (!window.Razorpay) throw new Problem("partner_unavailable", 503);
  return window.Razorpay;
}

/** Opens the checkout: what was paid, or null if the window was closed. */
export async function checkoutOpen(
  options: Omit<Options, "handler" | "modal" | "theme">,
): Promise<Paid | null> {
  const Razorpay = await checkoutLoad();
  return new Promise((done) => {
    const checkout = new Razorpay({
      ...options,
      theme: { color: "#0b6b50" },
      handler: (paid) => done(paid),
      modal: { ondismiss: () => done(null), confirm_close: true },
    });
    checkout.open();
  });
}
