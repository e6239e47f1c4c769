//! Content digests: parsed once at the edge, small and `Copy` ever after.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, PoisonError, RwLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The digest algorithms that a registry of the distribution family stores or links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256: the canonical one, under which all data is stored.
    Sha256,
    /// SHA-384: as SHA-512.
    Sha384,
    /// SHA-512: seen in links only; its data lies under the canonical SHA-256 name.
    Sha512,
}

impl Algorithm {
    /// All of them, as go-digest has them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name as it stands before the colon and as a folder in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits a sum has.
    #[must_use]
    pub const fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// The algorithm of that name, if it is one we know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// A content digest such as `sha256:9f86d0…`.
///
/// SHA-256 digests are kept inline. Longer ones are so rare in a registry that they are
/// interned for the life of the process, which keeps every digest at 33 bytes without alignment: a check holds
/// several of them for each blob.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Repr);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Repr {
    Sha256([u8; 32]),
    Long(Long),
}

/// An interned sum of 48 or 64 bytes: its place among all that were seen, as bytes so that it needs no alignment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Long([u8; 4]);

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DigestError {
    /// There is no `algorithm:` in front.
    #[error("`{0}` is no digest: it has no `sha256:` in front")]
    NoAlgorithm(String),
    /// An algorithm that registries of this family do not use.
    #[error("`{0}` is no digest we know: only sha256, sha384 and sha512 are used by registries")]
    UnknownAlgorithm(String),
    /// The part behind the colon is not lower-case hexadecimal of the right length.
    #[error("`{text}` is no {algorithm} digest: {wanted} lower-case hexadecimal digits are needed")]
    BadHex {
        /// The text as given, cut to a printable length.
        text: String,
        /// The algorithm's name.
        algorithm: &'static str,
        /// How many hexadecimal digits it takes.
        wanted: usize,
    },
}

