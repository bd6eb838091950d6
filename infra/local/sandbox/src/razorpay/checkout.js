// The script of the sandbox's checkout, in place of https://checkout.razorpay.com/v1/checkout.js.
// A page opens it as it opens Razorpay's:
//
//   const checkout = new Razorpay({ key, order_id, handler, modal: { ondismiss }, … });
//   checkout.on("payment.failed", (failure) => …);
//   checkout.open();
//
// (https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/). The checkout
// page is a frame over the page. It tells what happened in messages.
(() => {
  const base = new URL("../checkout/", document.currentScript.src);
  const FRAME = { position: "fixed", inset: "0", inlineSize: "100%", blockSize: "100%", border: "0" };

  class Razorpay {
    #options;
    #frame = null;
    #failed = [];

    constructor(options) {
      if (!options.order_id || !options.key) throw new Error("key and order_id are needed");
      this.#options = options;
    }

    on(event, told) {
      if (event === "payment.failed") this.#failed.push(told);
    }

    open() {
      const frame = document.createElement("iframe");
      frame.title = "Razorpay sandbox";
      frame.className = "razorpay-checkout-frame";
      Object.assign(frame.style, FRAME, { zIndex: "2147483647", background: "rgb(0 0 0 / 60%)" });
      const address = new URL(encodeURIComponent(this.#options.order_id), base);
      address.searchParams.set("embedded_in", location.origin);
      frame.src = address.href;
      this.#frame = frame;
      addEventListener("message", this.#hear);
      document.body.append(frame);
    }

    close() {
      removeEventListener("message", this.#hear);
      this.#frame?.remove();
      this.#frame = null;
    }

    #hear = ({ source, data }) => {
      if (source !== this.#frame?.contentWindow) return;
      const { kind, ...said } = data;
      if (kind === "failed") {
        for (const told of this.#failed) told({ error: said.error });
        return;
      }
      this.close();
      if (kind === "paid") this.#options.handler?.(said.payment);
      if (kind === "dismissed") this.#options.modal?.ondismiss?.();
    };
  }

  globalThis.Razorpay = Razorpay;
})();
