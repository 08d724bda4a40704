//! Google Cloud Storage and Azure: create-only puts, and answers that must not be mistaken.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use forebay::catalog::Catalog;
use forebay::disk::{Disk, RealDisk};
use forebay::pack::OutputName;
use forebay::units::Span;
use forebay::upload::{
    AzureOptions, Clock, Delivery, Environment, GcsOptions, Options, RetryOptions, Uploader, bucket,
};
use support::checksums;
use support::s3::{BUCKET, FakeS3, Fault, On};
use support::spool::DataFolder;

/// Delivers three objects, and checks that each is there once.
async fn deliver(store: &FakeS3, options: Options) {
    let options = Options {
        retry: RetryOptions {
            first_wait: Span(Duration::from_millis(1)),
            longest_wait: Span(Duration::from_millis(20)),
        },
        ..options
    };
    let data = DataFolder::new();
    let (spool, _) = data.open();
    let batch = data.pack(&spool, 1);
    let expected = data.contents(std::slice::from_ref(&batch), "");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let bucket = bucket::open(&options, &Environment::default(), &disk, "a1b2c3d4").unwrap();
    let catalog = Arc::new(Catalog::open(&data.catalog_folder()));
    let delivery = Delivery { options, bucket, receipts: None, clock: Clock::default() };
    let uploader = Uploader::start(OutputName::main(), delivery, spool, catalog, vec![batch]);
    let drained = tokio::time::timeout(Duration::from_mins(1), uploader.drained()).await;
    assert!(drained.is_ok(), "{:#?}", uploader.status());
    uploader.stop(Duration::ZERO).await;
    let stored = store.objects();
    assert_eq!(stored.len(), expected.len());
    for (key, object) in stored {
        assert_eq!((&object.bytes, object.writes), (&expected[&key], 1), "{key}");
    }
    assert_eq!(store.unused_faults(), 0);
}

fn faults() -> [(On, Fault); 4] {
    [
        (On::Put, Fault::LoseAnswer),
        (On::Put, Fault::Answer(409, "OperationAborted")),
        (On::Put, Fault::Answer(503, "ServerBusy")),
        (On::Put, Fault::LieAfterEffect(500, "InternalError")),
    ]
}

#[tokio::test]
async fn google_cloud_storage_is_asked_to_create() {
    let store = FakeS3::start().await;
    store.script(faults());
    let options = Options {
        to: format!("gs://{BUCKET}"),
        gcs: GcsOptions {
            endpoint: Some(store.endpoint()),
            allow_http: true,
            anonymous: true,
            storage_class: Some("NEARLINE".into()),
            ..GcsOptions::default()
        },
        metadata: [("team".into(), "platform".into())].into(),
        ..Options::default()
    };
    deliver(&store, options).await;
    for object in store.objects().values() {
        assert_eq!(object.headers.get("x-goog-if-generation-match").unwrap(), "0");
        assert_eq!(object.headers.get("x-goog-storage-class").unwrap(), "NEARLINE");
        assert_eq!(object.headers.get("x-goog-meta-forebay-writer").unwrap(), "a1b2c3d4");
        assert_eq!(object.headers.get("x-goog-meta-team").unwrap(), "platform");
        assert!(checksums::are_said(&object.headers), "{:?}", object.headers);
    }
}

#[tokio::test]
async fn azure_says_409_when_the_object_is_there_and_when_it_is_not() {
    for (status, code) in [(409, "BlobAlreadyExists"), (403, "UnauthorizedBlobOverwrite")] {
        let store = FakeS3::start().await;
        store.answer_existing_with(status, code);
        store.script(faults());
        let options = Options {
            to: format!("az://{BUCKET}"),
            azure: AzureOptions {
                account: Some("account".into()),
                access_key: Some("c2VjcmV0".into()),
                endpoint: Some(store.endpoint()),
                allow_http: true,
                ..AzureOptions::default()
            },
            metadata: [("cost-center".into(), "42".into())].into(),
            tags: [("team".into(), "platform".into())].into(),
            ..Options::default()
        };
        deliver(&store, options).await;
        for object in store.objects().values() {
            assert_eq!(object.headers.get("if-none-match").unwrap(), "*");
            assert_eq!(object.headers.get("x-ms-blob-type").unwrap(), "BlockBlob");
            let whole = blake3::hash(&object.bytes).to_hex();
            assert_eq!(object.headers.get("x-ms-meta-forebay_blake3").unwrap(), whole.as_str());
            assert_eq!(object.headers.get("x-ms-meta-cost_center").unwrap(), "42");
            assert_eq!(object.headers.get("x-ms-tags").unwrap(), "team=platform");
        }
    }
}
