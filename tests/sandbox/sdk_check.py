#!/usr/bin/env python3
"""Checks the Razorpay sandbox with Razorpay's own Python SDK as its client.

A sandbox that only our own code understands would prove nothing. Prints one line per
check and exits non-zero at the first failure.

    sdk_check.py URL KEY_ID KEY_SECRET WEBHOOK_SECRET [WEBHOOK_BODY_FILE SIGNATURE]

URL is the sandbox's address, such as http://127.0.0.1:8090. The last two arguments describe
a webhook that the sandbox delivered: a file with its raw body, and its signature.
"""

import copy
import hashlib
import hmac
import json
import sys

try:
    import razorpay
    import requests
except ImportError as missing:
    sys.exit(f"the razorpay SDK is not installed here: {missing}")

AMOUNT = 50_000
TIMEOUT_SECONDS = 10


def check(what, holds, seen=None):
    """Prints the check, or ends the program if it does not hold."""
    if not holds:
        sys.exit(f"FAILED  {what}" + ("" if seen is None else f": {seen!r}"))
    print(f"ok  {what}")


def refusal(call):
    """Returns the exception that a call of the SDK raises, or None."""
    try:
        call()
    except Exception as error:  # the caller checks the type
        return error
    return None


def orders(client):
    order = client.order.create(
        {
            "amount": AMOUNT,
            "currency": "INR",
            "receipt": "receipt-1",
            "notes": {"tokens": "10"},
            "payment": {
                "capture": "automatic",
                "capture_options": {"automatic_expiry_period": 12, "refund_speed": "normal"},
            },
        }
    )
    made = order["id"].startswith("order_") and order["status"] == "created"
    check("an order is created", made, order)
    check("it is due in full", (order["amount_due"], order["amount_paid"]) == (AMOUNT, 0), order)
    check("it is fetched as it was created", client.order.fetch(order["id"]) == order)
    check("it has no payments yet", client.order.payments(order["id"])["count"] == 0)

    bare = client.order.create({"amount": AMOUNT, "currency": "INR"})
    check("empty notes are a list", bare["notes"] == [] and bare["receipt"] is None, bare)
    return order


def pay(url, order_id, outcome):
    answer = requests.post(
        f"{url}/razorpay/sandbox/orders/{order_id}/pay",
        json={"outcome": outcome},
        timeout=TIMEOUT_SECONDS,
    )
    check(f"the sandbox pays it: {outcome}", answer.status_code == 200, answer.text)
    return answer.json()


def payments(client, url, order):
    checkout = pay(url, order["id"], "captured")
    payment = client.payment.fetch(checkout["payment_id"])
    expected = ("captured", True, AMOUNT, "INR", order["id"])
    fields = ("status", "captured", "amount", "currency", "order_id")
    check("the payment is captured", tuple(payment[field] for field in fields) == expected, payment)
    listed = client.order.payments(order["id"])
    check("the order lists it", listed["count"] == 1 and listed["items"] == [payment], listed)
    check("the order is paid", client.order.fetch(order["id"])["status"] == "paid")

    held_order = client.order.create({"amount": AMOUNT, "currency": "INR"})
    held = pay(url, held_order["id"], "captured")["payment_id"]
    check("without the option it is held", client.payment.fetch(held)["captured"] is False)
    taken = client.payment.capture(held, AMOUNT, {"currency": "INR"})
    check("the merchant captures it", taken["status"] == "captured", taken)
    return checkout


