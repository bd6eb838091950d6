//! The operator's import of a list of students. The command itself is tested against the
//! deployed stack; the effects of a list are tested here.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use thali_ctl::roster::{ImportError, Roster, Tally};
use thali_domain::accounts::identity::AccountStatus::{
    self, Active, Blocked, PendingApproval, Rejected,
};
use thali_domain::phone::Region;
use thali_files::enrolment::Fate;
use thali_files::student_file::{self, Row};
use thali_platform::app::App;
use thali_platform::auth::password::NO_PASSWORD;
use thali_platform::store::{Account, Consistency};

use super::id_of;
use crate::api::accounts::mailed_code;
use crate::support::people::Student;
use crate::support::{Call, Death, TestApp};

const LIST: &str = "name,roll_no,room_no,phone,email\n\
                    Asha Rao,R1,B-204,9812345671,asha@example.com\n\
                    Ravi Kumar,R2,B-205,9812345672,\n\
                    Meera Iyer,R3,B-206,9812345673,meera@example.com\n";

fn rows(list: &str) -> Vec<Row> {
    student_file::read(list.as_bytes(), Region::INDIA).expect("a good list").rows
}

/// Imports a list as the command does, with the database of `app`.
async fn import_at(
    app: &App,
    test: &TestApp,
    list: &str,
    status: AccountStatus,
) -> Result<Tally, ImportError> {
    let rows = rows(list);
    let (store, clock, mess, stamp) = (&app.store, &app.clock, &test.mess_id, test.stamp());
    let roster = Roster { store, clock, mess, status, stamp };
    let fates = roster.look(&rows).await?;
    let mut passed = 0;
    let tally = roster.write(&rows, fates, || passed += 1).await?;
    assert_eq!(passed, rows.len(), "each row is reported");
    Ok(tally)
}

async fn import(test: &TestApp, list: &str) -> Result<Tally, ImportError> {
    import_at(&test.app, test, list, PendingApproval).await
}

