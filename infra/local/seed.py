"""Creates the secrets before the deployment, and the demo mess after it.

Everything is created as an operator and as users would do it: with the `thali` command, HTTP
requests and the codes in the mails. Existing data stay unchanged.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from aws import client
from settings import MESS_ID, SENDER_ADDRESS, Settings, StackError

# Requests to 127.0.0.1 must not go through a proxy of the machine.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Person:
    """An account of the demo mess."""

    key: str
    """The prefix of the person's variables in stack.env."""
    name: str
    email: str
    role: str


OWNER = Person("OWNER", "Meera Nair", "owner@demo.thali.test", "owner")
STUDENT = Person("STUDENT", "Asha Rao", "asha@demo.thali.test", "student")
SECOND_STUDENT = Person("SECOND_STUDENT", "Ravi Kumar", "ravi@demo.thali.test", "student")
STAFF = Person("STAFF", "Salim Khan", "staff@demo.thali.test", "staff")
PEOPLE = [OWNER, STUDENT, SECOND_STUDENT, STAFF]


@dataclass(frozen=True)
class Credentials:
    """Random secrets that are generated at the first start and reused by later starts."""

    razorpay_key_id: str
    razorpay_key_secret: str
    razorpay_webhook_secret: str
    passwords: dict[str, str]
    """By e-mail address."""
    staff_token: str = ""
    """The token of a device at the counter; created by `staff_token_prepare` through the API."""

    @classmethod
    def load(cls, settings: Settings) -> Credentials:
        """The credentials of this stack. Generates and saves them if there are none yet."""
        path = cls._path(settings)
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            pass
        except (ValueError, TypeError) as error:
            raise StackError(
                f"{path} cannot be read ({error}). Remove it to start over."
            ) from error
        drawn = cls(
            razorpay_key_id="rzp_test_" + secrets.token_hex(7),
            razorpay_key_secret=secrets.token_urlsafe(18),
            razorpay_webhook_secret=secrets.token_urlsafe(18),
            passwords={person.email: _password() for person in PEOPLE},
        )
        drawn.save(settings)
        return drawn

    @staticmethod
    def _path(settings: Settings) -> Path:
        return settings.local / "credentials.json"

    def save(self, settings: Settings) -> None:
        """Saves the credentials for the next start."""
        private_write(self._path(settings), json.dumps(self.__dict__, indent=2))

    def of(self, person: Person) -> str:
        return self.passwords[person.email]


def private_write(path: Path, text: str) -> None:
    """Writes a file that is readable only by its owner at every moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


def secrets_prepare(settings: Settings, credentials: Credentials, thali: Path) -> dict[str, str]:
    """Creates what a deployment needs: the keys, Razorpay's secret and the sender address.

    Returns the versions of the secrets and of the public keys as parameters of the template.
    """
    _thali(settings, thali, "keys", "init", "--stage", settings.stage)
    manager = client(settings, "secretsmanager")
    wanted = json.dumps(
        {
            "key_id": credentials.razorpay_key_id,
            "key_secret": credentials.razorpay_key_secret,
            "webhook_secrets": credentials.razorpay_webhook_secret,
        }
    )
    secret = settings.razorpay_secret_id
    try:
        if manager.get_secret_value(SecretId=secret)["SecretString"] != wanted:
            manager.put_secret_value(SecretId=secret, SecretString=wanted)
    except manager.exceptions.ResourceNotFoundException:
        manager.create_secret(Name=secret, SecretString=wanted)

    mail = client(settings, "sesv2")
    try:
        mail.get_email_identity(EmailIdentity=SENDER_ADDRESS)
    except ClientError:
        mail.create_email_identity(EmailIdentity=SENDER_ADDRESS)

    def version(secret_id: str) -> str:
        return manager.get_secret_value(SecretId=secret_id)["VersionId"]

    jwks = client(settings, "ssm").get_parameter(Name=f"/thali/{settings.stage}/jwks")
    return {
        "KeysVersion": version(f"thali/{settings.stage}/keys"),
        "JwksVersion": f":{jwks['Parameter']['Version']}",
        "RazorpaySecretVersion": version(secret),
    }


def mess_prepare(settings: Settings, credentials: Credentials, thali: Path) -> list[str]:
    """Creates the demo mess and its people. Returns the e-mail addresses of new accounts."""
    new = []
    _thali(
        settings, thali,
        "mess", "create", "--if-missing", "--id", MESS_ID, "--name", "Demo Mess",
        "--time-zone", "Asia/Kolkata", "--approval", "automatic",
    )  # fmt: skip
    if _log_in(settings, OWNER, credentials) is None:
        _thali(
            settings, thali,
            "owner", "create", "--if-missing", "--mess", MESS_ID,
            "--email", OWNER.email, "--name", OWNER.name,
            password=credentials.of(OWNER),
        )  # fmt: skip
        _require_log_in(settings, OWNER, credentials)
        new.append(OWNER.email)
    for person in (STUDENT, SECOND_STUDENT, STAFF):
        if _log_in(settings, person, credentials) is None:
            invite = (
                _thali(settings, thali, "invite", "--mess", MESS_ID, "--role", person.role).strip()
                if person.role != "student"
                else None
            )
            _sign_up(settings, person, credentials.of(person), invite)
            _require_log_in(settings, person, credentials)
            new.append(person.email)
    return new


def staff_token_prepare(settings: Settings, credentials: Credentials) -> Credentials:
    """Lets the owner create a staff token of the demo mess. A token that is still valid is kept."""
    if credentials.staff_token:
        status, answer = _send(settings, "GET", "/api/v1/mess", token=credentials.staff_token)
        if status == 200:
            return credentials
        if status != 401:
            raise StackError(f"A request with the staff token returned {status}: {answer}")
    owner = _log_in(settings, OWNER, credentials)
    wanted = {"name": "Demo counter", "expires_in_days": 365}
    status, answer = _send(settings, "POST", "/api/v1/staff-tokens", wanted, owner)
    if status != 201:
        raise StackError(f"Creating a staff token returned {status}: {answer}")
    credentials = replace(credentials, staff_token=answer["token"])
    credentials.save(settings)
    return credentials


def menu_prepare(settings: Settings, thali: Path) -> str:
    """Imports the demo mess's menu. Existing items stay unchanged. Returns the summary."""
    menu = Path(__file__).with_name("menu.csv")
    said = _thali(settings, thali, "items", "import", "--mess", MESS_ID, "--only-new", str(menu))
    return said.strip().splitlines()[-1]


