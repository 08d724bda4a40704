//! Objects read back, by their names: what they hold, and their content without its compression.

use std::io::{self, BufRead, BufReader, Read};

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A request of OTLP JSON a line ([`super::Format::OtlpJsonl`]), or rows as JSON: the first line tells.
    Lines,
    /// One request of OTLP JSON ([`super::Format::OtlpJson`]).
    Document,
    /// One protobuf message ([`super::Format::OtlpProto`]).
    Message,
    /// Rows as Parquet ([`super::Format::Parquet`]).
    Parquet,
    /// Rows as CSV ([`super::Format::Csv`]).
    Csv,
}

/// How an object is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapping {
    None,
    Gzip,
    Zstd,
}

/// The content of objects of one name's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    holds: Holds,
    wrapping: Wrapping,
}

impl Reading {
    /// How an object of this name is read; none if it has none of the endings that objects have.
    pub fn of(name: &str) -> Option<Self> {
        let (name, wrapping) = match name.rsplit_once('.') {
            Some((before, "gz")) => (before, Wrapping::Gzip),
            Some((before, "zst")) => (before, Wrapping::Zstd),
            _ => (name, Wrapping::None),
        };
        let holds = match name.rsplit_once('.') {
            Some((_, "jsonl")) => Holds::Lines,
            Some((_, "json")) => Holds::Document,
            Some((_, "binpb")) => Holds::Message,
            Some((_, "parquet")) => Holds::Parquet,
            Some((_, "csv")) => Holds::Csv,
            _ => return None,
        };
        Some(Self { holds, wrapping })
    }

    /// What it holds.
    pub const fn holds(self) -> Holds {
        self.holds
    }

    /// The content of `object`. One that is cut off or damaged ends in an error.
    ///
    /// # Errors
    /// If there is no memory for the decoder.
    pub fn content<'a>(self, object: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
        Ok(match self.wrapping {
            Wrapping::None => Box::new(BufReader::new(object)),
            Wrapping::Gzip => {
                let decoder = flate2::bufread::MultiGzDecoder::new(BufReader::new(object));
                Box::new(BufReader::new(decoder))
            }
            Wrapping::Zstd => {
                let decoder = zstd::stream::read::Decoder::new(object)?;
                Box::new(BufReader::new(decoder))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;

    #[test]
    fn a_name_tells_what_is_in_it() {
        let of = |name: &str| Reading::of(name).map(|reading| (reading.holds, reading.wrapping));
        for (name, expected) in [
            ("logs/a.jsonl.gz", Some((Holds::Lines, Wrapping::Gzip))),
            ("a.jsonl", Some((Holds::Lines, Wrapping::None))),
            ("a.json.zst", Some((Holds::Document, Wrapping::Zstd))),
            ("a.binpb", Some((Holds::Message, Wrapping::None))),
            ("a.parquet", Some((Holds::Parquet, Wrapping::None))),
            ("a.csv.gz", Some((Holds::Csv, Wrapping::Gzip))),
            ("readme.md", None),
            ("gz", None),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }

    #[test]
    fn content_comes_back_and_an_object_that_is_cut_off_is_an_error() {
        let content = vec![7; 100_000];
        for (name, codec) in [("a.binpb.gz", Codec::Gzip(1)), ("a.binpb.zst", Codec::Zstd(1))] {
            let mut packed = codec.compressor(Vec::new()).unwrap();
            packed.write_all(&content).unwrap();
            let packed = packed.finish().unwrap();
            let read = |object: &[u8]| {
                let mut read = Vec::new();
                Reading::of(name).unwrap().content(object).unwrap().read_to_end(&mut read).map(|_| read)
            };
            assert!(read(&packed).unwrap() == content, "{name}");
            for cut in [1, 4, packed.len() / 2] {
                assert!(read(&packed[..packed.len() - cut]).is_err(), "{name} without its last {cut} bytes");
            }
        }
    }
}