def signatures(client, checkout, webhook_secret):
    good = {
        "razorpay_order_id": checkout["order_id"],
        "razorpay_payment_id": checkout["payment_id"],
        "razorpay_signature": checkout["signature"],
    }
    check("the checkout signature is accepted", client.utility.verify_payment_signature(good))
    bad = {**good, "razorpay_payment_id": "pay_AAAAAAAAAAAAAA"}
    error = refusal(lambda: client.utility.verify_payment_signature(bad))
    check(
        "another payment's signature is refused",
        isinstance(error, razorpay.errors.SignatureVerificationError),
        error,
    )

    body = json.dumps({"event": "payment.captured"})
    signature = hmac.new(webhook_secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    verify = client.utility.verify_webhook_signature
    check("a webhook signature is accepted", verify(body, signature, webhook_secret))
    error = refusal(lambda: verify(body + " ", signature, webhook_secret))
    check(
        "a changed webhook body is refused",
        isinstance(error, razorpay.errors.SignatureVerificationError),
        error,
    )


def delivered_webhook(client, body_file, signature, webhook_secret):
    """Checks a webhook that the sandbox really sent; the caller captured it."""
    with open(body_file, encoding="utf-8") as file:
        body = file.read()
    accepted = client.utility.verify_webhook_signature(body, signature, webhook_secret)
    check("a delivered webhook's signature is accepted", accepted)


def refunds(client, payment_id):
    # The SDK adds its own headers to the dictionary, so each call gets a copy.
    key = {"headers": {"X-Refund-Idempotency": "first-part-of-the-refund"}}
    request = {"amount": 20_000, "notes": {"reason": "mess closed"}}
    part = client.payment.refund(payment_id, request, **copy.deepcopy(key))
    check("a part is refunded", (part["amount"], part["status"]) == (20_000, "processed"), part)
    again = client.payment.refund(payment_id, request, **copy.deepcopy(key))
    check("the same idempotency key refunds once", again == part, again)
    fetched = (
        client.refund.fetch(part["id"]),
        client.payment.fetch_refund_id(payment_id, part["id"]),
    )
    check("the refund is fetched as it was made", fetched == (part, part), fetched)
    payment = client.payment.fetch(payment_id)
    seen = (payment["status"], payment["amount_refunded"], payment["refund_status"])
    check("the payment says so", seen == ("captured", 20_000, "partial"), seen)

    error = refusal(lambda: client.payment.refund(payment_id, {"amount": AMOUNT}))
    check("more than is left is refused", isinstance(error, razorpay.errors.BadRequestError), error)

    rest = client.payment.refund(payment_id, {})
    payment = client.payment.fetch(payment_id)
    seen = (rest["amount"], payment["status"], payment["amount_refunded"], payment["refund_status"])
    check("the rest is refunded", seen == (30_000, "refunded", AMOUNT, "full"), seen)
    listed = client.payment.fetch_multiple_refund(payment_id)
    check("both are listed", listed["items"] == [rest, part], listed)


def errors(client, url, key_id):
    small = refusal(lambda: client.order.create({"amount": 10, "currency": "INR"}))
    is_refused = isinstance(small, razorpay.errors.BadRequestError)
    check("an amount of 10 paise is a bad request", is_refused, small)
    unknown = refusal(lambda: client.order.fetch("order_AAAAAAAAAAAAAA"))
    check(
        "an unknown id is a bad request",
        isinstance(unknown, razorpay.errors.BadRequestError)
        and str(unknown) == "The id provided does not exist",
        unknown,
    )
    stranger = razorpay.Client(auth=(key_id, "wrong"), base_url=f"{url}/razorpay")
    refused = refusal(lambda: stranger.order.create({"amount": AMOUNT, "currency": "INR"}))
    check(
        "a wrong key is refused",
        isinstance(refused, razorpay.errors.BadRequestError)
        and str(refused) == "Authentication failed",
        refused,
    )


def main(arguments):
    if len(arguments) not in (4, 6):
        sys.exit(__doc__)
    url, key_id, key_secret, webhook_secret = arguments[:4]
    client = razorpay.Client(auth=(key_id, key_secret), base_url=f"{url}/razorpay")
    order = orders(client)
    checkout = payments(client, url, order)
    signatures(client, checkout, webhook_secret)
    if len(arguments) == 6:
        delivered_webhook(client, arguments[4], arguments[5], webhook_secret)
    refunds(client, checkout["payment_id"])
    errors(client, url, key_id)
    print("the sandbox speaks the SDK's language")


if __name__ == "__main__":
    main(sys.argv[1:])
