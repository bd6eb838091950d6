//! The settings of a mess, and when a change takes effect.

use std::sync::Arc;

use serde_json::{Value, json};
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;

use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn patch(owner: &Student, body: &Value) -> Call {
    Call::patch("/api/v1/mess", body).bearer(&owner.token)
}

/// The settings that `reader`, any member of the mess, reads.
async fn settings(test: &TestApp, reader: &Student) -> Value {
    test.send(Call::get("/api/v1/mess").bearer(&reader.token)).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_can_change_alone_and_the_response_is_the_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let mut expected = settings(&test, &owner).await;
    for (member, value) in [
        ("name", json!("South Hostel")),
        ("time_zone", json!("Asia/Kathmandu")),
        ("region", json!("NP")),
        ("token_price_paise", json!(100)),
        ("token_price_paise", json!(1_000_000)),
        ("token_validity_days", json!(1)),
        ("token_validity_days", json!(730)),
        ("approval", json!("required")),
        ("overrides", json!("allowed")),
        ("cut_cutoff", json!("21:30")),
    ] {
        let answer = test.send(patch(&owner, &json!({ member: value }))).await.expect(200);
        expected[member] = value;
        assert_eq!(answer.body, expected, "{member}");
        assert_eq!(settings(&test, &owner).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_settings_can_change_together_also_in_camel_case() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let body = json!({
        "timeZone": "Asia/Dubai", "tokenPricePaise": 7_500, "tokenValidityDays": 30,
        "cutCutoff": "20:00", "mealWindows": { "LUNCH": { "opens": "12:00", "closes": "15:00" } },
    });
    let mess = test.send(patch(&owner, &body)).await.expect(200).body;
    assert_eq!(mess["time_zone"], "Asia/Dubai");
    assert_eq!(mess["token_price_paise"], 7_500);
    assert_eq!(mess["token_validity_days"], 30);
    assert_eq!(mess["cut_cutoff"], "20:00");
    assert_eq!(mess["meal_windows"]["LUNCH"], json!({ "opens": "12:00", "closes": "15:00" }));
    assert_eq!(mess["meal_windows"]["DINNER"], json!({ "opens": "19:30", "closes": "21:30" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_setting_is_refused_by_field_name_and_nothing_changes() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let before = settings(&test, &owner).await;
    let window = |meal: &str, opens: &str, closes: &str| json!({ "meal_windows": { meal: { "opens": opens, "closes": closes } } });
    for (body, fields) in [
        (json!({ "name": "" }), vec!["name"]),
        (json!({ "name": "\u{200b}\u{3164}" }), vec!["name"]),
        (json!({ "time_zone": "Asia/Thali" }), vec!["time_zone"]),
        (json!({ "region": "India" }), vec!["region"]),
        (json!({ "region": "ZZ" }), vec!["region"]),
        (json!({ "token_price_paise": 99 }), vec!["token_price_paise"]),
        (json!({ "token_price_paise": 1_000_001 }), vec!["token_price_paise"]),
        (json!({ "token_price_paise": 50.5 }), vec!["token_price_paise"]),
        (json!({ "token_price_paise": "5000" }), vec!["token_price_paise"]),
        (json!({ "token_validity_days": 0 }), vec!["token_validity_days"]),
        (json!({ "token_validity_days": 731 }), vec!["token_validity_days"]),
        (json!({ "approval": "sometimes" }), vec!["approval"]),
        (json!({ "overrides": "sometimes" }), vec!["overrides"]),
        (json!({ "cut_cutoff": "24:00" }), vec!["cut_cutoff"]),
        (json!({ "mess_id": "mess_other" }), vec!["mess_id"]),
        (window("LUNCH", "12:00", "12:00"), vec!["meal_windows.LUNCH"]),
        (window("LUNCH", "noon", "13:00"), vec!["meal_windows.LUNCH.opens"]),
        (window("BRUNCH", "10:00", "11:00"), vec!["meal_windows.BRUNCH"]),
        (
            json!({ "meal_windows": { "LUNCH": { "opens": "12:00" } } }),
            vec!["meal_windows.LUNCH.closes"],
        ),
        (json!({ "meal_windows": [] }), vec!["meal_windows"]),
        (json!({ "meal_windows": "always" }), vec!["meal_windows"]),
        (json!({ "meal_windows": { "LUNCH": ["12:00", "13:00"] } }), vec!["meal_windows.LUNCH"]),
        (json!([]), vec![""]),
        (
            json!({ "approval": "no", "token_price_paise": 0, "price": 1 }),
            vec!["approval", "price", "token_price_paise"],
        ),
    ] {
        let answer = test.send(patch(&owner, &body)).await;
        assert_eq!(answer.wrong_fields(), fields, "{body}: {}", answer.body);
    }
    assert_eq!(settings(&test, &owner).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_may_cross_midnight_and_two_meals_may_swap_windows() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let late = json!({ "opens": "22:00", "closes": "01:30" });
    let answer = test.send(patch(&owner, &json!({ "meal_windows": { "DINNER": late } }))).await;
    assert_eq!(answer.expect(200).body["meal_windows"]["DINNER"], late);
    let swapped = json!({
        "LUNCH": { "opens": "22:00", "closes": "01:30" },
        "DINNER": { "opens": "12:30", "closes": "14:30" },
    });
    let answer = test.send(patch(&owner, &json!({ "meal_windows": swapped }))).await.expect(200);
    assert_eq!(answer.body["meal_windows"]["LUNCH"], swapped["LUNCH"]);
    assert_eq!(answer.body["meal_windows"]["BREAKFAST"]["opens"], "07:30");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let before = settings(&test, &owner).await;
    test.settle().await;
    for body in [json!({}), json!({ "approval": "automatic", "meal_windows": {} }), before.clone()]
    {
        let mut body = body;
        body.as_object_mut().expect("an object").remove("mess_id");
        assert_eq!(test.send(patch(&owner, &body)).await.expect(200).body, before);
    }
    assert_eq!(test.dynamo.new_changes().await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_change_records_its_actor_old_value_and_new_value() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.settle().await;
    test.send(patch(&owner, &json!({ "token_price_paise": 6_000 }))).await.expect(200);
    let changes = test.dynamo.new_changes().await;
    assert_eq!(changes.len(), 1);
    let change = &changes[0]["dynamodb"];
    assert_eq!(change["OldImage"]["token_price_paise"]["N"], "5000");
    assert_eq!(change["NewImage"]["token_price_paise"]["N"], "6000");
    assert_eq!(change["NewImage"]["actor"]["S"], owner.account_id);
    assert_eq!(change["NewImage"]["kind"]["S"], "mess");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_and_validity_apply_from_the_next_order() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let before = test.order_tokens(&asha, 2).await;
    let body = json!({ "token_price_paise": 6_000, "token_validity_days": 10 });
    test.send(patch(&owner, &body)).await.expect(200);
    let order = Call::post("/create-order", &json!({ "token_count": 2 })).bearer(&asha.token);
    let after = test.send(order).await.expect(201);
    assert_eq!(after.body["amount_paise"], 12_000);

    for (order_id, amount, good_until) in [
        (before.as_str(), 10_000, "2026-04-15T06:30:00Z"),
        (after.text("order_id"), 12_000, "2026-01-25T06:30:00Z"),
    ] {
        let checkout = test.pay(order_id, json!({ "outcome": "captured" })).await;
        let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
        assert_eq!(verified.body["payment"]["amount_paise"], amount);
        assert_eq!(verified.body["payment"]["expires_at"], good_until);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_approval_setting_applies_only_to_later_sign_ups() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (email, approval, status) in [
        ("a@example.com", "required", "pending_approval"),
        ("b@example.com", "automatic", "active"),
        ("c@example.com", "required", "pending_approval"),
    ] {
        test.send(patch(&owner, &json!({ "approval": approval }))).await.expect(200);
        let made = test.sign_up_and_verify(email).await.expect(201);
        assert_eq!(made.body["account"]["status"], status);
    }
    let login = test.log_in("b@example.com").await.expect(200);
    assert_eq!(login.body["account"]["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_of_the_mess_can_change_its_settings() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = MessId::parse("mess_other").expect("an id");
    let other_owner = test.owner_of(&other, "owner@example.org").await;
    let asha = test.student("asha@example.com").await;
    let before = settings(&test, &owner).await;
    test.send(patch(&other_owner, &json!({ "name": "Other" }))).await.expect(200);
    let refused = test.send(patch(&asha, &json!({ "token_price_paise": 100 }))).await;
    assert_eq!(refused.problem(403), "wrong_role");
    let nobody = Call::patch("/api/v1/mess", &json!({ "token_price_paise": 100 }));
    assert_eq!(test.send(nobody).await.problem(401), "unauthenticated");
    assert_eq!(settings(&test, &asha).await, before);
    assert_eq!(settings(&test, &other_owner).await["name"], "Other");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_two_overlapping_windows_are_both_kept() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let windows = |meal: &str, opens: &str, closes: &str| {
        patch(&owner, &json!({ "meal_windows": { meal: { "opens": opens, "closes": closes } } }))
    };
    for _ in 0..8 {
        let calls = vec![windows("LUNCH", "15:00", "18:00"), windows("DINNER", "17:00", "20:00")];
        for answer in test.send_together(calls).await {
            answer.expect(200);
        }
        let mess = settings(&test, &owner).await;
        assert_eq!(mess["meal_windows"]["LUNCH"]["opens"], "15:00");
        assert_eq!(mess["meal_windows"]["DINNER"]["opens"], "17:00");
        let usual = json!({ "meal_windows": {
            "LUNCH": { "opens": "12:30", "closes": "14:30" },
            "DINNER": { "opens": "19:30", "closes": "21:30" },
        }});
        test.send(patch(&owner, &usual)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_different_settings_are_all_kept() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let window = json!({ "opens": "06:00", "closes": "07:00" });
    let bodies = [
        json!({ "name": "South Hostel" }),
        json!({ "time_zone": "Asia/Dubai" }),
        json!({ "token_price_paise": 4_200 }),
        json!({ "token_validity_days": 42 }),
        json!({ "approval": "required" }),
        json!({ "cut_cutoff": "20:00" }),
        json!({ "meal_windows": { "BREAKFAST": window } }),
        json!({ "meal_windows": { "DINNER": { "opens": "20:00", "closes": "22:00" } } }),
    ];
    let calls = bodies.iter().map(|body| patch(&owner, body)).collect();
    for answer in test.send_together(calls).await {
        answer.expect(200);
    }
    let mess = settings(&test, &owner).await;
    for body in &bodies[..6] {
        for (member, value) in body.as_object().expect("an object") {
            assert_eq!(&mess[member], value);
        }
    }
    assert_eq!(mess["meal_windows"]["BREAKFAST"], window);
    assert_eq!(mess["meal_windows"]["DINNER"]["opens"], "20:00");
}
