//! What objects are labelled with, whole and in parts.

use crate::support::s3::{On, Seen, Stored};

use crate::scene::Scene;

/// A scene whose objects have everything that the settings can give them.
async fn labelled() -> Scene {
    let mut scene = Scene::new().await;
    scene.options.metadata =
        [("team".into(), "the  platform".into()), ("cost-center".into(), "42".into())].into();
    scene.options.tags = [("Team".into(), "a b/c".into()), ("x=y".into(), String::new())].into();
    scene.options.s3.storage_class = Some("STANDARD_IA".into());
    scene.options.s3.server_side_encryption = Some(forebay::upload::Encryption::Kms);
    scene.options.s3.kms_key_id = Some("key-1".into());
    scene
}

fn check(key: &str, stored: &Stored, records: &str) {
    let header = |name: &str| {
        let value = stored.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert!(value.is_some(), "{key} has no {name}: {:?}", stored.headers);
        value.unwrap()
    };
    assert_eq!(header("content-type"), "application/x-protobuf");
    assert_eq!(header("x-amz-storage-class"), "STANDARD_IA");
    assert_eq!(header("x-amz-server-side-encryption"), "aws:kms");
    assert_eq!(header("x-amz-server-side-encryption-aws-kms-key-id"), "key-1");
    assert_eq!(header("x-amz-meta-forebay-writer"), "a1b2c3d4");
    assert_eq!(header("x-amz-meta-forebay-version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(header("x-amz-meta-forebay-records"), records);
    assert_eq!(header("x-amz-meta-forebay-items"), records);
    assert_eq!(header("x-amz-meta-forebay-blake3"), blake3::hash(&stored.bytes).to_hex().as_str());
    assert_eq!(header("x-amz-meta-team"), "the  platform");
    assert_eq!(header("x-amz-meta-cost-center"), "42");
    assert_eq!(header("x-amz-tagging"), "Team=a+b%2Fc&x%3Dy=");
    for name in ["x-amz-meta-forebay-first-received-at", "x-amz-meta-forebay-last-received-at"] {
        let time = header(name);
        assert!(time.starts_with("2026-08-22T10:11:12.000000") && time.ends_with('Z'), "{name}: {time}");
    }
}

/// The headers of a request that the signature covers.
fn signed_headers(seen: &Seen) -> String {
    let authorization = seen.headers["authorization"].to_str().unwrap();
    let signed = authorization.split("SignedHeaders=").nth(1).unwrap();
    signed.split(',').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_object_says_where_it_comes_from_and_what_is_in_it() {
    let mut scene = labelled().await;
    scene.spool(1..3);
    scene.live().finish().await;
    scene.check();
    for (key, stored) in scene.store.objects() {
        check(&key, &stored, "1");
    }
    let put = scene.store.seen().into_iter().find(|seen| seen.on == Some(On::Put)).unwrap();
    let signed = signed_headers(&put);
    for name in ["x-amz-meta-forebay-blake3", "x-amz-tagging"] {
        assert!(signed.split(';').any(|header| header == name), "{name} is not signed: {signed}");
    }
}

#[tokio::test]
async fn an_object_in_parts_has_the_same_labels_as_a_whole_one() {
    let mut scene = labelled().await;
    scene.spool_large(1, 6 << 20 | 1);
    scene.live().finish().await;
    scene.check();
    assert_eq!(scene.store.count(On::Begin), 1, "it went in parts");
    // The store keeps what the beginning of the upload says; parts and completion say nothing of it.
    for (key, stored) in scene.store.objects() {
        check(&key, &stored, "1");
    }
    for seen in scene.store.seen().iter().filter(|seen| seen.on != Some(On::Begin)) {
        let labelled = seen
            .headers
            .keys()
            .any(|name| name.as_str().starts_with("x-amz-meta-") || name == "x-amz-tagging");
        assert!(!labelled, "{seen:?}");
    }
}

#[tokio::test]
async fn without_settings_there_are_no_tags_and_no_permission_for_them_is_needed() {
    let mut scene = Scene::new().await;
    scene.spool(1..2);
    scene.live().finish().await;
    scene.check();
    assert!(scene.store.seen().iter().all(|seen| !seen.headers.contains_key("x-amz-tagging")));
}
