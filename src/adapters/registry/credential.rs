//! Who we are to a registry.

use secrecy::SecretString;

/// One thing to show.
#[derive(Debug, Clone, Default)]
pub enum Credential {
    /// Nothing.
    #[default]
    Anonymous,
    /// A user name and a password.
    Basic {
        /// The user name.
        name: String,
        /// The password.
        password: SecretString,
    },
    /// What a login has left: a token server gives a token for it.
    IdentityToken(SecretString),
    /// A token to be shown to the registry as it is.
    RegistryToken(SecretString),
}

impl Credential {
    /// Whose it is, as far as it tells.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Basic { name, .. } => name,
            Self::Anonymous | Self::IdentityToken(_) | Self::RegistryToken(_) => "",
        }
    }
}

/// What we have to show to one registry.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// What holds for the whole registry.
    pub whole: Credential,
    /// What holds for repositories at or below a path such as `team` or `team/app`.
    pub below: Vec<(String, Credential)>,
}

impl From<Credential> for Credentials {
    fn from(whole: Credential) -> Self {
        Self { whole, below: Vec::new() }
    }
}

impl Credentials {
    /// The most specific one for a repository.
    #[must_use]
    pub fn of(&self, repository: &str) -> &Credential {
        let is_below = |path: &str| {
            repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fitting = self.below.iter().filter(|(path, _)| is_below(path));
        fitting.max_by_key(|(path, _)| path.len()).map_or(&self.whole, |(_, credential)| credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_credential_counts() {
        let user = |name: &str| Credential::Basic { name: name.into(), password: "hush".to_owned().into() };
        let below = vec![("team".to_owned(), user("team")), ("team/app".to_owned(), user("app"))];
        let credentials = Credentials { whole: user("all"), below };
        let name = |repository: &str| match credentials.of(repository) {
            Credential::Basic { name, .. } => name.clone(),
            other @ (Credential::Anonymous | Credential::IdentityToken(_) | Credential::RegistryToken(_)) => {
                format!("{other:?}")
            }
        };
        let names = ["", "other", "teams", "team", "team/x", "team/app/x"].map(name);
        assert_eq!(names, ["all", "all", "all", "team", "team", "app"]);
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
