//! The notice of a delivered object, in the form of an S3 event notification.
//!
//! The form is that of S3 and of the stores that are compatible with it, so that what reads their notices reads these:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>. What S3 does not have is
//! under `forebay`, which S3's rules for its minor versions have readers pass over.

use serde_json::{Map, Value, json};

use super::Confirmed;
use crate::pack::Object;
use crate::upload::destination::Destination;
use crate::upload::time::moment;

/// Where the objects of a data folder go.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) destination: Destination,
    /// The region of the bucket, if the settings say one.
    pub(super) region: String,
    /// The name of the output.
    pub(super) output: String,
    pub(super) writer: String,
}

impl Source {
    /// The whole key of an object, as it is in the bucket.
    pub(super) fn full_key(&self, key: &str) -> String {
        match &self.destination {
            Destination::S3 { prefix, .. }
            | Destination::Gcs { prefix, .. }
            | Destination::Azure { prefix, .. }
                if !prefix.is_empty() =>
            {
                format!("{prefix}/{key}")
            }
            _ => key.to_string(),
        }
    }

    /// The name of the bucket of an object, and its resource name.
    fn bucket(&self, object: &Object) -> (String, String) {
        let beside = object.bucket.as_deref().map(|name| self.destination.with_bucket(name));
        match beside.as_ref().unwrap_or(&self.destination) {
            Destination::S3 { bucket, .. } => (bucket.clone(), format!("arn:aws:s3:::{bucket}")),
            Destination::Gcs { bucket, .. } => (bucket.clone(), String::new()),
            Destination::Azure { container, .. } => (container.clone(), String::new()),
            Destination::Folder { path } => (path.display().to_string(), String::new()),
        }
    }

    /// The notice of one object.
    pub(super) fn event(&self, object: &Object, confirmed: &Confirmed) -> Vec<u8> {
        let (bucket, arn) = self.bucket(object);
        let mut about = Map::new();
        about.insert("key".into(), url_encoded(&self.full_key(&object.key)).into());
        about.insert("size".into(), object.bytes.into());
        if let Some(etag) = &confirmed.etag {
            about.insert("eTag".into(), etag.trim_matches('"').into());
        }
        about.insert("sequencer".into(), format!("{:016X}", confirmed.at).into());
        let event = json!({
            "eventVersion": "2.1",
            "eventSource": format!("forebay:{}", self.destination.kind()),
            "awsRegion": self.region,
            "eventTime": moment(confirmed.at).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "forebay",
                "bucket": { "name": bucket, "arn": arn },
                "object": Value::Object(about),
            },
            "forebay": {
                "output": self.output,
                "writer": self.writer,
                "signal": object.signal.name(),
                "records": object.records,
                "items": object.items,
                "blake3": object.blake3,
            },
        });
        json!({ "Records": [event] }).to_string().into_bytes()
    }
}

/// A key as S3 writes it into its notices: as in a form, but for the `/`.
fn url_encoded(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            byte => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |number: u8| char::from(DIGITS[usize::from(number & 15)]);
                encoded.extend(['%', digit(byte >> 4), digit(byte)]);
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::upload::testing::spooled;

    fn event(to: &str, bucket: Option<&str>, etag: Option<&str>) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let (object, _) = spooled(&RealDisk, folder.path(), "object", b"content");
        let object = Object { bucket: bucket.map(str::to_owned), ..object };
        let source = Source {
            destination: Destination::parse(to).unwrap(),
            region: "eu-central-1".into(),
            output: "main".into(),
            writer: "a1b2c3d4".into(),
        };
        let confirmed = Confirmed { etag: etag.map(str::to_string), at: 1_787_393_472_123_456_789 };
        serde_json::from_slice(&source.event(&object, &confirmed)).unwrap()
    }

    #[test]
    fn a_notice_is_an_s3_event() {
        let event = event("s3://lake/in", None, Some("\"0123\""));
        let expected = json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "forebay:s3",
            "awsRegion": "eu-central-1",
            "eventTime": "2026-08-22T10:11:12.123Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "forebay",
                "bucket": { "name": "lake", "arn": "arn:aws:s3:::lake" },
                "object": {
                    "key": "in/logs/date%3D2026-08-22/hour%3D10/object.jsonl.gz",
                    "size": 7,
                    "eTag": "0123",
                    "sequencer": "18CE18E493C54D15",
                },
            },
            "forebay": {
                "output": "main", "writer": "a1b2c3d4", "signal": "logs", "records": 1, "items": 10,
                "blake3": blake3::hash(b"content").to_hex().as_str(),
            },
        }]});
        assert_eq!(event, expected);
    }

    #[test]
    fn other_stores_are_named_and_an_unknown_etag_is_left_out() {
        for (to, source, bucket, key) in [
            ("gs://lake", "forebay:gcs", "lake", "logs/date"),
            ("az://lake/in", "forebay:azure", "lake", "in/logs/date"),
            ("file:///lake", "forebay:file", "/lake", "logs/date"),
        ] {
            let event = event(to, None, None);
            let record = &event["Records"][0];
            assert_eq!(
                (&record["eventSource"], &record["s3"]["bucket"]["name"]),
                (&json!(source), &json!(bucket))
            );
            assert!(record["s3"]["object"]["key"].as_str().unwrap().starts_with(key), "{event}");
            assert!(record["s3"]["object"].get("eTag").is_none(), "{event}");
        }
    }

    #[test]
    fn an_object_in_another_bucket_is_told_of_with_that_one() {
        for (to, bucket, arn) in
            [("s3://lake/in", "lake-acme", "arn:aws:s3:::lake-acme"), ("file:///lake", "/lake/lake-acme", "")]
        {
            let event = event(to, Some("lake-acme"), None);
            assert_eq!(event["Records"][0]["s3"]["bucket"], json!({ "name": bucket, "arn": arn }));
        }
    }

    #[test]
    fn keys_are_encoded_as_s3_does() {
        assert_eq!(url_encoded("a b/c=d+e/(f)!'*.json"), "a+b/c%3Dd%2Be/%28f%29%21%27*.json");
        assert_eq!(url_encoded("é"), "%C3%A9");
    }
}
