//! The owner's check of a file of students: what would become of each line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};

use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const CHECK: &str = "/api/v1/students/import/check";

/// Checks a file as a person.
async fn check(test: &TestApp, person: &Student, file: &[u8]) -> Answer {
    let body = json!({ "content_base64": STANDARD.encode(file) });
    test.send(Call::post(CHECK, &body).bearer(&person.token)).await
}

/// The outcome of each line, and the columns and messages of its errors, each of which names its
/// rule.
fn told(report: &Value) -> Vec<String> {
    let line = |line: &Value| {
        let errors = line["errors"].as_array().expect("a list").iter();
        let errors: Vec<String> = errors
            .map(|error| {
                assert!(error["rule"].is_string(), "{error}");
                format!(" {}: {}", error["column"].as_str().unwrap_or("-"), error["message"])
            })
            .collect();
        format!("{} {}{}", line["line"], line["outcome"].as_str().expect("a word"), errors.concat())
    };
    report["lines"].as_array().expect("a list").iter().map(line).collect()
}

/// Registers the students of a checked file who are new, as the page does, and approves them.
async fn register_new(test: &TestApp, owner: &Student, report: &Value) -> usize {
    let lines = report["lines"].as_array().expect("a list").iter();
    let mut made = 0;
    for line in lines.filter(|line| line["outcome"] == "new") {
        let call = Call::post("/api/v1/students/register", &line["student"]);
        let answer = test.send(call.bearer(&owner.token)).await.expect(201);
        let id = answer.body["student"]["account_id"].as_str().expect("an id");
        let approve = Call::post(&format!("/api/v1/students/{id}/approve"), &json!({}));
        test.send(approve.bearer(&owner.token)).await.expect(200);
        made += 1;
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checked_file_says_how_it_was_read_and_whom_it_would_make() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let file = "\u{feff}Name;Roll No;Room;Mobile;E-mail;Remarks\r\n\
                Asha Rao;b21-7;A 12;98123 45678;Asha@Example.com;\r\n;;;;;\r\n\
                आशा;R2;B-1;'9812345679;;\r\n";
    let before = test.dynamo.items("accounts").await.len();
    let report = check(&test, &owner, file.as_bytes()).await.expect(200).body;
    let expected = json!({
        "how_read": {
            "encoding": "UTF-8", "separator": ";", "rows": 2, "empty_rows": 1,
            "columns": [
                { "name": "name", "heading": "Name" },
                { "name": "roll_no", "heading": "Roll No" },
                { "name": "room_no", "heading": "Room" },
                { "name": "phone", "heading": "Mobile" },
                { "name": "email", "heading": "E-mail" },
            ],
            "ignored": ["Remarks"],
        },
        "errors": [],
        "new": 2, "unchanged": 0, "refused": 0,
        "lines": [
            {
                "line": 2, "outcome": "new", "errors": [],
                "student": {
                    "name": "Asha Rao", "roll_no": "B21-7", "room_no": "A 12",
                    "phone": "+919812345678", "email": "asha@example.com",
                },
            },
            {
                "line": 4, "outcome": "new", "errors": [],
                "student": {
                    "name": "आशा", "roll_no": "R2", "room_no": "B-1", "phone": "+919812345679",
                },
            },
        ],
    });
    assert_eq!(report, expected);
    assert_eq!(test.dynamo.items("accounts").await.len(), before, "nothing is written");
    // What the check answers can be registered as it is; then everybody is there.
    assert_eq!(register_new(&test, &owner, &report).await, 2);
    let again = check(&test, &owner, file.as_bytes()).await.expect(200).body;
    assert_eq!(told(&again), ["2 unchanged", "4 unchanged"]);
    assert_eq!((&again["new"], &again["unchanged"]), (&json!(0), &json!(2)));
    let active = test.list(&owner, "/api/v1/students", 100).await;
    assert!(active.iter().all(|student| student["status"] == "active"), "{active:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_is_checked_alone_against_the_file_and_the_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let there = "name,roll_no,room_no,phone,email\n\
                 Asha Rao,R1,B-204,9812345671,asha@example.com\n\
                 Ravi Kumar,R2,B-205,9812345672,\n";
    let report = check(&test, &owner, there.as_bytes()).await.expect(200).body;
    assert_eq!(register_new(&test, &owner, &report).await, 2);
    let file = "name,roll_no,room_no,phone,email\n\
                Asha Rao,r1,moved,9812345600,ASHA@example.com\n\
                Somebody Else,R2,B-205,9812345672,\n\
                Meera,R3,B-1,9812345673,asha@example.com\n\
                Indu,R4,B-1,12,indu\n\
                Tara,R5,B-1,9812345674,tara@example.com\n\
                Tara,R5,B-1,9812345674,TARA@example.com\n\
                Short,R6\n\
                Joseph,R7,B-1,9.8123E+09,\n\
                Owner,R8,B-1,9812345675,owner@example.com\n";
    let report = check(&test, &owner, file.as_bytes()).await.expect(200).body;
    let lines = told(&report);
    let beginnings = [
        "2 unchanged",
        "3 refused roll_no: \"is Ravi Kumar's already\"",
        "4 refused email: \"asha@example.com is on line 2 already\"",
        "5 refused phone: \"must be a telephone number",
        "6 new",
        "7 refused roll_no: \"R5 is on line 6 already\" email: \"tara@example.com is on line 6",
        "8 refused -: \"it has 2 fields",
        "9 refused phone: \"the spreadsheet has rounded it",
        "10 refused email: \"is somebody else's already\"",
    ];
    assert_eq!(lines.len(), beginnings.len());
    for (line, beginning) in lines.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "{line}");
    }
    let counted = (&report["new"], &report["unchanged"], &report["refused"]);
    assert_eq!(counted, (&json!(1), &json!(1), &json!(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_says_why() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (file, message, is_read) in [
        (b"name\ncaf\xe9\n".as_slice(), "this is not UTF-8: save the file as", false),
        (b"PK\x03\x04\x14\0", "this is a workbook and no CSV", false),
        (b"", "the file is empty; its first line names the columns", false),
        (b"name,roll_no,room_no\nAsha,R1,1\n", "the column phone is missing", true),
    ] {
        let report = check(&test, &owner, file).await.expect(200).body;
        let error = report["errors"][0]["message"].as_str().expect("an error");
        assert!(error.starts_with(message), "{report}");
        assert!(report["errors"][0]["rule"].is_string(), "{report}");
        assert_eq!(report.get("how_read").is_some(), is_read, "{report}");
        assert_eq!(report["lines"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checked_file_has_a_largest_size() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let rows = |count: usize| {
        let row = |number| format!("Student,R{number},1,98{number:08}\n");
        let rows: String = (0..count).map(row).collect();
        format!("name,roll_no,room_no,phone\n{rows}").into_bytes()
    };
    let report = check(&test, &owner, &rows(5_000)).await.expect(200).body;
    let (new, lines) = (&report["new"], report["lines"].as_array().map(Vec::len));
    assert_eq!((new, lines), (&json!(5_000), Some(5_000)));
    let too_many = check(&test, &owner, &rows(5_001)).await;
    assert_eq!(too_many.wrong_fields(), ["content_base64"]);
    let mebibyte = 1_024 * 1_024;
    let mut file = b"name,roll_no,room_no,phone\n".to_vec();
    file.resize(mebibyte, b'\n');
    check(&test, &owner, &file).await.expect(200);
    file.push(b'\n');
    assert_eq!(check(&test, &owner, &file).await.wrong_fields(), ["content_base64"]);
    file.resize(2 * mebibyte, b'\n');
    assert_eq!(check(&test, &owner, &file).await.problem(413), "body_too_large");
    let no_base64 = Call::post(CHECK, &json!({ "content_base64": "name,roll_no" }));
    let refused = test.send(no_base64.bearer(&owner.token)).await;
    assert_eq!(refused.wrong_fields(), ["content_base64"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_checks_a_file_and_sees_only_the_own_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (mess, active) = (&test.mess_id, AccountStatus::Active);
    let student = test.account(mess, Role::Student, active, "asha@example.com").await;
    let student = test.session(student).await;
    let file = b"name,roll_no,room_no,phone,email\nAsha,R1,1,9812345671,asha@example.com\n";
    assert_eq!(check(&test, &student, file).await.problem(403), "wrong_role");
    let report = check(&test, &owner, file).await.expect(200).body;
    assert_eq!(told(&report), ["2 refused email: \"is somebody else's already\""]);
    test.create_mess("mess_other", thali_domain::mess::Approval::Automatic).await;
    let elsewhere = thali_domain::ids::MessId::parse("mess_other").expect("an id");
    let stranger = test.owner_of(&elsewhere, "owner@example.com").await;
    let report = check(&test, &stranger, file).await.expect(200).body;
    assert_eq!(told(&report), ["2 new"]);
}
