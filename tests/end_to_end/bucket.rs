//! What lies in a bucket, read by other code than forebay's: flate2, zstd, prost and opentelemetry-proto.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use forebay::otlp::Signal;

use crate::decoded::Decoded;
use crate::support::s3::FakeS3;

/// Objects by their keys.
pub(crate) type Objects = BTreeMap<String, Vec<u8>>;

/// Everything in a folder; nothing, if there is no such folder.
pub(crate) fn in_folder(root: &Path) -> Objects {
    let mut objects = Objects::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                objects.insert(key, std::fs::read(path).unwrap());
            }
        }
    }
    objects
}

/// Everything in a store. A key that was written twice is read twice by some readers.
pub(crate) fn in_store(store: &FakeS3) -> Objects {
    let objects = store.objects().into_iter().map(|(key, stored)| {
        assert_eq!(stored.writes, 1, "{key}");
        (key, stored.bytes.to_vec())
    });
    objects.collect()
}

/// What all objects say.
pub(crate) fn decoded(objects: &Objects) -> Vec<Decoded> {
    objects.iter().flat_map(|(key, bytes)| decoded_object(key, bytes)).collect()
}

/// The signal in the file name of a key.
pub(crate) fn signal(key: &str) -> Signal {
    let file = key.rsplit('/').next().unwrap();
    let name = file.split('_').next().unwrap();
    Signal::ALL.into_iter().find(|signal| signal.name() == name).unwrap()
}

fn decoded_object(key: &str, stored: &[u8]) -> Vec<Decoded> {
    assert!(!stored.is_empty(), "{key}");
    let signal = signal(key);
    let (name, bytes) = unpacked(key, stored);
    let json =
        |json: &[u8]| Decoded::from_json(signal, json).unwrap_or_else(|error| panic!("{key}: {error}"));
    match name.rsplit('.').next() {
        Some("jsonl") => {
            let text = std::str::from_utf8(&bytes).unwrap();
            assert!(text.ends_with('\n'), "the last line of {key} is whole");
            text.lines().map(|line| json(line.as_bytes())).collect()
        }
        Some("json") => {
            assert!(!bytes.contains(&b'\n'), "{key} is one document without line breaks");
            vec![json(&bytes)]
        }
        Some("binpb") => vec![Decoded::from_protobuf(signal, &bytes).unwrap()],
        _ => panic!("{key} has an ending that no reader knows"),
    }
}

/// Decompresses what the suffix says is compressed: one gzip member or one zstd frame, as some readers stop there.
pub(crate) fn unpacked<'a>(key: &'a str, stored: &[u8]) -> (&'a str, Vec<u8>) {
    let mut bytes = Vec::new();
    let (name, rest) = if let Some(name) = key.strip_suffix(".gz") {
        let mut decoder = flate2::bufread::GzDecoder::new(stored);
        decoder.read_to_end(&mut bytes).unwrap();
        (name, decoder.into_inner())
    } else if let Some(name) = key.strip_suffix(".zst") {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(stored).unwrap().single_frame();
        decoder.read_to_end(&mut bytes).unwrap();
        (name, decoder.finish())
    } else {
        bytes.extend_from_slice(stored);
        (key, &[][..])
    };
    assert!(rest.is_empty(), "{key} is one member or frame");
    (name, bytes)
}
