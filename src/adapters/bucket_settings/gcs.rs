//! What is said of who asks Google Cloud Storage.

use std::path::PathBuf;

use secrecy::SecretString;

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum GcsCredentials {
    /// Whoever the environment tells: Google's application default credentials.
    #[default]
    Ambient,
    /// `keyfile`: the key of a service account, in a file.
    File(PathBuf),
    /// `credentials`: the same, as JSON.
    Text(SecretString),
}