def pictures_clean(settings: Settings, thali: Path) -> str:
    """Removes the metadata of pictures that an older version has let in. Returns the summary."""
    return _thali(settings, thali, "pictures", "clean").strip()


def _sign_up(settings: Settings, person: Person, password: str, invite: str | None) -> None:
    """Signs a person up as the app does: sends the form, then the code from the mail."""
    form: dict[str, Any] = {
        "mess_id": MESS_ID,
        "name": person.name,
        "email": person.email,
        "password": password,
        "confirm_password": password,
    }
    if invite is not None:
        form |= {"role": person.role, "invite_code": invite}
    before = len(_mails(settings, person.email))
    status, answer = _post(settings, "/sign-up", form)
    if status != 202:
        raise StackError(f"Sign-up of {person.email} returned {status}: {answer}")
    code = _code(settings, person.email, before)
    verify = {"registration_id": answer["registration_id"], "otp": code}
    status, answer = _post(settings, "/sign-up/otp-verify", verify)
    if status != 201:
        raise StackError(f"Verifying the code of {person.email} returned {status}: {answer}")


def _code(settings: Settings, email: str, before: int, seconds: int = 60) -> str:
    """The six-digit code in a mail that arrives after the first `before` mails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for mail in _mails(settings, email)[before:]:
            found = re.findall(r"(?<!\d)\d{6}(?!\d)", mail["BodyText"])
            if len(found) == 1:
                return found[0]
        time.sleep(0.2)
    raise StackError(
        f"No mail with a code for {email} arrived within {seconds} s. "
        "See the logs of relay and mailer with `make logs`."
    )


def _mails(settings: Settings, email: str) -> list[dict[str, Any]]:
    """The mails to an address, oldest first."""
    with _http.open(f"{settings.aws_url}/_ministack/ses/messages", timeout=10) as response:
        accounts = json.load(response)["messages"]
    return [mail for mails in accounts.values() for mail in mails if email in mail["To"]]


def _log_in(settings: Settings, person: Person, credentials: Credentials) -> str | None:
    """The person's access token, or nothing if there is no such account yet."""
    form = {"mess_id": MESS_ID, "email": person.email, "password": credentials.of(person)}
    status, answer = _post(settings, "/login", form)
    if status == 200:
        return answer["access_token"]
    if status == 401:
        return None
    raise StackError(f"Login of {person.email} returned {status}: {answer}")


def _require_log_in(settings: Settings, person: Person, credentials: Credentials) -> None:
    if _log_in(settings, person, credentials) is None:
        raise StackError(
            f"{person.email} exists with a password other than the one in {settings.local}. "
            f"`make down`, then remove {settings.local} to start over."
        )


def _post(settings: Settings, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    return _send(settings, "POST", path, body)


def _send(
    settings: Settings,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    token: str | None = None,
) -> tuple[int, Any]:
    headers = {"content-type": "application/json"} if body is not None else {}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(
        settings.api_url + path,
        data=json.dumps(body).encode() if body is not None else None,
        headers=headers,
        method=method,
    )
    try:
        with _http.open(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def _thali(settings: Settings, thali: Path, *arguments: str, password: str | None = None) -> str:
    """Runs the operator's command and returns its output."""
    environment = settings.aws_environment()
    if password is not None:
        environment["THALI_PASSWORD"] = password
    done = subprocess.run([thali, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"`thali {' '.join(arguments)}` failed:\n{done.stderr or done.stdout}")
    return done.stdout


def _password() -> str:
    """Twenty letters and digits in groups: strong, but easy to type."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
