//! Who sees which payments, in which order, page by page.

use jiff::SignedDuration;
use serde_json::Value;
use thali_domain::ids::CycleId;
use thali_domain::mess::Approval;

use super::{PAYMENTS, reject, verify};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

async fn uploaded(test: &TestApp, student: &Student, from: &str, to: &str) -> CycleId {
    test.advance(SignedDuration::from_millis(1));
    test.upload_cycle(student, from, to).await
}

fn ids(items: &[Value]) -> Vec<CycleId> {
    let id = |item: &Value| item["payment_id"].as_str().expect("an id").parse().expect("an id");
    items.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_list_the_oldest_payments_first_students_their_newest_first() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let owner = test.owner("owner@example.com").await;
    let one = uploaded(&test, &asha, "2026-02-01", "2026-02-28").await;
    let two = uploaded(&test, &ravi, "2026-02-01", "2026-02-28").await;
    let three = uploaded(&test, &asha, "2026-03-01", "2026-03-31").await;
    let four = uploaded(&test, &asha, "2026-04-01", "2026-04-30").await;
    test.send(verify(&owner, one)).await.expect(200);
    test.send(reject(&owner, three)).await.expect(200);
    for limit in [1, 2, 100] {
        let all = test.list(&owner, PAYMENTS, limit).await;
        assert_eq!(ids(&all), [one, two, three, four]);
        assert_eq!(ids(&test.list(&asha, PAYMENTS, limit).await), [four, three, one]);
        assert_eq!(ids(&test.list(&ravi, PAYMENTS, limit).await), [two]);
    }
    for (status, of_mess, own) in [
        ("pending", vec![two, four], vec![four]),
        ("verified", vec![one], vec![one]),
        ("rejected", vec![three], vec![three]),
    ] {
        for (somebody, expected) in [(&owner, of_mess), (&asha, own)] {
            let call = Call::get(&format!("{PAYMENTS}?status={status}")).bearer(&somebody.token);
            let items = test.send(call).await.expect(200).body["items"].clone();
            assert_eq!(ids(items.as_array().expect("a list")), expected, "{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_no_payments_and_owners_only_those_of_their_mess() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let staff = test.staff("staff@example.com").await;
    let id = uploaded(&test, &asha, "2026-02-01", "2026-02-28").await;
    let call = Call::get(PAYMENTS).bearer(&staff.token);
    assert_eq!(test.send(call).await.problem(403), "wrong_role");
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = "mess_other".parse().expect("an id");
    let stranger = test.owner_of(&other, "owner@example.org").await;
    assert!(test.list(&stranger, PAYMENTS, 10).await.is_empty());
    let owner = test.owner("owner@example.com").await;
    assert_eq!(ids(&test.list(&owner, PAYMENTS, 10).await), [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_parameters_and_cursors_of_another_list_are_refused() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    for from in ["2026-02-01", "2026-02-02"] {
        uploaded(&test, &ravi, from, from).await;
    }
    let (_, cursor) = test.page(&ravi, PAYMENTS, 1, None).await;
    let of_ravi = format!("cursor={}", cursor.expect("there is more"));
    for (query, wrong) in [
        ("status=open", "status"),
        ("status=", "status"),
        ("limit=0", "limit"),
        ("cursor=%21", "cursor"),
        (of_ravi.as_str(), "cursor"),
        ("state=pending", "state"),
    ] {
        let call = Call::get(&format!("{PAYMENTS}?{query}")).bearer(&asha.token);
        assert_eq!(test.send(call).await.wrong_fields(), [wrong], "{query}");
    }
}
