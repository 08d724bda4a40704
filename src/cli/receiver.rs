//! A receiver of OTLP as the command line names it.

use anyhow::{Context as _, anyhow};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::arguments::Reaching;
use crate::send::{Protocol, Receiver, address};

impl Reaching {
    /// The receiver at `to`.
    ///
    /// # Errors
    /// If that is no address, or a header is none.
    pub(super) fn receiver(&self, to: String) -> anyhow::Result<Receiver> {
        let protocol = match self.protocol {
            Some(protocol) => protocol,
            None => Protocol::usual_at(&address(&to)?),
        };
        let headers = headers(&self.header)?;
        Ok(Receiver {
            to,
            protocol,
            headers,
            timeout: self.timeout.duration(),
            ca_file: self.ca_file.clone(),
        })
    }
}

/// Headers, each written `name: value`, or as `@` and the path of a file with one a line, where nobody who lists processes
/// sees it.
fn headers(written: &[String]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for written in written {
        match written.strip_prefix('@') {
            None => add(&mut headers, written).map_err(|why| anyhow!("--header {why}"))?,
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
                let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
                for (number, line) in lines {
                    add(&mut headers, line).map_err(|why| anyhow!("{path}:{}: {why}", number + 1))?;
                }
            }
        }
    }
    Ok(headers)
}

/// Adds one. The error does not repeat what was written, which may be a secret.
fn add(headers: &mut HeaderMap, written: &str) -> Result<(), &'static str> {
    let wrong = "is no header of HTTP; write it like 'authorization: Bearer <token>'";
    let (name, value) = written.split_once(':').ok_or(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong)?;
    let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong)?;
    value.set_sensitive(true);
    headers.append(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn headers_come_from_flags_and_files_and_an_error_repeats_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        fs::write(&path, "x-tenant: a\n\nauthorization: Bearer hunter2\n").unwrap();
        let file = format!("@{}", path.display());
        let read = headers(&[file.clone(), "X-Other:b".to_owned()]).unwrap();
        assert_eq!(
            (&read["x-tenant"], &read["x-other"]),
            (&HeaderValue::from_static("a"), &HeaderValue::from_static("b"))
        );
        assert_eq!(read["authorization"], "Bearer hunter2");
        fs::write(&path, "x-tenant: a\nBearer hunter2\n").unwrap();
        let error = headers(&[file]).unwrap_err().to_string();
        assert!(
            error.ends_with("headers:2: is no header of HTTP; write it like 'authorization: Bearer <token>'"),
            "{error}"
        );
        let error = headers(&["hunter2".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("--header is no header") && !error.contains("hunter2"), "{error}");
        assert!(headers(&["@nowhere".to_owned()]).unwrap_err().to_string().contains("cannot read nowhere"));
    }
}
