//! Every access of every function to its tables, with the grants of the template. The tests prove
//! that no grant is missing; the responses in each case are tested in [`crate::api`].

use serde_json::{Value, json};
use thali_functions::endpoints;
use thali_platform::http::Access;

use super::operator::{printed, thali};
use super::{Stack, Student, code_in, eventually, ulid_now};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call};

impl Stack {
    async fn log_in_with(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.send(Call::post("/login", &body)).await
    }

    async fn refresh(&self, cookie: &str) -> Answer {
        self.send(Call::post("/api/auth/refresh", &json!({})).cookie(cookie)).await
    }

    /// Redeems one token.
    async fn submit(&self, student: &Student, code: &str, key: &str) -> Answer {
        let body = json!({ "count": 1, "security_code": code });
        let call = Call::post("/student/token-submission", &body).bearer(&student.token);
        self.send(call.header("idempotency-key", key)).await
    }

    /// The items of a list that fits on one page. Reads it in a new session, which is in the table
    /// and not yet in Redis.
    pub(super) async fn list(&self, path: &str, student: &Student) -> Vec<Value> {
        let body = json!({
            "mess_id": student.mess_id, "email": student.email, "password": PASSWORD,
        });
        let login = self.send(Call::post("/login", &body)).await.expect(200);
        let call = Call::get(path).bearer(login.text("access_token"));
        let answer = self.send(call).await.expect(200);
        answer.body["items"].as_array().expect("a list").clone()
    }

