//! Password resets, profiles and pictures on the deployed stack, with its mails, bucket, events
//! and grants.

use reqwest::StatusCode;
use serde_json::{Value, json};
use thali_platform::auth::device;

use super::{Stack, Student, eventually};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call};

/// The smallest PNG: one pixel.
pub(super) const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

impl Stack {
    pub(super) async fn profile(&self, student: &Student) -> Value {
        let call = Call::get("/student/profile").bearer(&student.token);
        self.send(call).await.expect(200).body["account"].clone()
    }

    async fn change_profile(&self, student: &Student, body: &Value) -> Answer {
        self.send(Call::patch("/student/profile", body).bearer(&student.token)).await
    }

    /// Requests an address to which a PNG of this length can be uploaded.
    pub(super) async fn picture_address(&self, student: &Student, length: usize) -> Answer {
        let body = json!({ "content_type": "image/png", "content_length": length });
        let call = Call::post("/student/profile/picture", &body).bearer(&student.token);
        self.send(call).await.expect(201)
    }

    /// Uploads bytes to the address in a response of [`Stack::picture_address`].
    pub(super) async fn upload(&self, answer: &Answer, bytes: &[u8]) -> StatusCode {
        let upload = &answer.body["upload"];
        assert_eq!(upload["method"], "PUT");
        let mut request = self.http.put(upload["url"].as_str().expect("an address"));
        for (name, value) in upload["headers"].as_object().expect("headers") {
            // The client writes the body's length itself.
            if name != "content-length" {
                request = request.header(name, value.as_str().expect("text"));
            }
        }
        let uploaded = request.body(bytes.to_vec()).send().await;
        uploaded.expect("the bucket answers").status()
    }

    pub(super) async fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.aws().await).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The bucket's name, which ends with the id of the AWS account.
    async fn bucket(&self) -> String {
        let buckets = self.s3().await.list_buckets().send().await;
        let buckets = buckets.expect("buckets can be listed");
        let prefix = self.name("blobs-");
        let mut names = buckets.buckets().iter().filter_map(|bucket| bucket.name());
        names.find(|name| name.starts_with(&prefix)).expect("the stack has a bucket").to_owned()
    }

    /// The keys of a student's pictures in the bucket.
    async fn pictures_of(&self, student: &Student) -> Vec<String> {
        let prefix = format!("pictures/{}/", student.account_id);
        let request = self.s3().await.list_objects_v2().bucket(self.bucket().await).prefix(prefix);
        let listed = request.send().await.expect("the bucket can be listed");
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }
}

