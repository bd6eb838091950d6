//! Searching students, for a counter where somebody has no code.

use serde_json::{Value, json};
use thali_ctl::name_index::{Tally, index};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::AccountId;
use thali_domain::mess::Approval;
use thali_platform::store::keys;

use crate::api::accounts::rate_limits::strict;
use crate::support::people::Student;
use crate::support::{Answer, Call, STACK, TestApp};

fn call(token: &str, searched: &str) -> Call {
    let escaped: Vec<String> = searched.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let searched = escaped.concat();
    Call::get(&format!("/api/v1/students/search?q={searched}")).bearer(token)
}

impl TestApp {
    async fn search(&self, token: &str, searched: &str) -> Answer {
        self.send(call(token, searched)).await
    }

    /// The names of the students who are found.
    async fn finds(&self, token: &str, searched: &str) -> Vec<String> {
        let found = self.search(token, searched).await.expect(200);
        let items = found.body["items"].as_array().expect("a list");
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    }

    async fn registered(&self, name: &str, roll_no: &str) -> AccountId {
        let body = json!({
            "name": name, "roll_no": roll_no, "room_no": "A 12", "phone": "9812345678",
        });
        let made = self.send(Call::post("/api/v1/students/register", &body)).await.expect(201);
        made.body["student"]["account_id"].as_str().expect("an id").parse().expect("an id")
    }