/// The faults of a refused list.
#[track_caller]
fn faults(refused: Result<Tally, ImportError>) -> Vec<String> {
    match refused.expect_err("it is refused") {
        ImportError::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

const fn tally(new: usize, unchanged: usize) -> Tally {
    Tally { new, unchanged }
}

/// Roll number and name of every member. Asserts that each member equals its account.
async fn roll_nos(test: &TestApp) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for member in test.app.store.members_all(&test.mess_id).await.expect("read") {
        let account = account(test, &member.account_id.to_string()).await;
        assert_eq!((&member.name, &member.roll_no), (&account.name, &account.roll_no));
        assert_eq!((member.status, &member.room_no), (account.status, &account.room_no));
        if let Some(roll_no) = member.roll_no {
            let new = found.insert((roll_no.to_string(), member.name.to_string()));
            assert!(new, "nobody is there twice");
        }
    }
    found
}

async fn account(test: &TestApp, id: &str) -> Account {
    let found = test.app.store.account_get(id_of(id), Consistency::Strong).await.expect("read");
    found.expect("an account")
}

fn all() -> BTreeSet<(String, String)> {
    let list = [("R1", "Asha Rao"), ("R2", "Ravi Kumar"), ("R3", "Meera Iyer")];
    list.map(|(roll_no, name)| (roll_no.to_owned(), name.to_owned())).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_imported_and_importing_it_again_writes_nothing() {
    let test = TestApp::start().await;
    assert_eq!(import(&test, LIST).await.expect("imported"), tally(3, 0));
    assert_eq!(roll_nos(&test).await, all());
    assert_eq!(test.settle().await, [], "nobody is mailed");
    let owner = test.owner("owner@example.com").await;
    let list = Call::get("/api/v1/students?status=pending_approval").bearer(&owner.token);
    let waiting = test.send(list).await.expect(200).body["items"].clone();
    // All were created in the same millisecond, so the list has no order.
    let mut told = BTreeSet::new();
    for student in waiting.as_array().expect("a list") {
        let member_text = |name: &str| student[name].as_str().unwrap_or("-").to_owned();
        told.insert(["roll_no", "room_no", "phone", "email"].map(member_text).join(" "));
    }
    let expected = [
        "R1 B-204 +919812345671 asha@example.com",
        "R2 B-205 +919812345672 -",
        "R3 B-206 +919812345673 meera@example.com",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());

    test.dynamo.new_changes().await;
    for status in [PendingApproval, Active] {
        let again = import_at(&test.app, &test, LIST, status).await;
        assert_eq!(again.expect("unchanged"), tally(0, 3));
    }
    assert!(test.dynamo.new_changes().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_leaves_students_with_known_roll_number_and_name_unchanged() {
    let test = TestApp::start().await;
    import(&test, LIST).await.expect("imported");
    let owner = test.owner("owner@example.com").await;
    let decisions = [("R1", "approve"), ("R2", "block"), ("R3", "reject")];
    for member in test.app.store.members_all(&test.mess_id).await.expect("read") {
        let roll_no = member.roll_no.expect("it has one").to_string();
        let (_, decision) = decisions.iter().find(|known| known.0 == roll_no).expect("of the list");
        let path = format!("/api/v1/students/{}/{decision}", member.account_id);
        test.send(Call::post(&path, &json!({})).bearer(&owner.token)).await.expect(200);
    }
    test.dynamo.new_changes().await;
    let moved = LIST.replace("B-204", "C-1").replace("9812345672", "9800000000");
    let moved = moved.replace("asha@example.com", "Asha@Example.com").replace("R1", "r1")
        + "Tara,R4,1,9812345674,\n";
    let imported = import_at(&test.app, &test, &moved, Active).await;
    // A rejected student no longer holds the roll number, so R3 is imported as a new student.
    assert_eq!(imported.expect("imported"), tally(2, 2));
    let mut statuses = BTreeSet::new();
    for member in test.app.store.members_all(&test.mess_id).await.expect("read") {
        assert_ne!(member.room_no.expect("it has one").as_str(), "C-1");
        let roll_no = member.roll_no.expect("it has one").to_string();
        assert!(statuses.insert((roll_no, member.status.as_str())), "nobody is there twice");
    }
    let expected =
        [("R1", Active), ("R2", Blocked), ("R3", Rejected), ("R3", Active), ("R4", Active)];
    let expected = expected.map(|(roll_no, status)| (roll_no.to_owned(), status.as_str()));
    assert_eq!(statuses, expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_does_not_accept_an_impostor_with_another_address() {
    let test = TestApp::start().await;
    for (name, roll_no, email) in [
        ("Asha Rao", "R1", json!("impostor@example.com")),
        ("Ravi Kumar", "R2", json!("ravi@example.com")),
        ("Meera Iyer", "R3", json!(null)),
    ] {
        let body = json!({
            "name": name, "roll_no": roll_no, "room_no": "1", "phone": "9812345678", "email": email,
        });
        test.send(Call::post("/api/v1/students/register", &body)).await.expect(201);
    }
    test.dynamo.new_changes().await;
    // The list has no address of Ravi, so his registered address is accepted.
    let expected = [
        "line 2, roll_no: is there with another e-mail address, or with none",
        "line 4, roll_no: is there with another e-mail address, or with none",
    ];
    assert_eq!(faults(import_at(&test.app, &test, LIST, Active).await), expected);
    assert!(test.dynamo.new_changes().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_with_stored_accounts_are_reported_by_line_before_any_write() {
    let test = TestApp::start().await;
    import(&test, LIST).await.expect("imported");
    test.student("tara@example.com").await;
    test.dynamo.new_changes().await;
    let list = "name,roll_no,room_no,phone,email\n\
                Indu,R5,B,9812345671,\n\
                Indu,R2,B,9812345672,\n\
                Asha Rao,R1,B,9812345673,asha@example.com\n\
                Meera Iyer,R3,B,9812345674,tara@example.com\n\
                Uma,R6,B,9812345675,meera@example.com\n";
    let expected = [
        "line 3, roll_no: is Ravi Kumar's already",
        "line 5, email: is somebody else's already",
        "line 6, email: is somebody else's already",
    ];
    assert_eq!(faults(import(&test, list).await), expected);
    assert!(test.dynamo.new_changes().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_number_of_staff_is_refused_even_for_the_same_name() {
    let test = TestApp::start().await;
    let staff = test
        .account(
            &test.mess_id,
            thali_domain::accounts::identity::Role::Staff,
            Active,
            "s@example.com",
        )
        .await;
    let taken = Account {
        roll_no: Some("R1".parse().expect("a number")),
        account_id: id_of("acc_00000000000000000000000007"),
        email: None,
        name: "Asha Rao".parse().expect("a name"),
        ..staff
    };
    test.app.store.account_create(&taken, &test.stamp()).await.expect("made");
    assert_eq!(faults(import(&test, LIST).await), ["line 2, roll_no: is Asha Rao's already"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_stopped_by_the_database_reports_the_line_and_can_resume() {
    let test = TestApp::start().await;
    // The first student is stored, but the SDK never gets an answer.
    let flaky = test.losing_answers("TransactWriteItems", 3);
    let stopped = import_at(&flaky, &test, LIST, PendingApproval).await.expect_err("stopped");
    let said = stopped.to_string();
    assert!(
        said.starts_with("stopped at line 2 (R1); 0 students were written before it"),
        "{said}"
    );
    assert_eq!(roll_nos(&test).await.len(), 1);
    assert_eq!(import(&test, LIST).await.expect("finished"), tally(2, 1));
    assert_eq!(roll_nos(&test).await, all());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_import_completes_one_that_crashed_at_any_request() {
    // Two reads to check the list, and one transaction for each student.
    let deaths = (0..5).flat_map(|request| [Death::Before(request), Death::After(request)]);
    for death in deaths {
        let test = TestApp::start().await;
        let items = async || test.dynamo.items("accounts").await.len();
        let before = items().await;
        let dying_process = test.dying_process(death);
        let died = import_at(&dying_process.app, &test, LIST, PendingApproval).await;
        assert!(died.is_err() && dying_process.is_dead(), "{death:?}: {died:?}");
        let made = match death {
            Death::Before(request) => request.saturating_sub(2),
            Death::After(request) => request.saturating_sub(1),
        };
        let made = usize::try_from(made).expect("small");
        assert_eq!(roll_nos(&test).await.len(), made, "{death:?}");
        // Three accounts, three guards of roll numbers, and two guards of addresses.
        assert_eq!(items().await - before, [0, 3, 5, 8][made], "{death:?}");
        assert_eq!(import(&test, LIST).await.expect("finished"), tally(3 - made, made));
        assert_eq!(roll_nos(&test).await, all());
        assert_eq!(items().await - before, 8, "{death:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_imports_of_one_list_create_each_student_once() {
    let test = Arc::new(TestApp::start().await);
    let importing = |test: Arc<TestApp>| tokio::spawn(async move { import(&test, LIST).await });
    let together: Vec<_> = (0..4).map(|_| importing(Arc::clone(&test))).collect();
    let mut new = 0;
    for import in together {
        let Tally { new: made, unchanged } = import.await.expect("no panic").expect("imported");
        assert_eq!(made + unchanged, 3);
        new += made;
    }
    assert_eq!(new, 3);
    assert_eq!(roll_nos(&test).await, all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_during_an_import_is_kept_or_stops_the_import() {
    for (name, expected) in [
        ("Ravi Kumar", Ok(tally(2, 1))),
        ("Ravi Verma", Err("line 3, roll_no: is Ravi Verma's already")),
    ] {
        let test = TestApp::start().await;
        let (rows, stamp) = (rows(LIST), test.stamp());
        let (store, clock, mess) = (&test.app.store, &test.app.clock, &test.mess_id);
        let roster = Roster { store, clock, mess, status: Active, stamp };
        let fates = roster.look(&rows).await.expect("nobody is there");
        assert_eq!(fates, [Fate::New; 3]);
        let body = json!({ "name": name, "roll_no": "R2", "room_no": "1", "phone": "9812345678" });
        test.send(Call::post("/api/v1/students/register", &body)).await.expect(201);
        let written = roster.write(&rows, fates, || {}).await;
        match (written, expected) {
            (Ok(tally), Ok(expected)) => assert_eq!(tally, expected),
            (Err(ImportError::Stopped { line, written, source, .. }), Err(expected)) => {
                assert_eq!((line, written, source.to_string().as_str()), (3, 1, expected));
            }
            (written, _) => panic!("{name}: {written:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_student_can_log_in_after_a_password_reset() {
    const PASSWORD: &str = "curd rice with pickle";
    const ASHA: &str = "asha@example.com";
    let test = TestApp::start().await;
    import_at(&test.app, &test, LIST, Active).await.expect("imported");
    for password in [PASSWORD, NO_PASSWORD] {
        let login = json!({ "email": ASHA, "password": password });
        let answer = test.send(Call::post("/login", &login)).await;
        assert_eq!(answer.problem(401), "invalid_credentials");
    }
    test.settle().await;
    test.send(Call::post("/password-reset", &json!({ "email": ASHA }))).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let confirm = json!({ "email": ASHA, "otp": code, "new_password": PASSWORD });
    test.send(Call::post("/password-reset/confirm", &confirm)).await.expect(204);
    let login = json!({ "email": ASHA, "password": PASSWORD });
    let asha = Student::of(&test.send(Call::post("/login", &login)).await);
    let account = account(&test, &asha.account_id).await;
    assert_eq!((account.status, account.name.as_str()), (Active, "Asha Rao"));
    test.send(Call::get("/student/tokens").bearer(&asha.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_import_changes_nothing_however_names_are_spelt() {
    let test = TestApp::start().await;
    let list = "name,roll_no,room_no,phone\n\
                Jose\u{301} Rao,R1,B-204,98123 45671\n\
                Ravi  Kumar,R2,B-205,+919812345672\n";
    let other = "name,roll_no,room_no,phone\n\
                 José\u{a0}Rao\u{200b},Ｒ１,B-204,9812345671\n\
                 Ravi Kumar,r2,B-205,09812345672\n";
    assert_eq!(import(&test, list).await.expect("imported"), tally(2, 0));
    test.dynamo.new_changes().await;
    for list in [list, other] {
        assert_eq!(import(&test, list).await.expect("imported"), tally(0, 2));
    }
    // A name that was stored before names had one spelling.
    let members = test.app.store.members_all(&test.mess_id).await.expect("read");
    let jose = members.iter().find(|member| member.name.as_str() == "José Rao");
    let member = jose.expect("stored in one spelling");
    test.set_in_account_of(member.account_id, "name", "Jose\u{301}  Rao").await;
    test.dynamo.new_changes().await;
    let alone = "name,roll_no,room_no,phone\nJosé Rao,R1,B-204,9812345671\n";
    assert_eq!(import(&test, alone).await.expect("imported"), tally(0, 1));
    assert!(test.dynamo.new_changes().await.is_empty(), "nothing is written");
}
