//! Where the rest of a listing can be cut, so that several requests list it at once.
//!
//! ```text
//! blobs/sha256/ab/abcd…            digests are spread evenly: by their first digits
//! repositories/<name>/…            by the names, told by one shallow listing
//! repositories/<name>/_layers/…    within one name by the digests' first digits
//! ```

/// How many values the digits have by which is cut.
const VALUES: u32 = 1 << 16;
/// What stands before digests.
const HEXES: [&str; 4] = [
    "/_layers/sha256/",
    "/_layers/sha512/",
    "/_manifests/revisions/sha256/",
    "/_manifests/revisions/sha512/",
];
const BLOBS: [&str; 3] = ["blobs/sha256/", "blobs/sha384/", "blobs/sha512/"];

/// The rest of a range, measured.
#[derive(Debug, PartialEq)]
pub(super) enum Scale<'n> {
    /// Digests below a folder.
    Digests {
        /// The folder, with its slash.
        folder: String,
        /// Whether folders of two digits lie in between.
        has_shards: bool,
        /// The first digits of the last key that was listed, and where the range ends.
        from: u32,
        to: u32,
        /// How many values the page covered.
        covered: u32,
    },
    /// Names.
    Names {
        /// Those that are left.
        left: &'n [Vec<u8>],
        /// How many the page covered.
        covered: usize,
    },
    /// Nothing tells.
    Unknown,
}

impl<'n> Scale<'n> {
    /// That of what is left after `last` of a range up to `end`, when a page began after `before`. `names` are the
    /// folders right below `repositories/`, sorted.
    pub(super) fn of(before: &[u8], last: &[u8], end: Option<&[u8]>, names: &'n [Vec<u8>]) -> Self {
        let known = names.partition_point(|name| name.as_slice() <= last);
        let until = end.map_or(names.len(), |end| names.partition_point(|name| name.as_slice() < end));
        if let Some(left) = names.get(known..until)
            && !left.is_empty()
        {
            let begun = names.partition_point(|name| name.as_slice() <= before);
            return Self::Names { left, covered: (known - begun).max(1) };
        }
        let Some((folder, has_shards)) = folder(last) else { return Self::Unknown };
        let value = |key: &[u8]| value(key, folder.as_bytes(), has_shards);
        let Some(from) = value(last) else { return Self::Unknown };
        let to = end.and_then(value).unwrap_or(VALUES);
        let covered = from.saturating_sub(value(before).unwrap_or_default()).max(1);
        Self::Digests { folder, has_shards, from, to, covered }
    }

    /// About how many pages are left, when the last one covered what it did.
    pub(super) fn pages(&self) -> usize {
        match self {
            Self::Digests { from, to, covered, .. } => {
                usize::try_from(to.saturating_sub(*from) / covered).unwrap_or_default()
            }
            Self::Names { left, covered } => left.len() / covered,
            Self::Unknown => 0,
        }
    }

    /// Keys that divide what is left into about so many parts alike.
    pub(super) fn cuts(&self, parts: usize) -> Vec<Vec<u8>> {
        match self {
            Self::Digests { folder, has_shards, from, to, .. } => {
                let (parts, rest) = (u32::try_from(parts).unwrap_or(1).max(1), to.saturating_sub(*from));
                let values = (1..parts).map(|part| {
                    from + u32::try_from(u64::from(rest) * u64::from(part) / u64::from(parts)).unwrap_or(rest)
                });
                let mut values: Vec<u32> = values.filter(|value| value > from && value < to).collect();
                values.dedup();
                values.into_iter().map(|value| key(folder, *has_shards, value)).collect()
            }
            Self::Names { left, .. } => {
                let step = left.len().div_ceil(parts.max(1)).max(1);
                left.iter().step_by(step).skip(usize::from(step > 1)).cloned().collect()
            }
            Self::Unknown => Vec::new(),
        }
    }
}

/// The folder of digests that a key lies in, and whether it has folders of two digits.
fn folder(key: &[u8]) -> Option<(String, bool)> {
    let text = std::str::from_utf8(key).ok()?;
    if let Some(blobs) = BLOBS.iter().find(|blobs| text.starts_with(*blobs)) {
        return Some(((*blobs).to_owned(), true));
    }
    let end = HEXES.iter().find_map(|hexes| text.find(hexes).map(|at| at + hexes.len()))?;
    Some((text.get(..end)?.to_owned(), false))
}

/// The first four digits of the digest that a key below the folder names.
fn value(key: &[u8], folder: &[u8], has_shards: bool) -> Option<u32> {
    let below = key.strip_prefix(folder)?;
    let digits = if has_shards {
        below.get(3..).filter(|rest| rest.len() >= 4).or_else(|| below.get(..2))?
    } else {
        below
    };
    let digits = digits.get(..4).or_else(|| digits.get(..2))?;
    let value = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some(if digits.len() == 2 { value << 8 } else { value })
}

fn key(folder: &str, has_shards: bool, value: u32) -> Vec<u8> {
    let shard = if has_shards { format!("{:02x}/", value >> 8) } else { String::new() };
    format!("{folder}{shard}{value:04x}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cuts: Vec<Vec<u8>>) -> Vec<String> {
        cuts.into_iter().map(|cut| String::from_utf8(cut).unwrap()).collect()
    }

    #[test]
    fn blobs_are_cut_by_their_digits() {
        let scale = Scale::of(b"", b"blobs/sha256/3f/3fff00/data", Some(b"repositories/"), &[]);
        assert_eq!(scale.pages(), 3);
        assert_eq!(told(scale.cuts(3)), ["blobs/sha256/7f/7fff", "blobs/sha256/bf/bfff"]);
        let scale =
            Scale::of(b"blobs/sha256/80/8000", b"blobs/sha256/81/8100aa", Some(b"blobs/sha256/82/8200"), &[]);
        assert_eq!((scale.pages(), told(scale.cuts(2))), (1, vec!["blobs/sha256/81/8180".to_owned()]));
    }

    #[test]
    fn repositories_are_cut_by_their_names_and_one_of_them_by_its_digests() {
        let names: Vec<_> = (0..10).map(|n| format!("repositories/r{n}/").into_bytes()).collect();
        let scale = Scale::of(b"repositories/", b"repositories/r1/_layers/x", None, &names);
        assert_eq!((scale.pages(), told(scale.cuts(2))), (4, vec!["repositories/r6/".to_owned()]));
        let scale = Scale::of(b"repositories/r9/", b"repositories/r9/_layers/sha256/4000/link", None, &names);
        assert_eq!(told(scale.cuts(2)), ["repositories/r9/_layers/sha256/a000"]);
        let end = Some(&b"repositories/r9/"[..]);
        assert_eq!(Scale::of(b"", b"repositories/r8/_manifests/tags/x", end, &names), Scale::Unknown);
    }
}
