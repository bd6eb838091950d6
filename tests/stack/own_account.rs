//! What people do with their own accounts on the deployed stack, with its streams, queues, bucket
//! and grants. The answers in each case are tested in [`crate::api`].

use serde_json::{Value, json};

use super::accounts::PNG;
use super::{Stack, Student, eventually};
use crate::support::people::PASSWORD;
use crate::support::{Call, verdict};

impl Stack {
    /// What the owner sees of scans and notifications, as text.
    async fn shown_to(&self, owner: &Student, date: &str) -> String {
        let path = format!("/api/v1/reports/scans.csv?from={date}&to={date}");
        let scans = self.send(Call::get(&path).bearer(&owner.token)).await.expect(200);
        let told = Call::get("/owner/notifications?limit=100").bearer(&owner.token);
        let told = self.send(told).await.expect(200);
        String::from_utf8(scans.bytes).expect("text") + &told.body.to_string()
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_only_the_books_behind() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let leaver = stack.student_of(&owner, "leaver").await;
    let name = leaver.email.split('@').next().expect("a local part").to_owned();
    let address = stack.picture_address(&leaver, PNG.len()).await;
    assert!(stack.upload(&address, PNG).await.is_success());
    let (_, device) = stack.staff_token(&owner, "Gate").await;
    let date = stack.serve_lunch(&owner).await;
    stack.pay_verified_cycle(&owner, &leaver, &date).await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 9);
    let later = later.strftime("%Y-%m-%d").to_string();
    let cut = Call::post("/api/v1/mess-cuts", &json!({ "from": later, "to": later }));
    stack.send(cut.bearer(&leaver.token)).await.expect(201);
    let code = stack.code(&leaver).await;
    let scan = json!({ "qr_data": code, "meal": "LUNCH" });
    assert_eq!(verdict(&stack.scan(&device, &scan).await), "admitted");
    eventually("the owner is told of the payment", async || {
        let shown = stack.shown_to(&owner, &date).await;
        (shown.matches(&name).count() >= 2).then_some(())
    })
    .await;

    // A new session, which is in the table and not yet in Redis.
    let login = json!({
        "mess_id": leaver.mess_id, "email": leaver.email, "password": PASSWORD,
    });
    let leaver = Student::of(&stack.send(Call::post("/login", &login)).await.expect(200));
    let body = json!({ "current_password": PASSWORD }).to_string();
    let delete = Call::with_body("DELETE", "/account", "application/json", &body);
    stack.send(delete.bearer(&leaver.token)).await.expect(202);
    assert_eq!(verdict(&stack.scan(&device, &scan).await), "unknown_student");
    eventually("the cycle has no name", async || {
        let cycles = stack.list("/api/v1/payments?status=verified", &owner).await;
        (cycles[0]["name"] == "Deleted account").then_some(())
    })
    .await;
    eventually("nothing that the owner sees has the name", async || {
        let shown = stack.shown_to(&owner, &date).await;
        (!shown.contains(&name) && shown.contains("account_deleted")).then_some(())
    })
    .await;
    let shown = stack.shown_to(&owner, &date).await;
    assert!(shown.contains("Deleted account"), "the meal stays: {shown}");
    let listed = stack.list("/api/v1/students?status=deleted", &owner).await;
    assert_eq!((listed.len(), &listed[0]["email"]), (1, &Value::Null));
    eventually("the address is told", async || {
        let mails = stack.mails_to(&leaver.email).await;
        mails.iter().any(|mail| mail.contains("was deleted")).then_some(())
    })
    .await;
}