impl Ord for Repr {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Nearly always the first bytes decide, and to compare them takes no call.
            (Self::Sha256(one), Self::Sha256(two)) => head(one).cmp(&head(two)).then_with(|| one.cmp(two)),
            (Self::Long(one), Self::Long(two)) => one.cmp(two),
            (Self::Sha256(_), Self::Long(_)) => Ordering::Less,
            (Self::Long(_), Self::Sha256(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Repr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first eight bytes as a number that is ordered as they are.
fn head(sum: &[u8]) -> u64 {
    sum.first_chunk().map_or(0, |head| u64::from_be_bytes(*head))
}

/// All longer sums that were seen, each once.
#[derive(Default)]
struct Interned {
    sums: Vec<&'static [u8]>,
    places: HashMap<&'static [u8], Long>,
}

static INTERNED: LazyLock<RwLock<Interned>> = LazyLock::new(RwLock::default);

impl Long {
    fn intern(sum: &[u8]) -> Self {
        let mut interned = INTERNED.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = interned.places.get(sum) {
            return *known;
        }
        // Four billion sums would not fit into memory.
        let place = Self(u32::try_from(interned.sums.len()).unwrap_or(u32::MAX).to_ne_bytes());
        let kept: &'static [u8] = Box::leak(Box::from(sum));
        interned.sums.push(kept);
        interned.places.insert(kept, place);
        place
    }

    fn sum(self) -> &'static [u8] {
        let interned = INTERNED.read().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(u32::from_ne_bytes(self.0)).unwrap_or(usize::MAX);
        interned.sums.get(place).copied().unwrap_or(&[0; 64])
    }

    fn algorithm(self) -> Algorithm {
        if self.sum().len() == 48 { Algorithm::Sha384 } else { Algorithm::Sha512 }
    }
}

impl Ord for Long {
    fn cmp(&self, other: &Self) -> Ordering {
        self.algorithm().cmp(&other.algorithm()).then_with(|| self.sum().cmp(other.sum()))
    }
}

impl PartialOrd for Long {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is no hexadecimal digit, in [`NIBBLES`].
const NO_NIBBLE: u8 = 0xf0;

/// The value of each hexadecimal digit. A table, because which branch a digit takes cannot be predicted, and
/// a check of a large registry reads hundreds of millions of them.
#[allow(clippy::indexing_slicing, reason = "checked when it is compiled")]
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NO_NIBBLE; 256];
    let mut value = 0;
    while value < 16 {
        nibbles[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    nibbles
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn nibble(c: u8) -> u8 {
    NIBBLES.get(usize::from(c)).copied().unwrap_or(NO_NIBBLE)
}

fn unhex<const N: usize>(hex: &[u8]) -> Option<[u8; N]> {
    if hex.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(hex.as_chunks::<2>().0) {
        let (high, low) = (nibble(*high), nibble(*low));
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen & NO_NIBBLE == 0).then_some(bytes)
}

impl Digest {
    /// The digest whose SHA-256 sum is `bytes`.
    #[must_use]
    pub const fn sha256(bytes: [u8; 32]) -> Self {
        Self(Repr::Sha256(bytes))
    }

    /// The digest whose SHA-384 sum is `bytes`.
    #[must_use]
    pub fn sha384(bytes: [u8; 48]) -> Self {
        Self(Repr::Long(Long::intern(&bytes)))
    }

    /// The digest whose SHA-512 sum is `bytes`.
    #[must_use]
    pub fn sha512(bytes: [u8; 64]) -> Self {
        Self(Repr::Long(Long::intern(&bytes)))
    }

    /// The digest that `hex` names under `algorithm`, if it is one: the form of storage's folders.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, hex: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::Sha256 => unhex(hex).map(Self::sha256),
            Algorithm::Sha384 => unhex(hex).map(Self::sha384),
            Algorithm::Sha512 => unhex(hex).map(Self::sha512),
        }
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Repr::Sha256(_) => Algorithm::Sha256,
            Repr::Long(long) => long.algorithm(),
        }
    }

    /// The raw sum: 32, 48 or 64 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Sha256(bytes) => bytes,
            Repr::Long(long) => long.sum(),
        }
    }

    /// The first eight bytes of the sum as a number, by which digests of one algorithm are ordered.
    #[must_use]
    pub fn head(&self) -> u64 {
        head(self.bytes())
    }

    /// The sum in lower-case hexadecimal, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(self.bytes().len() * 2);
        self.push_hex(&mut hex);
        hex
    }

    /// Write it behind what is there, with nothing of its own.
    pub fn push_hex(&self, hex: &mut String) {
        let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'?'));
        for byte in self.bytes() {
            hex.push(digit(byte >> 4));
            hex.push(digit(byte & 15));
        }
    }

    /// A form for people: the algorithm and the first twelve hexadecimal digits.
    #[must_use]
    pub fn short(&self) -> String {
        let hex = self.hex();
        format!("{}:{}", self.algorithm().as_str(), hex.get(..12).unwrap_or(&hex))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(80).collect::<String>();
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestError::NoAlgorithm(shown()))?;
        let algorithm = Algorithm::from_name(name).ok_or_else(|| DigestError::UnknownAlgorithm(shown()))?;
        Self::from_hex(algorithm, hex.as_bytes()).ok_or_else(|| DigestError::BadHex {
            text: shown(),
            algorithm: algorithm.as_str(),
            wanted: algorithm.hex_length(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().as_str(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_shows() {
        for (name, bytes) in [("sha256", 32), ("sha384", 48), ("sha512", 64)] {
            let text = format!("{name}:{}", "a9".repeat(bytes));
            assert_eq!(text.parse::<Digest>().map(|digest| digest.to_string()), Ok(text));
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "sha256", "sha256:", "sha256:0F", "md5:00", &format!("sha256:{}", "0F".repeat(32))] {
            assert!(text.parse::<Digest>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_digest_stays_small() {
        assert_eq!((size_of::<Digest>(), align_of::<Digest>()), (33, 1));
    }

    #[test]
    fn digests_are_ordered_by_algorithm_and_sum_whenever_they_were_first_seen() {
        let late = Digest::sha512([0x77; 64]);
        let early = Digest::sha512([0x11; 64]);
        let middle = Digest::sha384([0xff; 48]);
        let mut digests = [late, early, Digest::sha256([0xff; 32]), Digest::sha512([0x77; 64]), middle];
        digests.sort_unstable();
        assert_eq!(digests, [Digest::sha256([0xff; 32]), middle, early, late, late]);
        assert_eq!(late.bytes(), [0x77; 64]);
    }
}