    /// Waits until an access token is refused. That happens at once, unless another test pauses
    /// Redis at that moment: then a cached session may be trusted for one more minute.
    pub(super) async fn session_has_ended(&self, token: &str) {
        eventually("the session has ended", async || {
            let answer = self.send(Call::get("/api/v1/mess").bearer(token)).await;
            (answer.status == 401).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_code_resent_by_id_or_address_replaces_the_previous_one() {
    let stack = Stack::running();
    let email = format!("resent-{}@example.com", ulid_now());
    let wanted = json!({ "email": email, "password": PASSWORD });
    let registration = stack.send(Call::post("/sign-up", &wanted)).await.expect(202);
    let first = stack.code_mailed(&email, 1).await;
    let id = registration.text("registration_id");
    let resend = |body: Value| stack.send(Call::post("/sign-up/otp-resend", &body));
    resend(json!({ "registration_id": id })).await.expect(202);
    let second = stack.code_mailed(&email, 2).await;
    resend(json!({ "email": email })).await.expect(202);
    let third = stack.code_mailed(&email, 3).await;
    assert!(first != second && second != third, "{first} {second} {third}");

    let verify = |otp: &str| {
        let body = json!({ "email": email, "otp": otp });
        stack.send(Call::post("/sign-up/otp-verify", &body))
    };
    for (tries_left, old) in [(4, &first), (3, &second)] {
        let refused = verify(old).await;
        assert_eq!(refused.problem(409), "otp_invalid");
        assert_eq!(refused.body["attempts_left"], tries_left);
    }
    let made = verify(&third).await.expect(201);
    let repeated = verify(&third).await.expect(201);
    assert_eq!(repeated.body["account"]["account_id"], made.body["account"]["account_id"]);

    stack.send(Call::post("/sign-up", &wanted)).await.expect(202);
    let told = eventually("the owner of the address is notified", async || {
        stack.mails_to(&email).await.into_iter().nth(3)
    })
    .await;
    assert_eq!(code_in(&told), None);
}

#[tokio::test]
async fn five_wrong_passwords_lock_and_a_right_one_resets_the_count() {
    let stack = Stack::running();
    let unique = ulid_now();
    let email = format!("locked-{unique}@example.com");
    let username = format!("locked-{}", &unique[14..]);
    let roll_no = format!("RN-{unique}");
    stack
        .sign_up(&json!({
            "email": email, "password": PASSWORD, "username": username, "roll_no": roll_no,
        }))
        .await;

    let wrong = "not the password";
    for (password, status) in [(wrong, 401), (PASSWORD, 200)] {
        let by_username = json!({ "username": username, "password": password });
        stack.send(Call::post("/login", &by_username)).await.expect(status);
        stack.log_in_with(&email, password).await.expect(status);
    }
    for _ in 0..5 {
        assert_eq!(stack.log_in_with(&email, wrong).await.problem(401), "invalid_credentials");
    }
    let locked = stack.log_in_with(&email, PASSWORD).await;
    assert_eq!(locked.problem(429), "locked");
    assert!(!locked.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_refresh_can_be_repeated_and_reuse_ends_the_session() {
    let stack = Stack::running();
    let student = stack.student("refreshed").await;
    let first = stack.refresh(&student.cookie).await.expect(200);
    assert_ne!(first.cookie(), student.cookie);
    let again = stack.refresh(&student.cookie).await.expect(200);
    assert_eq!(again.cookie(), first.cookie());
    let token = first.text("access_token");
    stack.send(Call::get("/student/tokens").bearer(token)).await.expect(200);

    let second = stack.refresh(&first.cookie()).await.expect(200);
    let stolen = stack.refresh(&student.cookie).await;
    assert_eq!(stolen.problem(401), "refresh_reused");
    assert_eq!(stack.refresh(&second.cookie()).await.problem(401), "refresh_expired");
    stack.session_has_ended(token).await;

    for by_cookie in [false, true] {
        let login = stack.log_in_with(&student.email, PASSWORD).await.expect(200);
        let token = login.text("access_token");
        let logout = if by_cookie {
            Call::post("/api/auth/logout", &json!({})).cookie(&login.cookie())
        } else {
            Call::post("/student/logout", &json!({})).bearer(token)
        };
        stack.send(logout).await.expect(204);
        assert_eq!(stack.refresh(&login.cookie()).await.problem(401), "refresh_expired");
        stack.session_has_ended(token).await;
    }
}

#[tokio::test]
async fn a_person_lists_their_sessions_and_ends_one_and_all_others() {
    let stack = Stack::running();
    let student = stack.student("sessions").await;
    let tokens: [String; 2] = {
        let login = async || {
            let answer = stack.log_in_with(&student.email, PASSWORD).await.expect(200);
            answer.text("access_token").to_owned()
        };
        [login().await, login().await]
    };
    let list = Call::get("/account/sessions").bearer(&student.token);
    let listed = stack.send(list.clone()).await.expect(200);
    let listed = listed.body["items"].as_array().expect("a list");
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(listed[2]["current"], true, "{listed:?}");
    let newest = format!("/account/sessions/{}", listed[0]["session_id"].as_str().expect("an id"));
    let end = |path: &str| stack.send(Call::new("DELETE", path).bearer(&student.token));
    end(&newest).await.expect(204);
    stack.session_has_ended(&tokens[1]).await;
    end("/account/sessions").await.expect(204);
    stack.session_has_ended(&tokens[0]).await;
    let left = stack.send(list).await.expect(200);
    assert_eq!(left.body["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn five_wrong_security_codes_lock_and_a_right_one_resets_the_count() {
    let stack = Stack::running();
    let student = stack.student("security-code").await;
    stack.buy_tokens(&student, 3).await;
    let wrong = "not the code";
    let refused = stack.submit(&student, wrong, "first").await;
    assert_eq!(refused.problem(403), "security_code_wrong");
    assert_eq!(refused.body["attempts_left"], 4);

    let submitted = stack.submit(&student, PASSWORD, "second").await.expect(201);
    assert_eq!(submitted.header("idempotent-replay"), "");
    let replayed = stack.submit(&student, PASSWORD, "second").await.expect(201);
    assert_eq!(replayed.header("idempotent-replay"), "true");
    assert_eq!(replayed.body, submitted.body);

    for tries_left in (0..5).rev() {
        let refused = stack.submit(&student, wrong, "third").await;
        assert_eq!(refused.problem(403), "security_code_wrong");
        assert_eq!(refused.body["attempts_left"], tries_left);
    }
    let locked = stack.submit(&student, PASSWORD, "third").await;
    assert_eq!(locked.problem(429), "security_code_locked");
    assert!(!locked.header("retry-after").is_empty());
    assert_eq!(stack.token_count(&student).await, 2);
}

#[tokio::test]
async fn a_token_order_requested_twice_with_one_key_is_made_once() {
    let stack = Stack::running();
    let student = stack.student("replayed").await;
    let order = Call::post("/create-order", &json!({ "token_count": 1 }));
    let order = order.bearer(&student.token).header("idempotency-key", "once");
    let first = stack.send(order.clone()).await.expect(201);
    let second = stack.send(order).await.expect(201);
    assert_eq!(second.header("idempotent-replay"), "true");
    assert_eq!(second.body, first.body);
    assert_eq!(stack.list("/payment-history", &student).await.len(), 1);
}

#[tokio::test]
async fn the_health_check_reaches_its_table() {
    let health = Stack::running().send(Call::get("/health")).await.expect(200);
    assert_eq!(health.body["checks"]["database"], "ok");
}

#[tokio::test]
async fn each_payment_event_alone_is_applied_and_shown_in_every_list() {
    let stack = Stack::running();
    let student = stack.student("listed").await;
    for (event, outcome, tokens) in [
        ("order.paid", "captured", 2),
        ("payment.captured", "captured", 4),
        ("payment.failed", "failed", 4),
    ] {
        let order_id = stack.order_tokens(&student, 2).await;
        let control =
            json!({ "outcome": outcome, "webhook": true, "events": [event], "wait": true });
        let paid = stack.pay(&order_id, &control).await;
        assert_eq!(paid["deliveries"][0]["status"], 200, "{event}: {paid}");
        assert_eq!(stack.token_count(&student).await, tokens, "{event}");
    }
    let payments = stack.list("/payment-history", &student).await;
    let statuses: Vec<_> = payments.iter().map(|payment| payment["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "captured", "captured"]);

    let tokens = stack.list("/student/token-data", &student).await;
    assert_eq!(tokens.len(), 4);
    let body = json!({ "token_ids": [tokens[3]["token_id"]], "security_code": PASSWORD });
    let submit = Call::post("/student/token-submission", &body).bearer(&student.token);
    let submitted = stack.send(submit).await.expect(201);
    let history = stack.list("/student/token-history", &student).await;
    let redeemed: Vec<_> = history.iter().filter(|t| t["status"] == "redeemed").collect();
    assert_eq!((history.len(), redeemed.len()), (4, 1));
    assert_eq!(redeemed[0]["token_id"], tokens[3]["token_id"]);
    assert_eq!(redeemed[0]["submission_id"], submitted.body["submission_id"]);
    let submissions = stack.list("/student/submitted-tokens", &student).await;
    assert_eq!(submissions, [submitted.body]);
}

#[tokio::test]
async fn an_owner_logs_in_and_a_pending_student_reads_only_the_mess() {
    let stack = Stack::running();
    let password = stack.variable("OWNER_PASSWORD");
    let owner = stack.log_in_with(stack.variable("OWNER_EMAIL"), password).await.expect(200);
    assert_eq!(owner.body["account"]["role"], "owner");
    let mess = Call::get("/api/v1/mess").bearer(owner.text("access_token"));
    let mess = stack.send(mess).await.expect(200);
    assert_eq!(mess.body["mess_id"], stack.variable("MESS_ID"));

    let mess = printed(&thali(&stack, &["mess", "create", "--name", "West Hostel"]));
    let email = format!("pending-{}@example.com", ulid_now());
    let wanted = json!({ "mess_id": mess, "email": email, "password": PASSWORD });
    let account = stack.sign_up(&wanted).await;
    assert_eq!(account["status"], "pending_approval");
    let login = stack.send(Call::post("/login", &wanted)).await.expect(200);
    let token = login.text("access_token");
    let refused = stack.send(Call::get("/student/tokens").bearer(token)).await;
    assert_eq!(refused.problem(403), "not_approved");
    let settings = stack.send(Call::get("/api/v1/mess").bearer(token)).await.expect(200);
    assert_eq!(settings.body["approval"], "required");
}

#[tokio::test]
async fn an_account_of_another_mess_sees_no_order_of_ours() {
    let stack = Stack::running();
    let ours = stack.student("ours").await;
    let checkout = stack.pay_for_tokens(&ours, 1, false).await;

    let create = ["mess", "create", "--name", "East Hostel", "--approval", "automatic"];
    let mess = printed(&thali(&stack, &create));
    let wanted = json!({ "mess_id": mess, "email": ours.email, "password": PASSWORD });
    stack.sign_up(&wanted).await;
    let login = stack.send(Call::post("/login", &wanted)).await.expect(200);
    let theirs = Student::of(&login);
    assert_ne!(theirs.account_id, ours.account_id);
    let verify = Call::post("/verify-payment", &checkout).bearer(&theirs.token);
    assert_eq!(stack.send(verify).await.problem(404), "order_not_found");
    assert_eq!(stack.list("/payment-history", &theirs).await, [] as [Value; 0]);
    assert_eq!(stack.token_count(&theirs).await, 0);
    assert_eq!(stack.list("/payment-history", &ours).await.len(), 1);
}

#[tokio::test]
async fn every_function_can_look_up_a_staff_token_missing_in_redis() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    for endpoint in endpoints().filter(|endpoint| endpoint.access.takes_staff_token()) {
        let (id, token) = stack.staff_token(&owner, "Gate 1").await;
        let (path, nothing) = (endpoint.paths[0], json!({}));
        let call = match endpoint.method.as_str() {
            "GET" => Call::get(path),
            _ => Call::post(path, &nothing),
        };
        let answer = stack.send(call.clone().bearer(&token)).await;
        let (status, name) = (answer.status, endpoint.name);
        assert!(status != 401 && status < 500, "{name}: {status} {}", answer.body);
        let revoke = Call::new("DELETE", &format!("/api/v1/staff-tokens/{id}"));
        stack.send(revoke.bearer(&owner.token)).await.expect(204);
        stack.session_has_ended(&token).await;
    }
}

#[tokio::test]
async fn every_function_can_look_up_a_session_missing_in_redis() {
    let stack = Stack::running();
    let (owner, student) = (stack.owner().await, stack.student("fresh").await);
    let staff = stack.staff_of(&owner.mess_id, &owner.token).await;
    for endpoint in endpoints().filter(|endpoint| endpoint.access.takes_session()) {
        let person = match endpoint.access {
            Access::Owner | Access::PublicOrOwner => &owner,
            Access::Staff => &staff,
            _ => &student,
        };
        let login =
            json!({ "mess_id": person.mess_id, "email": person.email, "password": PASSWORD });
        let fresh = stack.send(Call::post("/login", &login)).await.expect(200);
        let (path, nothing) = (endpoint.paths[0], json!({}));
        let call = match endpoint.method.as_str() {
            "GET" | "DELETE" => Call::new(endpoint.method.as_str(), path),
            "PATCH" => Call::patch(path, &nothing),
            "PUT" => Call::with_body("PUT", path, "application/json", "{}"),
            _ => Call::post(path, &nothing),
        };
        let answer = stack.send(call.bearer(fresh.text("access_token"))).await;
        let (status, name) = (answer.status, endpoint.name);
        assert!(status != 401 && status < 500, "{name}: {status} {}", answer.body);
    }
}

#[tokio::test]
async fn owners_read_their_notifications_reports_and_audit_trail() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let from_afresh = async |call: Call| {
        let body = json!({ "mess_id": owner.mess_id, "email": owner.email, "password": PASSWORD });
        let login = stack.send(Call::post("/login", &body)).await.expect(200);
        stack.send(call.bearer(login.text("access_token"))).await
    };
    for path in [
        "/owner/notifications",
        "/owner/notifications/unread",
        "/owner/dashboard",
        "/api/v1/reports/headcount",
        "/api/v1/reports/sales?from=2026-01-01&to=2026-01-31",
        "/api/v1/reports/scans.csv?from=2026-01-01&to=2026-01-31",
        "/api/v1/audit?date=2026-01-15",
        "/api/v1/audit?entity=order_unknown",
    ] {
        from_afresh(Call::get(path)).await.expect(200);
    }
    let unknown = "/owner/notifications/ntf_00000000000000000000000000/read";
    let read = from_afresh(Call::new("POST", unknown)).await;
    assert_eq!(read.problem(404), "notification_not_found");

    // The notification and the audit records of a purchase follow a moment later.
    let student = stack.student_of(&owner, "reported").await;
    stack.buy_tokens(&student, 2).await;
    let told = eventually("the owner is notified of the purchase", async || {
        let told = stack.list("/owner/notifications?unread=true", &owner).await;
        let bought = told.iter().find(|it| it["kind"] == "token_bought" && it["count"] == 2)?;
        Some(bought["notification_id"].clone())
    })
    .await;
    let several = Call::post("/owner/notifications/read", &json!({ "notification_ids": [told] }));
    assert_eq!(from_afresh(several).await.expect(200).body, json!({ "marked": 1 }));
    let bought = format!("/api/v1/students/{}/purchases", student.account_id);
    let bought = from_afresh(Call::get(&bought)).await.expect(200);
    assert_eq!(bought.body["items"][0]["unused"], 2);
    let seen = from_afresh(Call::get("/owner/dashboard")).await.expect(200);
    assert_eq!(seen.body["sales_today"]["tokens"], 2);
    let trail = format!("/api/v1/audit?entity={}", student.account_id);
    eventually("the trail has the account", async || {
        let records = stack.list(&trail, &owner).await;
        records.iter().any(|record| record["operation"] == "INSERT").then_some(())
    })
    .await;
}