    async fn rename(&self, student: &Student, name: &str) {
        let call = Call::patch("/student/profile", &json!({ "full_name": name }));
        self.send(call.bearer(&student.token)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn students_are_found_by_roll_number_or_beginning_of_the_name() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    let asha = test.registered("Asha Rao", "B21-7").await;
    test.registered("Ashok Álvarez", "B21-8").await;
    test.registered("Binod Asha", "B21-77").await;
    let token = device.token.as_str();
    assert_eq!(test.finds(token, "ash").await, ["Asha Rao", "Ashok Álvarez"]);
    assert_eq!(test.finds(token, "ASHOK alv").await, ["Ashok Álvarez"]);
    assert_eq!(test.finds(token, "b21-7").await, ["Asha Rao"]);
    assert_eq!(test.finds(token, "zz").await, [""; 0]);
    let found = test.search(token, "asha").await.expect(200).body;
    let expected = json!({
        "account_id": asha, "name": "Asha Rao", "roll_no": "B21-7", "room_no": "A 12",
    });
    assert_eq!(found, json!({ "items": [expected] }));

    // Also by staff and owners, and after a new name.
    let ravi = test.student("ravi@example.com").await;
    test.rename(&ravi, "Zoé Rao").await;
    let staff = test.staff("staff@example.com").await;
    let owner = test.owner("owner@example.com").await;
    for person in [&staff, &owner] {
        assert_eq!(test.finds(&person.token, "zoe").await, ["Zoé Rao"]);
        assert_eq!(test.finds(&person.token, "ravi").await, [""; 0]);
    }
    let refused = test.search(&ravi.token, "zoe").await;
    assert_eq!(refused.problem(403), "wrong_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_see_the_status_of_a_found_student() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let staff = test.staff("staff@example.com").await;
    let device = test.device("Gate 1").await;
    let asha = test.registered("Asha Rao", "B21-7").await;
    for status in [AccountStatus::Active, AccountStatus::PendingApproval, AccountStatus::Blocked] {
        test.set_member_status(asha, status).await;
        let found = test.search(&owner.token, "asha").await.expect(200).body;
        assert_eq!(found["items"][0]["status"], json!(status));
        for token in [&staff.token, &device.token] {
            let found = test.search(token, "asha").await.expect(200).body;
            assert_eq!(found["items"][0].get("status"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_students_and_those_of_other_messes_are_not_found() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    let asha = test.registered("Asha", "B21-7").await;
    test.set_member_status(asha, AccountStatus::Rejected).await;
    for searched in ["asha", "B21-7"] {
        assert_eq!(test.finds(&device.token, searched).await, [""; 0], "{searched}");
    }
    test.set_member_status(asha, AccountStatus::Blocked).await;
    assert_eq!(test.finds(&device.token, "asha").await, ["Asha"]);
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = "mess_other".parse().expect("an id");
    let until = test.now() + jiff::SignedDuration::from_hours(1);
    let foreign = test.device_until(&other, "Gate 1", until).await;
    for searched in ["asha", "B21-7"] {
        assert_eq!(test.finds(&foreign.token, searched).await, [""; 0], "{searched}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_ten_students_are_answered_in_the_order_of_names() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    for number in (10..25).rev() {
        test.registered(&format!("Asha {number}"), &format!("R-{number}")).await;
    }
    let expected: Vec<String> = (10..20).map(|number| format!("Asha {number}")).collect();
    assert_eq!(test.finds(&device.token, "asha").await, expected);
    for searched in ["", "a", &"x".repeat(41)] {
        assert_eq!(test.search(&device.token, searched).await.wrong_fields(), ["q"]);
    }
    let nothing = Call::get("/api/v1/students/search").bearer(&device.token);
    assert_eq!(test.send(nothing).await.wrong_fields(), ["q"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_look_up_is_in_the_audit_trail_without_what_was_typed() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    let asha = test.registered("Asha Rao", "B21-7").await;
    test.settle().await;
    assert_eq!(test.finds(&device.token, "ASHA").await, ["Asha Rao"]);
    test.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(test.finds(&device.token, "nobody").await, [""; 0]);
    test.settle().await;
    let owner = test.owner("owner@example.com").await;
    let records = test.seen(&owner, "/api/v1/audit?date=2026-01-15&limit=100").await;
    let records = records["items"].as_array().expect("a list");
    let lookups: Vec<&Value> = records.iter().filter(|it| it["kind"] == "lookup").collect();
    let [nobody, found] = lookups.as_slice() else { panic!("two look-ups: {lookups:?}") };
    assert_eq!(found["actor"], json!(device.id));
    assert_eq!(found["after"]["found"], json!([asha]));
    assert_eq!(nobody["after"]["found"], json!([]));
    let told = json!(lookups).to_string().to_lowercase();
    assert!(!told.contains("asha") && !told.contains("nobody"), "{told}");
    // The look-up itself is removed after a day, which is no news.
    let items = test.dynamo.items("meals").await;
    let lookups = items.iter().filter(|item| item["kind"].as_s().is_ok_and(|it| it == "lookup"));
    assert!(lookups.clone().count() == 2 && lookups.clone().all(|it| it.contains_key("ttl")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staff_token_and_an_account_search_thirty_times_a_minute() {
    let test = strict().await;
    let device = test.device("Gate 1").await;
    let staff = test.staff("staff@example.com").await;
    for token in [&device.token, &staff.token] {
        let mut limited = 0;
        // Redis may be paused for a moment; then a request is not counted.
        for _ in 0..45 {
            let answer = test.search(token, "asha").await;
            limited += usize::from(answer.status == 429);
        }
        assert!((10..=15).contains(&limited), "{limited}");
        // Scans are not affected.
        test.send(Call::get("/api/v1/mess").bearer(token)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn students_of_before_the_index_are_found_after_it_is_filled() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    let asha = test.registered("Asha Rao", "B21-7").await;
    test.registered("Binod", "B21-8").await;
    let client = test.dynamo.client();
    let request = client.update_item().table_name(format!("{STACK}-accounts"));
    let key = keys::account(asha).attributes();
    let request = request.set_key(Some(key)).update_expression("REMOVE name_key");
    request.send().await.expect("written");
    assert_eq!(test.finds(&device.token, "asha").await, [""; 0]);
    let fill = async || index(&test.app.store, &test.mess_id, &test.stamp()).await.expect("read");
    assert_eq!(fill().await, Tally { added: 1, unchanged: 1 });
    assert_eq!(test.finds(&device.token, "asha").await, ["Asha Rao"]);
    assert_eq!(fill().await, Tally { added: 0, unchanged: 2 });
}
