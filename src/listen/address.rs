//! Where to listen.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where to listen, as it stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`.
    Tcp(String),
    /// `unix:/path`, or gRPC's `unix:///path`: a socket in the file system.
    Unix(PathBuf),
    /// `off`: nowhere.
    Off,
}

impl Address {
    /// Reads the value of the setting `key`. That a host exists is known only when it is bound.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn parse(key: &str, text: &str) -> Result<Self, String> {
        if ["", "off"].contains(&text) {
            return Ok(Self::Off);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.starts_with('/') && !path.ends_with('/') {
                return Ok(Self::Unix(PathBuf::from(path)));
            }
            return Err(format!(
                "{key} is `{text}`; write the whole path of a socket, like unix:/run/forebay.sock"
            ));
        }
        let is_well_formed =
            text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if is_well_formed {
            return Ok(Self::Tcp(text.to_owned()));
        }
        Err(format!(
            "{key} is `{text}`; write a host and a port, like 127.0.0.1:4317 or 0.0.0.0:4317, or unix:/path, or off"
        ))
    }

    /// Whether two listeners cannot both have this address. The system chooses another port for each that asks for 0.
    pub fn is_exclusive(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ends_with(":0"),
            Self::Unix(_) => true,
            Self::Off => false,
        }
    }
}

/// Who may connect to a socket in the file system: its permissions, written in octal as `chmod` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(pub u32);

impl Default for SocketMode {
    /// The owner and the group.
    fn default() -> Self {
        Self(0o660)
    }
}

impl FromStr for SocketMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_octal =
            (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        u32::from_str_radix(text, 8)
            .ok()
            .filter(|mode| is_octal && *mode <= 0o777)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no mode of a file; write it like `0660` or `0666`"))
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for SocketMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SocketMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_or_a_socket_or_off() {
        let parse = |text| Address::parse("receive.grpc", text);
        assert_eq!(parse("[::1]:4317"), Ok(Address::Tcp("[::1]:4317".to_owned())));
        for written in ["unix:/run/f.sock", "unix:///run/f.sock"] {
            assert_eq!(parse(written), Ok(Address::Unix("/run/f.sock".into())));
        }
        assert_eq!((parse("off"), parse("")), (Ok(Address::Off), Ok(Address::Off)));
        for wrong in ["4317", ":4317", "host:http", "unix:", "unix:f.sock", "unix:/run/", "unix://run/f"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.starts_with(&format!("receive.grpc is `{wrong}`; write ")), "{error}");
        }
    }

    #[test]
    fn a_mode_is_octal_and_has_no_special_bits() {
        assert_eq!("0660".parse(), Ok(SocketMode(0o660)));
        assert_eq!("600".parse::<SocketMode>().map(|mode| mode.to_string()), Ok("0600".to_owned()));
        for wrong in ["", "66", "0680", "4755", "rw-", "+660", "00660"] {
            assert!(wrong.parse::<SocketMode>().is_err(), "{wrong}");
        }
    }
}
