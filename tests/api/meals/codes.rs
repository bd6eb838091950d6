//! A student's QR code: as text and as a picture that a camera can read, its reset, and the
//! rotation of its key.

use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;
use thali_domain::staff::gate::Gate;
use thali_domain::students::qr::{Kid, MessKey, ReadCode};
use thali_platform::store::Consistency;

use crate::support::people::Student;
use crate::support::{Answer, Call, QR_KEY, TestApp};

const PATH: &str = "/api/v1/students/me/qr";

fn rotate(owner: &Student, grace_hours: i64) -> Call {
    Call::post("/api/v1/qr/rotate", &json!({ "grace_hours": grace_hours })).bearer(&owner.token)
}

impl TestApp {
    async fn code(&self, student: &Student) -> Answer {
        self.send(Call::get(PATH).bearer(&student.token)).await.expect(200)
    }

    async fn picture(&self, student: &Student, format: &str) -> Answer {
        let path = format!("{PATH}?format={format}");
        self.send(Call::get(&path).bearer(&student.token)).await.expect(200)
    }

    async fn gate(&self) -> Gate {
        let gate = self.app.store.gate_get(&self.mess_id, Consistency::Strong).await;
        gate.expect("read").expect("the mess is there")
    }

    /// Whether the counter would accept a code now.
    async fn believes(&self, text: &str) -> bool {
        let read = ReadCode::parse(text).expect("a code");
        let key = MessKey::derive(QR_KEY.as_bytes(), &self.mess_id, read.code.kid);
        let nonce = self.member(read.code.account_id).await.qr_nonce;
        self.gate().await.qr_keys.accepts(read.code.kid, self.now())
            && key.verifies(&self.mess_id, &read)
            && nonce == read.code.nonce
    }
}

