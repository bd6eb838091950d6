//! The metadata of pictures on the deployed stack: with its bucket, its events and the rights of the
//! functions involved. Which metadata there is is tested in `thali-domain`.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CreateBucketConfiguration;
use futures_util::future::join_all;
use serde_json::Value;
use ulid::Ulid;

use super::operator::{printed, thali};
use super::{Stack, eventually, ulid_now};
use crate::support::pictures::{TELEPHONE_JPEG, WITH_PLACE_PNG, has_metadata};

impl Stack {
    async fn bytes_at(&self, url: &Value) -> Vec<u8> {
        let url = url.as_str().expect("an address");
        let answer = self.http.get(url).send().await.expect("the bucket answers");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("bytes").to_vec()
    }
}

#[tokio::test]
async fn a_profile_picture_is_served_without_its_place() {
    let stack = Stack::running();
    let student = stack.student("traveller").await;
    let address = stack.picture_address(&student, WITH_PLACE_PNG.len()).await;
    assert!(stack.upload(&address, WITH_PLACE_PNG).await.is_success());
    let url = eventually("the picture is the student's", async || {
        stack.profile(&student).await.get("picture_url").cloned()
    })
    .await;
    let served = stack.bytes_at(&url).await;
    assert!(served.starts_with(b"\x89PNG") && !has_metadata(&served));
}

#[tokio::test]
async fn an_owner_sees_a_screenshot_without_its_place() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let date = stack.serve_lunch(&owner).await;
    // Whoever comes first cleans it: the request that names it, or the event of the upload. The
    // event of the last of many uploads comes late.
    for name in ["first", "second", "third"] {
        let student = stack.student_of(&owner, name).await;
        let mut addresses = Vec::new();
        for _ in 0..12 {
            addresses.push(stack.screenshot_address(&student).await);
        }
        let uploads = addresses.iter().map(|address| stack.upload(address, WITH_PLACE_PNG));
        assert!(join_all(uploads).await.iter().all(reqwest::StatusCode::is_success));
        let last = addresses.last().expect("twelve").text("screenshot_key");
        stack.claim_cycle(&student, &date, last).await;
        let listed = stack.list("/api/v1/payments", &owner).await;
        let served = stack.bytes_at(&listed[0]["screenshot_url"]).await;
        assert!(served.starts_with(b"\x89PNG") && !has_metadata(&served));
    }
}

#[tokio::test]
async fn the_operator_cleans_pictures_that_were_uploaded_before() {
    let stack = Stack::running();
    // In a bucket without events, like pictures from before.
    let bucket = format!("before-{}", ulid_now());
    let s3 = stack.s3().await;
    let region = stack.variable("AWS_REGION");
    let there = CreateBucketConfiguration::builder().location_constraint(region.into()).build();
    let created = s3.create_bucket().bucket(&bucket).create_bucket_configuration(there);
    created.send().await.expect("a bucket");
    let path = format!("acc_{}/pic_{}", Ulid(1), Ulid(2));
    let (picture, screenshot) = (format!("pictures/{path}.jpg"), format!("screenshots/{path}.png"));
    for (key, content_type, bytes) in
        [(&picture, "image/jpeg", TELEPHONE_JPEG), (&screenshot, "image/png", WITH_PLACE_PNG)]
    {
        let put = s3.put_object().bucket(&bucket).key(key).content_type(content_type);
        put.body(ByteStream::from_static(bytes)).send().await.expect("put");
    }
    let clean = |arguments: &[&str]| {
        let command = ["pictures", "clean", "--bucket", &bucket];
        printed(&thali(&stack, &[&command, arguments].concat()))
    };
    let would = "dry run, nothing was written: cleaned 2, clean already 0, no pictures 0";
    assert_eq!(clean(&["--dry-run"]), would);
    assert_eq!(clean(&[]), "cleaned 2, clean already 0, no pictures 0");
    assert_eq!(clean(&[]), "cleaned 0, clean already 2, no pictures 0");
    assert_eq!(clean(&["--from", &screenshot]), "cleaned 0, clean already 1, no pictures 0");
    for (key, content_type) in [(&picture, "image/jpeg"), (&screenshot, "image/png")] {
        let object = s3.get_object().bucket(&bucket).key(key).send().await.expect("it is there");
        assert_eq!(object.content_type(), Some(content_type));
        let bytes = object.body.collect().await.expect("bytes").to_vec();
        assert!(!has_metadata(&bytes) && bytes.len() > 300);
    }
    // Without a name, it is the stack's bucket.
    let said = printed(&thali(&stack, &["pictures", "clean", "--dry-run"]));
    assert!(said.contains("clean already "), "{said}");
}
