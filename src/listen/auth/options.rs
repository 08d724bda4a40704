//! The settings of a listener's credentials: a section `auth` of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::TENANT_BYTES_MAX;
use crate::secret::Secret;
use crate::units::{ByteSize, Span};

/// Who may send to a listener; nobody is asked while no token and no user is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthOptions {
    /// Whether what is set here holds. For a listener that asks nobody where the others do.
    pub enabled: bool,
    /// Tokens, each by a name of its own.
    pub tokens: BTreeMap<String, Token>,
    /// A file of further tokens, one a line.
    pub tokens_file: Option<PathBuf>,
    /// What stands before a token in its header; empty if it stands there alone.
    pub scheme: String,
    /// The header (over gRPC: the metadata) that carries a token.
    pub header: String,
    /// Names and passwords of basic authentication, plain or as bcrypt has them (`$2y$...`).
    pub users: BTreeMap<String, Secret>,
    /// A file of users, as `htpasswd -B` writes it.
    pub htpasswd_file: Option<PathBuf>,
    /// Tenants of users, by their names, those of `htpasswd_file` too.
    pub user_tenants: BTreeMap<String, String>,
    /// How often the files are looked at, 1 s to 1 d.
    pub reload_interval: Span,
}

/// A token, and what holds for those who have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Token {
    /// The token.
    pub token: Option<Secret>,
    /// Whose their data is, 1024 bytes at most; nobody's if it is empty.
    pub tenant: String,
    /// Their largest request, before and after decompression, where that is less than `receive.max_request_bytes`.
    pub max_request_bytes: Option<ByteSize>,
    /// Bytes a second that all of them together may send, as what they send is uncompressed.
    pub bytes_per_second: Option<ByteSize>,
    /// What happens beyond that.
    pub when_full: WhenFull,
}

/// What happens to a request beyond `bytes_per_second`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It is held until it is due, for `receive.hold_before_refusing` at most, and refused only if it is not by then.
    #[default]
    Hold,
    /// It is refused, and its client told when to come back.
    Refuse,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            tokens: BTreeMap::new(),
            tokens_file: None,
            scheme: "Bearer".to_owned(),
            header: "Authorization".to_owned(),
            users: BTreeMap::new(),
            htpasswd_file: None,
            user_tenants: BTreeMap::new(),
            reload_interval: Span::seconds(10),
        }
    }
}

impl AuthOptions {
    /// Whether clients are asked for credentials.
    pub fn is_on(&self) -> bool {
        self.enabled && (self.has_tokens() || self.has_users())
    }

    /// Whether a token lets a client in.
    pub fn has_tokens(&self) -> bool {
        !self.tokens.is_empty() || self.tokens_file.is_some()
    }

    /// Whether a name and a password let a client in.
    pub fn has_users(&self) -> bool {
        !self.users.is_empty() || self.htpasswd_file.is_some()
    }

    /// Checks the settings of `section` (`receive.auth`). What is in the files is known only when they are read.
    ///
    /// # Errors
    /// A sentence that names the setting and what it must be. It shows no secret.
    pub fn validate(&self, section: &str) -> Result<(), String> {
        if self.header.parse::<HeaderName>().is_err() {
            return Err(format!("{section}.header is `{}`; it must be the name of a header", self.header));
        }
        if self.scheme.contains(|letter: char| !letter.is_ascii_graphic()) {
            return Err(format!("{section}.scheme is `{}`; it must be one word, like Bearer", self.scheme));
        }
        self.check_tokens(section)?;
        self.check_users(section)?;
        let (least, most) = (Span::seconds(1), Span::seconds(86_400));
        if !(least..=most).contains(&self.reload_interval) {
            return Err(format!(
                "{section}.reload_interval is {}; it must be {least} to {most}",
                self.reload_interval
            ));
        }
        Ok(())
    }

