//! Where to send to.

use http::Uri;

use super::Error;

/// The far side as an address, of what a person wrote: scheme, host, port, and a path if there is one.
///
/// # Errors
/// If it is none.
pub(crate) fn address(to: &str) -> Result<Uri, Error> {
    let wrong = |why: &str| Error::Address { address: to.to_owned(), why: why.to_owned() };
    let full = if to.contains("://") { to.to_owned() } else { format!("http://{to}") };
    let uri: Uri = full.trim_end_matches('/').parse().map_err(|_| wrong("it is no address"))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        Some("http" | "https") => Err(wrong("it has no host")),
        _ => Err(wrong("OTLP goes over http and https only")),
    }
}

/// The same, of a command that does not encrypt.
///
/// # Errors
/// If it is none, or not one of plain HTTP.
pub(crate) fn plain_address(to: &str) -> Result<Uri, Error> {
    let uri = address(to)?;
    match uri.scheme_str() {
        Some("http") => Ok(uri),
        _ => Err(Error::Address {
            address: to.to_owned(),
            why: "this command speaks plain http only".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_do_without_its_scheme() {
        for (to, expected) in [
            ("127.0.0.1:4317", "http://127.0.0.1:4317/"),
            ("http://localhost:4318/", "http://localhost:4318/"),
            ("http://gateway:80/otlp/", "http://gateway:80/otlp"),
            ("https://otlp.example.com", "https://otlp.example.com/"),
        ] {
            assert_eq!(address(to).unwrap().to_string(), expected);
        }
        for wrong in ["s3://bucket", "", "http://", "a b"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert!(plain_address("https://localhost:4317").is_err() && plain_address("localhost:4317").is_ok());
    }
}
