//! Bytes as they come from a source, and why they do not.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use thiserror::Error;

use crate::domain::digest::Digest;
use crate::domain::name::Image;

/// Bytes as they come, in pieces of bounded size. After an error nothing follows.
pub type ByteStream = BoxStream<'static, Result<Bytes, SourceError>>;

/// Why a source does not give what was asked for.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It was looked for, and it is not there.
    #[error("`{location}` does not have {what}")]
    Absent {
        /// The source.
        location: String,
        /// The digest, or what else was looked for.
        what: String,
    },
    /// The source has the content in another form, from which these very bytes cannot be made.
    #[error("`{location}` cannot give {digest}: {why}")]
    NotReproducible {
        /// The source.
        location: String,
        /// What was wanted.
        digest: Digest,
        /// Why not.
        why: String,
    },
    /// It does not have an image of that name.
    #[error("`{location}` does not have the image `{image}`")]
    NoSuchImage {
        /// The source.
        location: String,
        /// The image.
        image: Image,
    },
    /// It keeps no names, so it cannot tell what an image consists of.
    #[error("`{location}` cannot tell what `{image}` consists of: {why}")]
    Nameless {
        /// The source.
        location: String,
        /// The image.
        image: Image,
        /// What kind of source it is.
        why: &'static str,
    },
    /// It lied: the bytes are not what was asked for.
    #[error("`{location}` gives wrong bytes for {digest}: they hash to {actual}")]
    WrongBytes {
        /// The source.
        location: String,
        /// What was wanted.
        digest: Digest,
        /// The digest of what came.
        actual: Digest,
    },
    /// It lied, or is damaged: too few or too many bytes came.
    #[error("`{location}` gives {got} bytes for {digest}, but it has {wanted}")]
    WrongSize {
        /// The source.
        location: String,
        /// What was wanted.
        digest: Digest,
        /// The size that descriptors, or the source itself, give.
        wanted: u64,
        /// How many bytes came; where more than wanted came, how many until that was noticed.
        got: u64,
    },
    /// The bytes are right, but they are no manifest that can be followed.
    #[error("`{location}` has {digest}, but {why}")]
    NoManifest {
        /// The source.
        location: String,
        /// What was wanted.
        digest: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// The operating system refused, or the file ends too early.
    #[error("cannot read `{what}`")]
    Unreadable {
        /// The path, for an archive with its member.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// There is something, but not what the source's transport needs, or it is damaged.
    #[error("`{}` {why}", path.display())]
    Unusable {
        /// The path as given.
        path: PathBuf,
        /// What is wrong, as the rest of a sentence: `is truncated: …`.
        why: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// The copy of the bytes that is hashed before any is uploaded could not be made.
    #[error("cannot spool to `{}`", path.display())]
    Spool {
        /// The folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A server said no; asking again would not help.
    #[error("{asked} was refused: {said}")]
    Refused {
        /// Method and URL, without secrets.
        asked: String,
        /// Status and the start of the body.
        said: String,
    },
    /// A transfer broke, or a server was too busy: asking again may help.
    #[error("{asked} broke off: {said}")]
    Interrupted {
        /// Method and URL, without secrets.
        asked: String,
        /// What happened.
        said: String,
    },
}

impl SourceError {
    /// Whether asking again may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }

    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        if let Self::Unusable { hint, .. } = self { hint.as_deref() } else { None }
    }

    /// The message with its causes, in one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
