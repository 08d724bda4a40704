//! The settings of listeners: the sections of `receive.listeners`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ConnectionOptions, CorsOptions, Options};
use crate::listen::Address;
use crate::listen::auth::AuthOptions;
use crate::listen::tls::TlsOptions;

/// The listeners that are there without being named, whose addresses are `receive.grpc` and `receive.http`.
const BUILT_IN: [&str; 2] = ["grpc", "http"];

/// A listener, or what is different about a built-in one. What a configuration file does not name here is as in `receive`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerOptions {
    /// Address, as `receive.grpc` has it; for the built-in ones, leave it out.
    pub address: String,
    /// Its TLS.
    pub tls: TlsOptions,
    /// Whom it asks for credentials.
    pub auth: AuthOptions,
    /// Pages that may send from a browser.
    pub cors: CorsOptions,
    /// Its connections.
    pub connection: ConnectionOptions,
}

/// A listener, with all that holds for it.
#[derive(Clone, Debug)]
pub(in crate::receive) struct Listening {
    /// `grpc`, `http` or the name that the configuration gives it.
    pub(in crate::receive) name: String,
    /// The setting that has its address.
    pub(in crate::receive) address_key: String,
    pub(in crate::receive) address: Address,
    /// The section that has the rest.
    pub(in crate::receive) section: String,
    pub(in crate::receive) options: ListenerOptions,
}

impl Options {
    /// Every listener that is not off: the built-in ones first, then the others by their names.
    ///
    /// # Errors
    /// A sentence about an address or a name that is wrong.
    pub(in crate::receive) fn listening(&self) -> Result<Vec<Listening>, String> {
        let mut all = Vec::new();
        for (name, address) in BUILT_IN.into_iter().zip([&self.grpc, &self.http]) {
            all.push(self.built_in(name, address)?);
        }
        for (name, options) in self.listeners.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str())) {
            check_name(name)?;
            let section = format!("receive.listeners.{name}");
            let address_key = format!("{section}.address");
            if options.address.is_empty() {
                return Err(format!(
                    "{address_key} is not set; write a host and a port, or unix:/path, or off"
                ));
            }
            let address = Address::parse(&address_key, &options.address)?;
            all.push(Listening {
                name: name.clone(),
                address_key,
                address,
                section,
                options: options.clone(),
            });
        }
        all.retain(|listening| listening.address != Address::Off);
        if all.is_empty() {
            return Err(
                "receive.grpc and receive.http are off, and no other listener is there; set one".to_owned()
            );
        }
        check_apart(&all)?;
        Ok(all)
    }

    fn built_in(&self, name: &str, address: &str) -> Result<Listening, String> {
        let address_key = format!("receive.{name}");
        let address = Address::parse(&address_key, address)?;
        let (section, options) = match self.listeners.get(name) {
            Some(own) if !own.address.is_empty() => {
                return Err(format!(
                    "receive.listeners.{name}.address is {}; the address of this listener is receive.{name}",
                    own.address
                ));
            }
            Some(own) => (format!("receive.listeners.{name}"), own.clone()),
            None => ("receive".to_owned(), self.shared()),
        };
        Ok(Listening { name: name.to_owned(), address_key, address, section, options })
    }

    /// What holds for every listener that names nothing.
    fn shared(&self) -> ListenerOptions {
        ListenerOptions {
            address: String::new(),
            tls: self.tls.clone(),
            auth: self.auth.clone(),
            cors: self.cors.clone(),
            connection: self.connection.clone(),
        }
    }

    /// Checks every listener, and what those share that name nothing.
    pub(super) fn check_listeners(&self) -> Result<(), String> {
        self.shared().validate("receive")?;
        // Also those that are off: they are meant to be switched on one day.
        for (name, options) in &self.listeners {
            options.validate(&format!("receive.listeners.{name}"))?;
        }
        self.listening().map(drop)
    }
}

impl ListenerOptions {
    fn validate(&self, section: &str) -> Result<(), String> {
        self.tls.validate(&format!("{section}.tls"))?;
        self.auth.validate(&format!("{section}.auth"))?;
        self.cors.validate(&format!("{section}.cors"))?;
        self.connection.validate(&format!("{section}.connection"))
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name == "admin" || !(1..=32).contains(&name.len()) || !name.chars().all(is_allowed) {
        return Err(format!(
            "receive.listeners.{name}: the name of a listener is 1 to 32 lower-case letters, digits and -, and not admin"
        ));
    }
    Ok(())
}

fn check_apart(all: &[Listening]) -> Result<(), String> {
    let mut keys: BTreeMap<String, &str> = BTreeMap::new();
    for listening in all.iter().filter(|listening| listening.address.is_exclusive()) {
        let address = format!("{:?}", listening.address);
        if let Some(other) = keys.insert(address, &listening.address_key) {
            return Err(format!(
                "{} is the address of {other}, too; give each one of its own (all of them take gRPC and HTTP)",
                listening.address_key
            ));
        }
    }
    Ok(())
}
