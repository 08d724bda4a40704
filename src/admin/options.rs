//! The settings of the admin server: the section `admin` of the configuration.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The settings of the admin server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The address at which metrics, probes, status and flush are served; `off` for none. It knows no passwords: keep it
    /// on the loopback, or behind a network policy.
    pub listen: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: "127.0.0.1:13133".to_owned() }
    }
}

impl Options {
    /// Checks the address.
    ///
    /// # Errors
    /// A sentence that names the setting, its value and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        self.address().map(drop)
    }

    /// The address to listen at; `None` if there shall be no admin server.
    ///
    /// # Errors
    /// As [`Options::validate`].
    pub fn address(&self) -> Result<Option<SocketAddr>, String> {
        match self.listen.as_str() {
            "" | "off" => Ok(None),
            address => address.parse().map(Some).map_err(|_| {
                format!("admin.listen is `{address}`; it must be an address like 127.0.0.1:13133, or `off`")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_server_is_at_an_address_or_off() {
        for (listen, address) in [
            ("127.0.0.1:13133", Ok(Some("127.0.0.1:13133".parse().unwrap()))),
            ("[::]:1", Ok(Some("[::]:1".parse().unwrap()))),
            ("off", Ok(None)),
            ("", Ok(None)),
            (
                "13133",
                Err("admin.listen is `13133`; it must be an address like 127.0.0.1:13133, or `off`"
                    .to_owned()),
            ),
        ] {
            assert_eq!(Options { listen: listen.to_owned() }.address(), address);
        }
    }
}
