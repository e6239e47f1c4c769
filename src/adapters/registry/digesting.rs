//! Digests of bytes, at once or as they flow by.

use sha2::{Digest as _, Sha256, Sha512};

use crate::domain::digest::{Algorithm, Digest};

/// A digest in the making.
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Box::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::sha256(hasher.finalize().into()),
            Self::Sha512(hasher) => Digest::sha512(hasher.finalize().into()),
        }
    }
}

/// The digest of bytes at hand.
pub(super) fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