/// The text that `zbarimg` reads in a picture.
fn scan_with_zbar(picture: &[u8], name: &str) -> String {
    let file = tempfile::Builder::new().suffix(name).tempfile().expect("a file");
    std::fs::write(file.path(), picture).expect("written");
    let output = Command::new("zbarimg")
        .args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"])
        .arg(file.path())
        .stderr(Stdio::inherit())
        .output()
        .expect("zbarimg is there: `make test` installs zbar-tools");
    assert!(output.status.success(), "zbar sees no code in the picture");
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Converts an SVG of dark rectangles (`M<left> <top>h<width>v<height>…`) into a bitmap (PGM).
fn svg_to_pgm(svg: &str) -> Vec<u8> {
    let part = |from: &str, to: char| svg.split_once(from)?.1.split_once(to).map(|(part, _)| part);
    let side: usize = part(r#"width=""#, '"').and_then(|side| side.parse().ok()).expect("a width");
    let mut pixels = vec![255_u8; side * side];
    for rectangle in part(r#" d="M"#, '"').expect("a path").split('M') {
        let numbers = rectangle.split(|c: char| !c.is_ascii_digit()).map(str::parse::<usize>);
        let numbers: Vec<usize> = numbers.take(4).collect::<Result<_, _>>().expect("numbers");
        let [left, top, width, height] = numbers[..] else { panic!("{rectangle}") };
        for y in top..top + height {
            pixels[y * side + left..y * side + left + width].fill(0);
        }
    }
    [format!("P5 {side} {side} 255\n").into_bytes(), pixels].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_png_holds_the_code_that_the_counter_accepts() {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await;
    let code = test.code(&student).await;
    assert_eq!(code.text("kid"), "k1");
    assert_eq!(code.text("issued_at"), test.now().to_string());

    let png = test.picture(&student, "png").await;
    assert_eq!(png.header("content-type"), "image/png");
    assert_eq!(png.header("cache-control"), "no-store");
    let seen = scan_with_zbar(&png.bytes, ".png");
    assert_eq!(seen, code.text("qr_data"));
    assert!(test.believes(&seen).await);
    let read = ReadCode::parse(&seen).expect("a code");
    assert_eq!(read.code.account_id.to_string(), student.account_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_svg_holds_the_same_code() {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await;
    let svg = test.picture(&student, "svg").await;
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    let drawn = std::str::from_utf8(&svg.bytes).expect("text");
    assert!(drawn.starts_with("<?xml") && drawn.contains("<svg") && !drawn.contains("<script"));
    let seen = scan_with_zbar(&svg_to_pgm(drawn), ".pgm");
    assert_eq!(seen, test.code(&student).await.text("qr_data"));

    let refused = test.send(Call::get(&format!("{PATH}?format=gif")).bearer(&student.token)).await;
    assert_eq!(refused.wrong_fields(), ["format"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_invalidates_the_old_code_at_once() {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await;
    let other = test.student("ravi@example.com").await;
    let lost = test.code(&student).await.text("qr_data").to_owned();
    let others = test.code(&other).await.text("qr_data").to_owned();
    test.advance(SignedDuration::from_secs(5));

    let reset = Call::post(&format!("{PATH}/reset"), &json!({})).bearer(&student.token);
    let new = test.send(reset).await.expect(200);
    assert_eq!(new.text("issued_at"), test.now().to_string());
    assert_eq!(test.code(&student).await.body, new.body);
    assert!(!test.believes(&lost).await && test.believes(new.text("qr_data")).await);
    assert!(test.believes(&others).await, "other students' codes stay valid");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_from_before_a_rotation_are_valid_until_the_grace_period_ends() {
    let test = TestApp::start().await;
    let (student, owner) =
        (test.student("asha@example.com").await, test.owner("owner@example.com").await);
    let before = test.code(&student).await.text("qr_data").to_owned();

    let rotated = test.send(rotate(&owner, 2)).await.expect(200);
    let until = test.now() + SignedDuration::from_hours(2);
    assert_eq!(rotated.body, json!({ "kid": "k2", "previous_valid_until": until.to_string() }));
    let after = test.code(&student).await;
    assert_eq!((after.text("kid"), after.text("issued_at")), ("k2", &*test.now().to_string()));
    assert!(test.believes(&before).await && test.believes(after.text("qr_data")).await);

    test.advance(SignedDuration::from_hours(2) - SignedDuration::from_millis(1));
    assert!(test.believes(&before).await);
    test.advance(SignedDuration::from_millis(1));
    assert!(!test.believes(&before).await && test.believes(after.text("qr_data")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_second_rotation_not_a_retry_ends_the_first_grace_period() {
    let test = TestApp::start().await;
    let (student, owner) =
        (test.student("asha@example.com").await, test.owner("owner@example.com").await);
    let before = test.code(&student).await.text("qr_data").to_owned();
    let keyed = |key: &str, hours| rotate(&owner, hours).header("idempotency-key", key);

    let first = test.send(keyed("monday", 24)).await.expect(200);
    let retried = test.send(keyed("monday", 24)).await.expect(200);
    assert_eq!(retried.body, first.body);
    assert_eq!(retried.header("idempotent-replay"), "true");
    assert!(test.believes(&before).await);
    let reused = test.send(keyed("monday", 0)).await;
    assert_eq!(reused.problem(409), "idempotency_key_reused");

    test.send(keyed("tuesday", 24)).await.expect(200);
    assert!(!test.believes(&before).await);
    assert_eq!(test.gate().await.qr_keys.current, Kid::FIRST.next().next());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rotations_apply_in_sequence_and_a_repeated_key_applies_once() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let same = rotate(&owner, 1).header("idempotency-key", "the-same");
    let calls = vec![same.clone(), rotate(&owner, 1), same, rotate(&owner, 1)];
    let answers = test.send_together(calls).await;
    let kids: Vec<&str> = answers.iter().map(|answer| answer.text("kid")).collect();
    assert_eq!(kids[0], kids[2], "{kids:?}");
    let distinct: std::collections::BTreeSet<&str> = kids.into_iter().collect();
    assert_eq!(distinct.into_iter().collect::<Vec<_>>(), ["k2", "k3", "k4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_period_is_zero_to_thirty_days() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for wrong in [json!(-1), json!(721), json!("1"), json!(1.5), Value::Null] {
        let call = Call::post("/api/v1/qr/rotate", &json!({ "grace_hours": wrong }));
        let answer = test.send(call.bearer(&owner.token)).await;
        assert_eq!(answer.wrong_fields(), ["grace_hours"], "{wrong}");
    }
    for accepted in [0, 720] {
        test.send(rotate(&owner, accepted)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_settings_neither_changes_nor_reveals_the_keys() {
    let test = TestApp::start().await;
    let (student, owner) =
        (test.student("asha@example.com").await, test.owner("owner@example.com").await);
    test.send(rotate(&owner, 1)).await.expect(200);
    let code = test.code(&student).await.text("qr_data").to_owned();
    let patch = Call::patch("/api/v1/mess", &json!({ "token_price_paise": 6000 }));
    test.send(patch.bearer(&owner.token)).await.expect(200);
    assert!(test.believes(&code).await);
    let read = test.send(Call::get("/api/v1/mess").bearer(&owner.token)).await.expect(200);
    assert!(read.body.get("qr_keys").is_none() && read.body.get("closures").is_none());
    let id: AccountId = student.account_id.parse().expect("an id");
    assert!(test.code_of(id).await != code, "the test signs with the first key");
}
