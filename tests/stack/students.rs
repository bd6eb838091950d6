//! An owner's settings, invites and decisions about students, with the grants of the template.

use serde_json::{Value, json};

use super::operator::{printed, thali};
use super::{Stack, Student, eventually, ulid_now};
use crate::support::Call;
use crate::support::people::PASSWORD;

impl Stack {
    /// The logged-in owner of a new mess, in which students need no approval.
    pub(super) async fn owner(&self) -> Student {
        let create = ["mess", "create", "--name", "East Hostel", "--approval", "automatic"];
        let mess = printed(&thali(self, &create));
        let email = format!("owner-{}@example.com", ulid_now());
        printed(&thali(self, &["owner", "create", "--mess", &mess, "--email", &email]));
        let login = json!({ "mess_id": mess, "email": email, "password": PASSWORD });
        Student::of(&self.send(Call::post("/login", &login)).await.expect(200))
    }

    /// A new student of the owner's mess, who has signed up and logged in.
    pub(super) async fn student_of(&self, owner: &Student, name: &str) -> Student {
        let email = format!("{name}-{}@example.com", ulid_now());
        let wanted = json!({ "mess_id": owner.mess_id, "email": email, "password": PASSWORD });
        self.sign_up(&wanted).await;
        Student::of(&self.send(Call::post("/login", &wanted)).await.expect(200))
    }

    async fn change_mess(&self, owner: &Student, body: &Value) -> Value {
        let call = Call::patch("/api/v1/mess", body).bearer(&owner.token);
        self.send(call).await.expect(200).body
    }

    async fn decide(&self, owner: &Student, student: &Student, decision: &str, reason: &str) {
        let path = format!("/api/v1/students/{}/{decision}", student.account_id);
        let call = Call::post(&path, &json!({ "reason": reason })).bearer(&owner.token);
        self.send(call).await.expect(200);
    }

    /// Waits until an owner's list of students, filtered by `query`, has exactly these students.
    async fn has_listed(&self, owner: &Student, query: &str, expected: &[&Student]) {
        eventually("the list follows", async || {
            let call = Call::get(&format!("/api/v1/students{query}")).bearer(&owner.token);
            let answer = self.send(call).await.expect(200);
            let items = answer.body["items"].as_array().expect("a list").clone();
            let ids = items.iter().map(|item| item["account_id"].as_str().expect("an id"));
            ids.eq(expected.iter().map(|student| student.account_id.as_str())).then_some(())
        })
        .await;
    }

    async fn has_told(&self, student: &Student, said: &str) {
        eventually("the student is notified", async || {
            let mails = self.mails_to(&student.email).await;
            mails.iter().any(|mail| mail.contains(said)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_student_waits_is_approved_buys_tokens_and_is_blocked() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    stack.has_listed(&owner, "", &[]).await;
    let mess = stack.change_mess(&owner, &json!({ "approval": "required" })).await;
    assert_eq!(mess["approval"], "required");
    let asha = stack.student_of(&owner, "asha").await;
    let ravi = stack.student_of(&owner, "ravi").await;
    let tokens = || Call::get("/student/tokens").bearer(&asha.token);
    assert_eq!(stack.send(tokens()).await.problem(403), "not_approved");
    stack.has_listed(&owner, "?status=pending_approval", &[&asha, &ravi]).await;

    stack.decide(&owner, &asha, "approve", "Welcome").await;
    stack.send(tokens()).await.expect(200);
    stack.has_told(&asha, "has approved your account").await;
    stack.buy_tokens(&asha, 2).await;
    assert_eq!(stack.token_count(&asha).await, 2);

    stack.decide(&owner, &ravi, "reject", "Not on the roll").await;
    stack.has_told(&ravi, "Not on the roll").await;
    stack.has_listed(&owner, "?status=rejected", &[&ravi]).await;
    stack.decide(&owner, &ravi, "approve", "On the roll after all").await;
    stack.has_listed(&owner, "?status=active", &[&asha, &ravi]).await;
    let login = json!({ "mess_id": ravi.mess_id, "email": ravi.email, "password": PASSWORD });
    stack.send(Call::post("/login", &login)).await.expect(200);

    stack.decide(&owner, &asha, "block", "Left the hostel").await;
    stack.session_has_ended(&asha.token).await;
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&asha.cookie);
    assert_eq!(stack.send(refresh).await.problem(401), "refresh_expired");
    let login = json!({ "mess_id": asha.mess_id, "email": asha.email, "password": PASSWORD });
    assert_eq!(stack.send(Call::post("/login", &login)).await.problem(403), "account_closed");
    stack.has_told(&asha, "Left the hostel").await;
    stack.has_listed(&owner, "", &[&asha, &ravi]).await;
}

#[tokio::test]
async fn an_owner_invites_staff_and_changes_the_settings() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let call = Call::post("/api/v1/invites", &json!({ "role": "staff" })).bearer(&owner.token);
    let invite = stack.send(call).await.expect(201);
    let sign_up = json!({
        "mess_id": owner.mess_id, "email": format!("staff-{}@example.com", ulid_now()),
        "password": PASSWORD, "role": "staff", "invite_code": invite.text("code"),
    });
    let account = stack.sign_up(&sign_up).await;
    assert_eq!((&account["role"], &account["status"]), (&json!("staff"), &json!("active")));
    let used = stack.send(Call::post("/sign-up", &sign_up)).await;
    assert_eq!(used.problem(409), "invite_invalid");

    let window = json!({ "opens": "22:00", "closes": "00:30" });
    let change = json!({ "token_price_paise": 6_000, "meal_windows": { "DINNER": window } });
    let mess = stack.change_mess(&owner, &change).await;
    assert_eq!(mess["meal_windows"]["DINNER"], window);
    let asha = stack.student_of(&owner, "asha").await;
    let order = Call::post("/create-order", &json!({ "token_count": 2 })).bearer(&asha.token);
    assert_eq!(stack.send(order).await.expect(201).body["amount_paise"], 12_000);
}