    fn check_tokens(&self, section: &str) -> Result<(), String> {
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, options) in &self.tokens {
            let key = format!("{section}.tokens.{name}");
            let token = options.token.as_ref().map(Secret::reveal).unwrap_or_default();
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!(
                    "{key}.token must be letters, digits and signs without spaces, at least one"
                ));
            }
            if let Some(other) = names.insert(token, name) {
                return Err(format!(
                    "{key}.token is that of {section}.tokens.{other}; give each one of its own"
                ));
            }
            check_tenant(&format!("{key}.tenant"), &options.tenant)?;
            for (limit, size) in [
                ("max_request_bytes", options.max_request_bytes),
                ("bytes_per_second", options.bytes_per_second),
            ] {
                if size.is_some_and(|size| !(ByteSize::kib(1)..=ByteSize::gib(1024)).contains(&size)) {
                    let size = size.unwrap_or(ByteSize(0));
                    return Err(format!("{key}.{limit} is {size}; it must be 1KiB to 1TiB"));
                }
            }
        }
        Ok(())
    }

    fn check_users(&self, section: &str) -> Result<(), String> {
        for (name, password) in &self.users {
            if name.is_empty() || name.contains(':') {
                return Err(format!("{section}.users has `{name}`; a name is not empty and has no colon"));
            }
            if password.reveal().is_empty() {
                return Err(format!("{section}.users has `{name}` without a password; give it one"));
            }
            let hash = password.reveal().strip_prefix('$');
            if hash.is_some_and(|hash| !["2y$", "2b$", "2a$"].iter().any(|known| hash.starts_with(known))) {
                return Err(format!(
                    "{section}.users has `{name}` with a hash that is not bcrypt's; `htpasswd -nB {name}` makes one"
                ));
            }
        }
        for (name, tenant) in &self.user_tenants {
            if self.htpasswd_file.is_none() && !self.users.contains_key(name) {
                return Err(format!("{section}.user_tenants has `{name}`, which is none of {section}.users"));
            }
            check_tenant(&format!("{section}.user_tenants"), tenant)?;
        }
        Ok(())
    }
}

fn check_tenant(key: &str, tenant: &str) -> Result<(), String> {
    if tenant.len() > TENANT_BYTES_MAX {
        return Err(format!("{key} has {} bytes; it must have {TENANT_BYTES_MAX} at most", tenant.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(token: &str) -> Token {
        Token { token: Some(Secret::from(token)), ..Token::default() }
    }

    fn with_tokens<const N: usize>(tokens: [(&str, Token); N]) -> AuthOptions {
        let tokens = tokens.into_iter().map(|(name, token)| (name.to_owned(), token)).collect();
        AuthOptions { tokens, ..AuthOptions::default() }
    }

    fn with_user(name: &str, password: &str) -> AuthOptions {
        let users = BTreeMap::from([(name.to_owned(), Secret::from(password))]);
        AuthOptions { users, ..AuthOptions::default() }
    }

    #[test]
    fn nobody_is_asked_until_there_is_somebody_to_know() {
        assert!(!AuthOptions::default().is_on());
        assert!(with_tokens([("a", token("t"))]).is_on() && with_user("a", "p").is_on());
        assert!(!AuthOptions { enabled: false, ..with_user("a", "p") }.is_on());
        let tokens_file = Some(PathBuf::from("/tokens"));
        assert!(AuthOptions { tokens_file, ..AuthOptions::default() }.is_on());
    }

    #[test]
    fn an_error_names_the_setting_and_shows_no_secret() {
        let small = Token { bytes_per_second: Some(ByteSize(1)), ..token("hunter2") };
        let long = Token { tenant: "t".repeat(1025), ..token("hunter2") };
        let tenants = BTreeMap::from([("bob".to_owned(), "b".to_owned())]);
        for (options, said) in [
            (with_tokens([("a", Token::default())]), "x.auth.tokens.a.token must be letters"),
            (with_tokens([("a", token("hunter2 "))]), "x.auth.tokens.a.token must be letters"),
            (
                with_tokens([("a", token("hunter2")), ("b", token("hunter2"))]),
                "x.auth.tokens.b.token is that of x.auth.tokens.a;",
            ),
            (with_tokens([("a", small)]), "x.auth.tokens.a.bytes_per_second is 1B; it must be 1KiB to 1TiB"),
            (with_tokens([("a", long)]), "x.auth.tokens.a.tenant has 1025 bytes; it must have 1024 at most"),
            (with_user("a:b", "hunter2"), "x.auth.users has `a:b`; a name is not empty and has no colon"),
            (with_user("a", ""), "x.auth.users has `a` without a password"),
            (with_user("a", "$apr1$hunter2"), "x.auth.users has `a` with a hash that is not bcrypt's"),
            (
                AuthOptions { user_tenants: tenants, ..with_user("a", "hunter2") },
                "x.auth.user_tenants has `bob`, which is none of x.auth.users",
            ),
            (
                AuthOptions { header: "a b".to_owned(), ..AuthOptions::default() },
                "x.auth.header is `a b`; it must be the name of a header",
            ),
            (
                AuthOptions { scheme: "a b".to_owned(), ..AuthOptions::default() },
                "x.auth.scheme is `a b`; it must be one word",
            ),
        ] {
            let error = options.validate("x.auth").unwrap_err();
            assert!(error.starts_with(said) && !error.contains("hunter"), "{error}");
        }
        assert_eq!(with_user("a", "$2y$05$abc").validate("x.auth"), Ok(()));
        assert_eq!(with_tokens([("a", token("a-b~c+d/e=="))]).validate("x.auth"), Ok(()));
    }
}
