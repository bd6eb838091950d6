//! The metadata of pictures: gone before anybody else can see a picture, whatever happens on the
//! way, and also gone from pictures that were uploaded before.

use std::sync::Arc;

use thali_ctl::picture_sweep::{Tally, keys, sweep};
use thali_domain::pictures::{PictureFormat, PictureKey};
use thali_functions::workers::picture_check::check_all;
use thali_platform::blobs::{Blobs, Object};
use thali_platform::pictures::{Cleaning, clean};
use tokio::task::JoinSet;

use super::picture::{check, event, key, objects, put, shown};
use crate::support::TestApp;
use crate::support::pictures::{TELEPHONE_JPEG, WITH_PLACE_PNG, has_metadata};

async fn object(blobs: &Blobs, key: &str) -> Object {
    blobs.read(key, u64::MAX).await.expect("read").expect("there is one")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_shown_only_without_its_metadata() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (content_type, bytes) in [("image/jpeg", TELEPHONE_JPEG), ("image/png", WITH_PLACE_PNG)] {
        let key = key(&test, &asha, content_type).await;
        put(&test, &key, content_type, bytes);
        assert!(has_metadata(&object(test.app.blobs(), &key).await.bytes));
        assert_ne!(shown(&test, &asha).await.as_ref(), Some(&key));
        check(&test, &[&key]).await;
        assert_eq!(shown(&test, &asha).await.as_ref(), Some(&key));
        let clean = object(test.app.blobs(), &key).await;
        assert!(!has_metadata(&clean.bytes) && clean.length > 300, "{}", clean.length);
        assert_eq!(clean.content_type, content_type);
        // The clean picture is an event of its own, which writes nothing.
        test.dynamo.new_changes().await;
        for _ in 0..2 {
            check(&test, &[&key]).await;
            assert_eq!(object(test.app.blobs(), &key).await, clean);
        }
        assert!(test.dynamo.new_changes().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_died_after_cleaning_is_completed_by_the_next() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let key = key(&test, &asha, "image/jpeg").await;
    put(&test, &key, "image/jpeg", TELEPHONE_JPEG);
    let died = clean(test.app.blobs(), &key, PictureFormat::Jpeg).await.expect("cleaned");
    assert_eq!(died, Cleaning::Clean { was_clean: false });
    assert_eq!(shown(&test, &asha).await, None);
    check(&test, &[&key]).await;
    assert_eq!(shown(&test, &asha).await, Some(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_checks_of_one_picture_leave_it_clean() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let key = key(&test, &asha, "image/jpeg").await;
    put(&test, &key, "image/jpeg", TELEPHONE_JPEG);
    let mut checks = JoinSet::new();
    for _ in 0..8 {
        let (test, key) = (Arc::clone(&test), key.clone());
        checks.spawn(async move { check(&test, &[&key]).await });
    }
    checks.join_all().await;
    assert_eq!(shown(&test, &asha).await.as_ref(), Some(&key));
    assert!(!has_metadata(&object(test.app.blobs(), &key).await.bytes));
    assert_eq!(objects(&test).await, [key]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_cannot_be_recorded_is_clean_and_checked_again() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let key = key(&test, &asha, "image/jpeg").await;
    let cut_off = test.without_database();
    let blob = thali_platform::blobs::Blob {
        content_type: "image/jpeg".to_owned(),
        bytes: TELEPHONE_JPEG.to_vec(),
    };
    cut_off.blobs().uploaded(&key, blob);
    check_all(&cut_off, event(&[&key]), "test").await.expect_err("the event is retried");
    let object = object(cut_off.blobs(), &key).await;
    assert!(!has_metadata(&object.bytes));
    put(&test, &key, "image/jpeg", &object.bytes);
    check(&test, &[&key]).await;
    assert_eq!(shown(&test, &asha).await, Some(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_needs_the_version_that_was_read() {
    let test = TestApp::start().await;
    let blobs = test.app.blobs();
    put(&test, "pictures/x.png", "image/png", b"first");
    let first = object(blobs, "pictures/x.png").await;
    put(&test, "pictures/x.png", "image/png", b"second");
    let replaced = blobs.replace("pictures/x.png", &first, b"clean".to_vec()).await;
    assert!(!replaced.expect("S3 answers"));
    assert_eq!(object(blobs, "pictures/x.png").await.bytes, b"second");
    blobs.remove("pictures/x.png").await.expect("removed");
    let replaced = blobs.replace("pictures/x.png", &first, b"clean".to_vec()).await;
    assert!(!replaced.expect("S3 answers"), "what is gone stays gone");
    assert!(objects(&test).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_uploaded_before_are_cleaned_once_and_stay_in_place() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let blobs = test.app.blobs();
    let picture = key(&test, &asha, "image/jpeg").await;
    let screenshot = key(&test, &asha, "image/png").await.replace("pictures/", "screenshots/");
    let words = key(&test, &asha, "image/png").await;
    put(&test, &picture, "image/jpeg", TELEPHONE_JPEG);
    put(&test, &screenshot, "image/png", WITH_PLACE_PNG);
    put(&test, &words, "image/png", b"no picture");
    put(&test, "pictures/odd", "image/png", WITH_PLACE_PNG);
    // As an older version has recorded it.
    let parsed = PictureKey::parse(&picture).expect("a key");
    test.app.store.picture_put(&parsed, &test.stamp()).await.expect("stored");

    let all = keys(blobs, None).await.expect("listed");
    assert_eq!(all.len(), 4);
    let swept = async |keys: &[String], dry_run| {
        let mut counted = 0;
        let tally = sweep(blobs, keys, dry_run, || counted += 1).await.expect("swept");
        assert_eq!(counted, keys.len());
        tally
    };
    let first = Tally { cleaned: 2, clean: 0, no_pictures: 1 };
    assert_eq!(swept(&all, true).await, first);
    assert!(has_metadata(&object(blobs, &picture).await.bytes), "a dry run writes nothing");
    assert_eq!(swept(&all, false).await, first);
    assert_eq!(swept(&all, false).await, Tally { cleaned: 0, clean: 2, no_pictures: 1 });
    for key in [&picture, &screenshot] {
        assert!(!has_metadata(&object(blobs, key).await.bytes), "{key}");
    }
    assert_eq!(shown(&test, &asha).await, Some(picture));
    assert_eq!(keys(blobs, None).await.expect("listed"), all, "nothing is removed");
    let rest = keys(blobs, Some(&screenshot)).await.expect("listed");
    assert_eq!(rest, [screenshot], "a sweep goes on where it stopped");
}