#[tokio::test]
async fn a_password_reset_by_mail_ends_every_session() {
    let stack = Stack::running();
    let student = stack.student("forgetful").await;
    // A browser that has logged in before; only then the function reads the account.
    let login = json!({ "email": student.email, "password": PASSWORD });
    let login = stack.send(Call::post("/login", &login)).await.expect(200);
    let device = login.cookie_named(device::COOKIE);
    let body = json!({ "email": student.email });
    stack.send(Call::post("/password-reset", &body).cookie(&device)).await.expect(202);
    // The first mailed code was for the sign-up.
    let code = stack.code_mailed(&student.email, 2).await;
    let new_password = "curd rice with pickle";
    let body = json!({ "email": student.email, "otp": code, "new_password": new_password });
    let confirm = || stack.send(Call::post("/password-reset/confirm", &body).cookie(&device));
    assert_ne!(confirm().await.expect(204).cookie_named(device::COOKIE), device);
    confirm().await.expect(204);

    stack.session_has_ended(&student.token).await;
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&student.cookie);
    assert_eq!(stack.send(refresh).await.problem(401), "refresh_expired");
    for (password, status) in [(PASSWORD, 401), (new_password, 200)] {
        let login = json!({ "email": student.email, "password": password });
        stack.send(Call::post("/login", &login)).await.expect(status);
    }
    eventually("the owner of the account is notified", async || {
        let mails = stack.mails_to(&student.email).await;
        mails.iter().any(|mail| mail.contains("was changed")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_changed_and_its_pin_redeems_tokens() {
    let stack = Stack::running();
    let student = stack.student("profiled").await;
    stack.buy_tokens(&student, 2).await;
    let (first, second) = (super::ulid_now(), super::ulid_now());
    let body = json!({
        "full_name": "Asha Kumari",
        "bio": "I cook.\nI eat.",
        "roll_no": first,
        "security_code": "2468",
        "current_password": PASSWORD,
    });
    stack.change_profile(&student, &body).await.expect(200);
    let account = stack.profile(&student).await;
    assert_eq!(
        (&account["name"], &account["security_code_set"]),
        (&json!("Asha Kumari"), &json!(true))
    );
    for (code, status) in [(PASSWORD, 403), ("2468", 201)] {
        let body = json!({ "count": 1, "security_code": code });
        let call = Call::post("/student/token-submission", &body).bearer(&student.token);
        stack.send(call).await.expect(status);
    }

    let body = json!({ "security_code": "1357", "current_password": "not the password" });
    let refused = stack.change_profile(&student, &body).await;
    assert_eq!(refused.problem(403), "current_password_wrong");
    let other = stack.student("other").await;
    let refused = stack.change_profile(&other, &json!({ "roll_no": first })).await;
    assert_eq!(refused.problem(409), "roll_no_taken");
    stack.change_profile(&student, &json!({ "roll_no": second })).await.expect(200);
    stack.change_profile(&other, &json!({ "roll_no": first })).await.expect(200);
}

#[tokio::test]
async fn a_picture_is_uploaded_shown_replaced_and_not_public() {
    let stack = Stack::running();
    let student = stack.student("pictured").await;
    let late = stack.picture_address(&student, PNG.len()).await;
    let mut shown = String::new();
    for _ in 0..2 {
        let answer = stack.picture_address(&student, PNG.len()).await;
        assert_eq!(stack.upload(&answer, PNG).await, StatusCode::OK);
        let key = answer.text("picture_key");
        shown = eventually("the picture is the student's", async || {
            let account = stack.profile(&student).await;
            let url = account["picture_url"].as_str()?;
            url.contains(key).then(|| url.to_owned())
        })
        .await;
        eventually("older pictures are removed", async || {
            (stack.pictures_of(&student).await == [key]).then_some(())
        })
        .await;
        // An address is valid for one upload.
        let again = stack.upload(&answer, PNG).await;
        assert_eq!(again, StatusCode::PRECONDITION_FAILED);
    }
    // An upload to an older address does not replace a newer picture.
    assert_eq!(stack.upload(&late, PNG).await, StatusCode::OK);
    eventually("the late picture is removed", async || {
        (stack.pictures_of(&student).await.len() == 1).then_some(())
    })
    .await;
    let changed = stack.change_profile(&student, &json!({ "bio": "I eat." })).await.expect(200);
    let url = changed.body["account"]["picture_url"].as_str().expect("the picture stays");
    let answer = stack.http.get(url).send().await.expect("the bucket answers");
    assert_eq!(answer.status(), StatusCode::OK);

    let answer = stack.http.get(&shown).send().await.expect("the bucket answers");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.expect("bytes"), PNG);
    let unsigned = shown.split('?').next().expect("an address");
    let refused = stack.http.get(unsigned).send().await.expect("the bucket answers");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_upload_that_is_not_the_announced_image_is_rejected() {
    let stack = Stack::running();
    let student = stack.student("forger").await;
    let text = b"<script>alert('I am a PNG')</script>";
    let answer = stack.picture_address(&student, text.len()).await;
    // The signed address refuses another length or another type.
    assert_eq!(stack.upload(&answer, PNG).await, StatusCode::FORBIDDEN);
    let url = answer.body["upload"]["url"].as_str().expect("an address");
    let html = stack.http.put(url).header("content-type", "text/html").header("if-none-match", "*");
    let html = html.body(text.to_vec()).send().await.expect("the bucket answers");
    assert_eq!(html.status(), StatusCode::FORBIDDEN);

    assert_eq!(stack.upload(&answer, text).await, StatusCode::OK);
    eventually("the text is removed", async || {
        stack.pictures_of(&student).await.is_empty().then_some(())
    })
    .await;
    assert!(stack.profile(&student).await.get("picture_url").is_none());
}

#[tokio::test]
async fn a_monitor_can_ask_with_head_where_anybody_may_get() {
    let stack = Stack::running();
    for path in ["/health", "/openapi.json", "/.well-known/jwks.json"] {
        let head = stack.send(Call::new("HEAD", path)).await.expect(200);
        assert!(head.bytes.is_empty() && !head.header("x-request-id").is_empty(), "{path}");
        let refused = stack.send(Call::post(path, &json!({}))).await;
        assert_eq!(refused.problem(404), "not_found", "{path}");
    }
    assert_eq!(stack.send(Call::new("HEAD", "/nowhere")).await.status, 404);
}
