#!/usr/bin/env python3
"""Plays Thali's main story against the running local stack, as a student would.

A new student signs up, reads the code from the mail, logs in, buys ten meal tokens in the
payment sandbox, redeems three of them, reads the histories and logs out. The program shows each
request and response in brief and checks every value. The first unexpected value ends the program
with a message and a non-zero status.

It needs only Python. It finds the stack in `.local/stack.env` (THALI_LOCAL names another
directory).
"""

from __future__ import annotations

import http.client as http_client
import json
import os
import re
import secrets
import string
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]

BOUGHT = 10
REDEEMED = 3

REQUEST_TIMEOUT_SECONDS = 30
MAIL_DEADLINE_SECONDS = 60
MAIL_POLL_SECONDS = 0.5

# The values of these fields are shortened. The stack is local, but people copy such output into
# issues.
SECRET_FIELDS = {
    "password", "confirm_password", "security_code", "access_token", "signature", "authorization",
}
SHOWN_CHARS_MAX = 300
LIST_ITEMS_SHOWN = 3

# A run of exactly six digits. The mail's text has one, the code.
OTP = re.compile(r"(?<!\d)\d{6}(?!\d)")


class Surprise(Exception):
    """A response was not as expected."""


# --- What is shown -------------------------------------------------------------------


def _paint(code: str, text: str) -> str:
    wanted = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return f"\033[{code}m{text}\033[0m" if wanted else text


def chapter(number: int, title: str) -> None:
    print("\n" + _paint("1", f"{number}. {title}"))


def sent(text: str) -> None:
    print(_paint("36", f"   -> {text}"))


def got(text: str) -> None:
    print(_paint("2", f"   <- {text}"))


def noted(text: str) -> None:
    print(_paint("32", "   ok ") + text)


