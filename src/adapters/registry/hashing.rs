//! All of a blob's bytes, hashed as they come and kept nowhere.

use reqwest::Method;

use super::auth::Scope;
use super::reading::Question;
use super::transport::Ask;
use super::write::HttpWriter;
use crate::domain::digest::Digest;
use crate::domain::name::RepositoryName;
use crate::domain::views::served::{Answer, Asked, Denial};
use crate::domain::views::storage::HashedBlob;
use crate::engine::ports::RegistryWriter as _;

/// Hash what the daemon delivers.
pub(super) async fn blob(
    reader: &HttpWriter,
    repository: &RepositoryName,
    digest: &Digest,
) -> Asked<Answer<HashedBlob>> {
    let url = reader.transport.address.blob(repository, digest);
    let question = Question::new(&Ask::new(Method::GET, url, Scope::Pull(repository.to_string())));
    match reader.fetch_blob(repository, digest, &mut tokio::io::sink()).await {
        Ok(got) => {
            let said = format!("{} bytes that hash to {}", got.size, got.digest);
            let hashed = HashedBlob { digest: *digest, actual: got.digest, size: got.size };
            Asked { answer: Answer::Yes(hashed), exchange: question.exchange(said) }
        }
        Err(error) => {
            let hint = error.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
            let why = format!("{}{hint}", error.why);
            let answer = match error.status {
                Some(404) => Answer::No(Denial::Blob),
                Some(500) => Answer::Broken(why.clone()),
                _ => Answer::Unknown(why.clone()),
            };
            Asked { answer, exchange: question.exchange(why) }
        }
    }
}
