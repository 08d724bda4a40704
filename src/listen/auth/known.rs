//! Who is known: the tokens and users of the settings and of the files that these name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::keyed::Keyed;
use super::passwords::Password;
use super::{AuthOptions, Identity};
use crate::listen::Error;

/// Everybody whose credentials are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By the keyed hash of their tokens.
    pub(super) tokens: HashMap<blake3::Hash, Arc<Identity>>,
    pub(super) users: HashMap<String, User>,
    /// The cost of computing a password's hash, as any of the users has it; `None` if there is none.
    pub(super) example: Option<Password>,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) password: Password,
    pub(super) identity: Arc<Identity>,
}

/// What the files have in them, as far as there are any.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    tokens: Option<String>,
    users: Option<String>,
}

impl Files {
    /// Reads the files that `options` name, which are those of `section`.
    pub(super) fn read(section: &str, options: &AuthOptions) -> Result<Self, Error> {
        let read = |name: &str, path: Option<&Path>| {
            path.map(|path| {
                std::fs::read_to_string(path).map_err(|error| {
                    Error::file(format!("{section}.{name}"), path, format!("it cannot be read: {error}"))
                })
            })
            .transpose()
        };
        Ok(Self {
            tokens: read("tokens_file", options.tokens_file.as_deref())?,
            users: read("htpasswd_file", options.htpasswd_file.as_deref())?,
        })
    }

    /// Something that tells their content from any other.
    pub(super) fn fingerprint(&self, keyed: &Keyed) -> blake3::Hash {
        let bytes = |text: &Option<String>| text.clone().unwrap_or_default();
        keyed.hash(&[bytes(&self.tokens).as_bytes(), bytes(&self.users).as_bytes()])
    }
}

impl Known {
    /// Everybody of the settings, and of the files. `fixed` are those of the tokens in the settings, by name.
    pub(super) fn new(
        section: &str,
        options: &AuthOptions,
        files: &Files,
        fixed: &HashMap<String, Arc<Identity>>,
        keyed: &Keyed,
    ) -> Result<Self, Error> {
        let mut known = Self::default();
        known.add_tokens_file(section, options, files, keyed)?;
        // Those of the settings win, for they may have a tenant and limits.
        for (name, token) in &options.tokens {
            if let (Some(token), Some(identity)) = (&token.token, fixed.get(name)) {
                known.tokens.insert(keyed.hash(&[token.reveal().as_bytes()]), Arc::clone(identity));
            }
        }
        known.add_htpasswd_file(section, options, files, keyed)?;
        for (name, password) in &options.users {
            let password = Password::parse(password.reveal(), keyed)
                .map_err(|problem| Error::file(format!("{section}.users"), Path::new(name), problem))?;
            known.add_user(name, password, options);
        }
        let is_hashed = |user: &&User| matches!(user.password, Password::Bcrypt(_));
        known.example = known.users.values().find(is_hashed).map(|user| user.password.clone());
        Ok(known)
    }

    fn add_tokens_file(
        &mut self,
        section: &str,
        options: &AuthOptions,
        files: &Files,
        keyed: &Keyed,
    ) -> Result<(), Error> {
        let (Some(text), Some(path)) = (&files.tokens, &options.tokens_file) else { return Ok(()) };
        let identity = Arc::new(Identity::named("tokens_file", ""));
        for (number, line) in lines(text) {
            if !line.bytes().all(|byte| byte.is_ascii_graphic()) {
                let problem = format!("line {number} is no token: letters, digits and signs without spaces");
                return Err(Error::file(format!("{section}.tokens_file"), path, problem));
            }
            self.tokens.insert(keyed.hash(&[line.as_bytes()]), Arc::clone(&identity));
        }
        Ok(())
    }

    fn add_htpasswd_file(
        &mut self,
        section: &str,
        options: &AuthOptions,
        files: &Files,
        keyed: &Keyed,
    ) -> Result<(), Error> {
        let (Some(text), Some(path)) = (&files.users, &options.htpasswd_file) else { return Ok(()) };
        for (number, line) in lines(text) {
            let wrong = |problem: String| Error::file(format!("{section}.htpasswd_file"), path, problem);
            let Some((name, hash)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) else {
                return Err(wrong(format!("line {number} is not `name:hash`, as `htpasswd -B` writes it")));
            };
            if !hash.starts_with("$2") {
                return Err(wrong(format!("line {number} has no hash of bcrypt; `htpasswd -B` makes one")));
            }
            let password =
                Password::parse(hash, keyed).map_err(|problem| wrong(format!("line {number}: {problem}")))?;
            self.add_user(name, password, options);
        }
        Ok(())
    }

    fn add_user(&mut self, name: &str, password: Password, options: &AuthOptions) {
        let tenant = options.user_tenants.get(name).map(String::as_str).unwrap_or_default();
        let identity = Arc::new(Identity::named(name, tenant));
        self.users.insert(name.to_owned(), User { password, identity });
    }
}

/// The lines that say something, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