def brief(value: Any) -> str:
    """JSON on one line of limited length, with secrets shortened and long lists cut."""
    text = json.dumps(_abridged(value), ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…"


def _abridged(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: shortened(part)
            if key in SECRET_FIELDS and isinstance(part, str)
            else _abridged(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        count = 1 if value and isinstance(value[0], dict) else LIST_ITEMS_SHOWN
        shown = [_abridged(part) for part in value[:count]]
        more = len(value) - len(shown)
        return [*shown, f"and {more} more"] if more else shown
    return value


def shortened(secret: str) -> str:
    return secret[:4] + "…"


# --- What is checked -----------------------------------------------------------------


def surprise(message: str) -> NoReturn:
    raise Surprise(message)


def expect(what: str, seen: Any, wanted: Any) -> None:
    """Checks that both values are equal; a boolean equals only a boolean, so `true` is not 1."""
    if seen != wanted or isinstance(seen, bool) != isinstance(wanted, bool):
        surprise(f"{what} should be {brief(wanted)}, but is {brief(seen)}")


def field(answer: Any, name: str, kind: type) -> Any:
    """A field of a response, which must exist and have this type."""
    if not isinstance(answer, dict) or name not in answer:
        surprise(f"the response has no field {name}: {brief(answer)}")
    value = answer[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        surprise(f"{name} should be of type {kind.__name__}, but is {brief(value)}")
    return value


def text(answer: Any, name: str) -> str:
    """A field that is a non-empty string."""
    value = field(answer, name, str)
    if not value:
        surprise(f"{name} is empty: {brief(answer)}")
    return value


def items(answer: Any, count: int) -> list[dict]:
    """The items of a list, which must have `count` items on a single page."""
    listed = field(answer, "items", list)
    expect("the number of items", len(listed), count)
    if answer.get("next_cursor") is not None:
        surprise("the list has another page, but should end here")
    return listed


# --- The stack -----------------------------------------------------------------------


@dataclass(frozen=True)
class Stack:
    """The addresses of the running stack."""

    api: str
    aws: str
    sandbox: str
    mess_id: str

    @classmethod
    def read(cls) -> Stack:
        path = ROOT / os.environ.get("THALI_LOCAL", ".local") / "stack.env"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError:
            surprise(f"there is no {path}: start the stack with `make up` first")
        values = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")

        def value(name: str) -> str:
            if not values.get(name):
                surprise(f"{path} does not name {name}")
            return values[name].strip("\"'").rstrip("/")

        return cls(
            api=value("API_URL"),
            aws=value("AWS_ENDPOINT_URL"),
            sandbox=value("SANDBOX_URL"),
            mess_id=value("MESS_ID"),
        )


# Requests to loopback must not go through a proxy of the machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Sends a request; returns the status and the JSON of the response, None if it is empty."""
    headers = dict(headers or {})
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with _OPENER.open(request, timeout=REQUEST_TIMEOUT_SECONDS) as response:
            status, raw = response.status, response.read()
    except urllib.error.HTTPError as refused:
        with refused:
            status, raw = refused.code, refused.read()
    except (OSError, http_client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        surprise(f"{url} does not answer ({reason}): see `make up` and `make logs`")
    try:
        return status, json.loads(raw) if raw else None
    except ValueError:
        surprise(f"{method} {url} returned {status} without JSON: {raw[:200]!r}")


def visible(
    method: str,
    base: str,
    path: str,
    status: int,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Sends and shows a request of the story. The response must have this status."""
    sent(f"{method} {path}" + ("" if body is None else f" {brief(body)}"))
    answered, answer = http(method, base + path, body, headers)
    got(str(answered) + ("" if answer is None else f" {brief(answer)}"))
    if answered != status:
        surprise(f"{method} {path} should return {status}, but returned {answered}")
    return answer


# --- The story -----------------------------------------------------------------------


@dataclass
class Student:
    """The new student of this run."""

    name: str
    email: str
    password: str

    @classmethod
    def fresh(cls) -> Student:
        # Only letters, so that the name adds no digits to a mail.
        tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
        return cls(
            name="Meera Demo",
            email=f"meera.{tag}@demo.thali.test",
            password=f"{secrets.token_urlsafe(12)}-Meal",
        )


class Story:
    """The steps, in the order of `play`. Later steps use the results of earlier ones."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.student = Student.fresh()
        self.token = ""
        self.price_paise = 0

    def play(self) -> None:
        registration_id = self.sign_up()
        otp = self.otp_from_mail()
        self.verify(registration_id, otp)
        self.log_in()
        order = self.create_order()
        checkout = self.pay(order)
        self.verify_payment(order, checkout)
        tokens = self.look_at_tokens(order)
        submission = self.submit(tokens)
        self.look_at_histories(order, checkout, submission)
        self.log_out()

    def call(
        self, method: str, path: str, status: int, body: Any = None, *, key: str | None = None
    ) -> Any:
        """Sends a request to Thali, with the access token once there is one."""
        headers = {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        return visible(method, self.stack.api, path, status, body, headers)

    def sign_up(self) -> str:
        chapter(1, "A student signs up")
        student = self.student
        answer = self.call("POST", "/sign-up", 202, {
            "mess_id": self.stack.mess_id,
            "name": student.name,
            "email": student.email,
            "password": student.password,
            "confirm_password": student.password,
        })
        expect("email", text(answer, "email"), student.email)
        text(answer, "expires_at")
        return text(answer, "registration_id")

    def otp_from_mail(self) -> str:
        chapter(2, "The code arrives by mail")
        path = "/_ministack/ses/messages"
        sent(f"GET {path}, until there is a mail to {self.student.email}")
        deadline = time.monotonic() + MAIL_DEADLINE_SECONDS
        while time.monotonic() < deadline:
            status, answer = http("GET", self.stack.aws + path)
            expect("the mailbox's status", status, 200)
            mails = _mails_to(self.student.email, answer)
            if mails:
                break
            time.sleep(MAIL_POLL_SECONDS)
        else:
            surprise(f"no mail came within {MAIL_DEADLINE_SECONDS} s: see `make logs`")
        expect("the number of mails", len(mails), 1)
        mail = mails[0]
        codes = OTP.findall(str(mail.get("BodyText") or ""))
        got(f"from {mail.get('Source')}: {mail.get('Subject')!r}")
        if len(codes) != 1:
            surprise(f"the mail's text should have one run of six digits, but has {len(codes)}")
        noted(f"the code is {codes[0]}")
        return codes[0]

    def verify(self, registration_id: str, otp: str) -> None:
        chapter(3, "The code verifies the address")
        body = {"registration_id": registration_id, "otp": otp}
        account = field(self.call("POST", "/sign-up/otp-verify", 201, body), "account", dict)
        text(account, "account_id")
        expect("the account's address", account.get("email"), self.student.email)
        expect("role", account.get("role"), "student")
        expect("mess_id", account.get("mess_id"), self.stack.mess_id)
        if account.get("status") != "active":
            surprise(
                f"the account is {account.get('status')}: the demo mess should admit students"
                " without approval"
            )
        noted("the account is active")

    def log_in(self) -> None:
        chapter(4, "Logging in")
        body = {
            "email": self.student.email,
            "password": self.student.password,
            "mess_id": self.stack.mess_id,
        }
        answer = self.call("POST", "/login", 200, body)
        expect("token_type", text(answer, "token_type"), "Bearer")
        expect("expires_in", field(answer, "expires_in", int), 900)
        account = field(answer, "account", dict)
        expect("the account's address", account.get("email"), self.student.email)
        self.token = text(answer, "access_token")
        mess = self.call("GET", "/api/v1/mess", 200)
        self.price_paise = field(mess, "token_price_paise", int)
        noted(f"logged in; a token costs {_rupees(self.price_paise)}")

    def create_order(self) -> dict:
        chapter(5, f"Ordering {BOUGHT} tokens")
        order = self.call("POST", "/create-order", 201, {"token_count": BOUGHT}, key=_key())
        expect("token_count", field(order, "token_count", int), BOUGHT)
        expect("amount_paise", field(order, "amount_paise", int), BOUGHT * self.price_paise)
        expect("currency", text(order, "currency"), "INR")
        text(order, "razorpay_key_id")
        text(order, "order_id")
        noted(f"{_rupees(order['amount_paise'])} to pay")
        return order

    def pay(self, order: dict) -> dict:
        chapter(6, "Paying in the Razorpay sandbox")
        path = f"/razorpay/sandbox/orders/{order['order_id']}/pay"
        # The sandbox sends its webhook, too. Webhook and browser race to credit the tokens, as in
        # reality, and the tokens must be credited once.
        body = {"outcome": "captured", "webhook": True}
        checkout = visible("POST", self.stack.sandbox, path, 200, body)
        expect("order_id", text(checkout, "order_id"), order["order_id"])
        text(checkout, "payment_id")
        text(checkout, "signature")
        return checkout

    def verify_payment(self, order: dict, checkout: dict) -> None:
        chapter(7, "Verifying the payment")
        body = {name: checkout[name] for name in ("order_id", "payment_id", "signature")}
        answer = self.call("POST", "/verify-payment", 200, body)
        expect("tokens_issued", field(answer, "tokens_issued", int), BOUGHT)
        expect("balance", field(answer, "balance", int), BOUGHT)
        self._expect_payment(field(answer, "payment", dict), order, checkout)
        noted(f"{BOUGHT} tokens issued")

    def look_at_tokens(self, order: dict) -> list[str]:
        chapter(8, "Looking at the tokens")
        answer = self._count(BOUGHT)
        expiring = field(answer, "expiring_next", dict)
        expect("the tokens that expire next", expiring.get("count"), BOUGHT)
        text(expiring, "expires_at")
        tokens = items(self.call("GET", "/student/token-data", 200), BOUGHT)
        for token in tokens:
            expect("order_id", text(token, "order_id"), order["order_id"])
            expect("price_paise", field(token, "price_paise", int), self.price_paise)
            text(token, "issued_at")
            expect("expires_at", text(token, "expires_at"), expiring["expires_at"])
        ids = [text(token, "token_id") for token in tokens]
        expect("the number of different tokens", len(set(ids)), BOUGHT)
        noted(f"{BOUGHT} different tokens, all of this order")
        return ids

    def submit(self, tokens: list[str]) -> dict:
        chapter(9, f"Redeeming {REDEEMED} of them")
        # The password is the security code until the student sets a PIN.
        body = {"count": REDEEMED, "security_code": self.student.password}
        submission = self.call("POST", "/student/token-submission", 201, body, key=_key())
        text(submission, "submission_id")
        text(submission, "submitted_at")
        expect("count", field(submission, "count", int), REDEEMED)
        expect("balance", field(submission, "balance", int), BOUGHT - REDEEMED)
        redeemed = field(submission, "token_ids", list)
        expect("the number of redeemed tokens", len(set(redeemed)), REDEEMED)
        if not set(redeemed) <= set(tokens):
            surprise(f"tokens were redeemed that the student never had: {brief(redeemed)}")
        self._count(BOUGHT - REDEEMED)
        noted(f"{BOUGHT - REDEEMED} tokens are left")
        return submission

    def look_at_histories(self, order: dict, checkout: dict, submission: dict) -> None:
        chapter(10, "Reading the histories")
        history = items(self.call("GET", "/student/token-history", 200), BOUGHT)
        for token in history:
            self._expect_token(token, submission)
        statuses = [token["status"] for token in history]
        expect("the redeemed tokens", statuses.count("redeemed"), REDEEMED)
        expect("the available tokens", statuses.count("available"), BOUGHT - REDEEMED)

        [payment] = items(self.call("GET", "/payment-history", 200), 1)
        self._expect_payment(payment, order, checkout)

        [listed] = items(self.call("GET", "/student/submitted-tokens", 200), 1)
        for name in ("submission_id", "count", "submitted_at"):
            expect(name, listed.get(name), submission[name])
        tokens = field(listed, "token_ids", list)
        expect("token_ids", sorted(tokens), sorted(submission["token_ids"]))
        noted("the histories agree")

    def log_out(self) -> None:
        chapter(11, "Logging out")
        expect("the answer", self.call("POST", "/student/logout", 204), None)
        problem = self.call("GET", "/student/tokens", 401)
        expect("the problem's status", field(problem, "status", int), 401)
        text(problem, "code")
        noted("the old token is refused")

    def _count(self, wanted: int) -> Any:
        answer = self.call("GET", "/student/tokens", 200)
        expect("the token count", field(answer, "count", int), wanted)
        return answer

    def _expect_token(self, token: dict, submission: dict) -> None:
        redeemed = text(token, "token_id") in submission["token_ids"]
        expect("a token's status", token.get("status"), "redeemed" if redeemed else "available")
        wanted = submission["submission_id"] if redeemed else None
        expect("a token's submission", token.get("submission_id"), wanted)
        if redeemed:
            text(token, "redeemed_at")

    def _expect_payment(self, payment: Any, order: dict, checkout: dict) -> None:
        wanted = {
            "order_id": order["order_id"],
            "payment_id": checkout["payment_id"],
            "amount_paise": order["amount_paise"],
            "currency": "INR",
            "status": "captured",
            "token_count": BOUGHT,
        }
        for name, value in wanted.items():
            expect(f"the payment's {name}", field(payment, name, type(value)), value)
        for name in ("created_at", "captured_at", "expires_at"):
            text(payment, name)


def _mails_to(address: str, answer: Any) -> list[dict]:
    """The mails to one address. The local SES lists them by account."""
    accounts = field(answer, "messages", dict)
    mails = [mail for listed in accounts.values() for mail in listed]
    return [mail for mail in mails if any(address in to for to in mail.get("To", []))]


def _rupees(paise: int) -> str:
    return f"Rs {paise // 100}.{paise % 100:02}"


def _key() -> str:
    return f"demo-{secrets.token_hex(12)}"


def main() -> int:
    # The name of a mess may have characters that the terminal does not support.
    sys.stdout.reconfigure(errors="replace")
    started = time.monotonic()
    try:
        stack = Stack.read()
        print(f"Thali at {stack.api}, mess {stack.mess_id}")
        Story(stack).play()
    except Surprise as found:
        sys.stdout.flush()
        print(f"\nUnexpected: {found}", file=sys.stderr)
        return 1
    print("\n" + _paint("1;32", f"All checks passed ({time.monotonic() - started:.1f} s)."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
