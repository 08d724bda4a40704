//! The shared files of AWS's tools: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::{AwsCredential, AwsCredentialProvider};

use crate::upload::environment::Environment;

/// The profiles of the shared files.
#[derive(Clone, Default)]
pub(super) struct Profiles {
    credentials_file: PathBuf,
    config_file: PathBuf,
    settings: BTreeMap<String, BTreeMap<String, String>>,
}

impl Profiles {
    /// Reads the shared files; a file that is not there has no profiles.
    ///
    /// # Errors
    /// A sentence that names the file that cannot be read.
    pub(super) fn read(environment: &Environment) -> Result<Self, String> {
        let place = |variable: &str, name: &str| {
            let named = environment.get(variable).map(PathBuf::from);
            named.or_else(|| Some(environment.home()?.join(".aws").join(name))).unwrap_or_default()
        };
        Self::read_files(
            place("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            place("AWS_CONFIG_FILE", "config"),
        )
    }

    fn read_files(credentials_file: PathBuf, config_file: PathBuf) -> Result<Self, String> {
        let mut settings = BTreeMap::new();
        parse(&read(&config_file)?, true, &mut settings);
        // What stands in both is taken from the credentials.
        parse(&read(&credentials_file)?, false, &mut settings);
        Ok(Self { credentials_file, config_file, settings })
    }

    /// Whether a file has the profile.
    pub(super) fn has(&self, profile: &str) -> bool {
        self.settings.contains_key(profile)
    }

    /// Whether the profile says how to get credentials.
    pub(super) fn has_credentials(&self, profile: &str) -> bool {
        const WAYS: [&str; 5] =
            ["aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url"];
        WAYS.iter().any(|key| self.get(profile, key).is_some())
    }

    /// A setting of a profile.
    pub(super) fn get(&self, profile: &str, key: &str) -> Option<&str> {
        self.settings.get(profile)?.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The files' names, for messages.
    pub(super) fn places(&self) -> String {
        format!("{} nor {}", self.credentials_file.display(), self.config_file.display())
    }

    fn credential(&self, profile: &str) -> Result<AwsCredential, String> {
        match (self.get(profile, "aws_access_key_id"), self.get(profile, "aws_secret_access_key")) {
            (Some(id), Some(secret)) => Ok(AwsCredential {
                key_id: id.to_string(),
                secret_key: secret.to_string(),
                token: self.get(profile, "aws_session_token").map(str::to_string),
            }),
            _ => Err(format!(
                "the profile {profile} has no aws_access_key_id and aws_secret_access_key in {}",
                self.credentials_file.display()
            )),
        }
    }

    /// The static keys of a profile. The files are read again from time to time, for tools rotate temporary keys there.
    ///
    /// # Errors
    /// A sentence that says what the profile lacks.
    pub(super) fn provider(&self, profile: &str) -> Result<AwsCredentialProvider, String> {
        let credential = Arc::new(self.credential(profile)?);
        Ok(Arc::new(ProfileKeys {
            profile: profile.to_string(),
            credentials_file: self.credentials_file.clone(),
            config_file: self.config_file.clone(),
            read: Mutex::new((Instant::now(), credential)),
        }))
    }
}

/// The static keys of a profile, read again when they may have changed.
struct ProfileKeys {
    profile: String,
    credentials_file: PathBuf,
    config_file: PathBuf,
    read: Mutex<(Instant, Arc<AwsCredential>)>,
}

/// How long keys are used before the files are read again.
const FRESH: Duration = Duration::from_secs(30);

impl std::fmt::Debug for ProfileKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProfileKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialProvider for ProfileKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0.elapsed() >= FRESH {
            let fresh = Profiles::read_files(self.credentials_file.clone(), self.config_file.clone())
                .and_then(|profiles| profiles.credential(&self.profile));
            match fresh {
                Ok(credential) => *read = (Instant::now(), Arc::new(credential)),
                // A tool may be writing the file right now; the old keys may do for a while.
                Err(error) => tracing::warn!(error, "cannot read the AWS profile again"),
            }
        }
        Ok(Arc::clone(&read.1))
    }
}

fn read(file: &Path) -> Result<String, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            Ok(String::new())
        }
        Err(error) => Err(format!("cannot read the AWS profiles in {}: {error}", file.display())),
    }
}

/// Reads the INI dialect of AWS's tools: in `config`, sections are called `[profile name]` but for `[default]`; indented
/// lines belong to nested settings, which are not ours.
fn parse(text: &str, is_config: bool, settings: &mut BTreeMap<String, BTreeMap<String, String>>) {
    let mut section = None;
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            let name = name.trim();
            section = match name.strip_prefix("profile ") {
                Some(name) if is_config => Some(name.trim().trim_matches('"')),
                None if !is_config || name == "default" => Some(name),
                _ => None,
            };
            if let Some(name) = section {
                settings.entry(name.to_string()).or_default();
            }
            continue;
        }
        let (Some(name), Some((key, value)), false) = (section, line.split_once('='), is_nested) else {
            continue;
        };
        let value = value.split(" #").next().unwrap_or(value).trim();
        if let Some(profile) = settings.get_mut(name) {
            profile.insert(key.trim().to_ascii_lowercase(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_understood() {
        let mut settings = BTreeMap::new();
        parse(
            "[default]\nregion = eu-west-1\n[profile work]\nrole_arn=arn:x\nsource_profile = base # note\ns3 =\n  \
             max_concurrent_requests = 1\n[sso-session s]\nsso_region = x\n[work]\nignored = 1\n",
            true,
            &mut settings,
        );
        parse("[base]\naws_access_key_id = AKIA\n; note\naws_secret_access_key=a=b\n", false, &mut settings);
        let profiles = Profiles { settings, ..Profiles::default() };
        assert_eq!(profiles.get("default", "region"), Some("eu-west-1"));
        assert_eq!(profiles.get("work", "source_profile"), Some("base"));
        assert_eq!(profiles.get("work", "max_concurrent_requests"), None);
        assert_eq!(profiles.get("work", "ignored"), None);
        assert_eq!(profiles.get("base", "aws_secret_access_key"), Some("a=b"));
        assert!(profiles.has_credentials("base") && profiles.has_credentials("work"));
        assert!(!profiles.has_credentials("default") && !profiles.has("s"));
    }
}
