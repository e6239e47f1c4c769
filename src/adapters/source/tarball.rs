//! A tar archive that is indexed once and then read at positions, never extracted.
//!
//! The archive's own names are looked at in memory only. One compressed with gzip has no positions to
//! read at, so it is unpacked, once, to an unnamed temporary file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use tar::{Header, PaxExtensions};

use super::open::{folder_hint, open_regular, unreadable, unusable};
use crate::adapters::files::PrivateFolder;
use crate::engine::ports::{FileRange, SourceError};

const BLOCK: u64 = 512;
/// More members than any image archive has.
const MAX_MEMBERS: usize = 2_000_000;
/// Long names and pax records are read into memory: no sane one is larger.
const MAX_EXTENSION: u64 = 1 << 20;
/// How many links are followed from one name.
const MAX_LINKS: usize = 8;

pub(super) struct Tarball {
    path: PathBuf,
    file: Arc<File>,
    members: HashMap<String, Member>,
}

enum Member {
    File {
        start: u64,
        size: u64,
    },
    /// A symbolic or hard link to another member.
    Link(String),
    /// A link that leads out of the archive.
    Escape(String),
}

impl Tarball {
    /// Index the archive at `path`, unpacking gzip to a temporary file in `spool`.
    pub(super) fn open(path: &Path, spool: &PrivateFolder) -> Result<Self, SourceError> {
        let (file, size) = open_archive(path)?;
        let mut magic = [0; 4];
        let got = file.read_at(&mut magic, 0).map_err(|error| unreadable(path, error))?;
        let (file, size) = match magic.get(..got).unwrap_or_default() {
            [] => return Err(unusable(path, "is empty", None)),
            [0x1f, 0x8b, ..] => unpack(path, file, spool)?,
            [0x28, 0xb5, 0x2f, 0xfd] => return Err(compressed(path, "zstd", "zstd -d")),
            [b'B', b'Z', b'h', _] => return Err(compressed(path, "bzip2", "bunzip2")),
            [0xfd, b'7', b'z', b'X'] => return Err(compressed(path, "xz", "unxz")),
            _ => (file, size),
        };
        let members = Indexer { path, file: &file, size, at: 0 }.run()?;
        Ok(Self { path: path.to_owned(), file: Arc::new(file), members })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a member of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The member of that name, links inside the archive followed.
    pub(super) fn member(&self, name: &str) -> Result<Option<FileRange>, SourceError> {
        let mut at = name;
        for _ in 0..=MAX_LINKS {
            match self.members.get(at) {
                None => return Ok(None),
                Some(Member::Link(target)) => at = target,
                Some(Member::Escape(target)) => {
                    let why = format!("has `{at}` as a link out of the archive, to `{target}`: not followed");
                    return Err(unusable(&self.path, why, None));
                }
                Some(Member::File { start, size }) => {
                    let shown = format!("{}: {at}", self.path.display());
                    return Ok(Some(FileRange::new(Arc::clone(&self.file), &shown, *start, *size)));
                }
            }
        }
        Err(unusable(&self.path, format!("has links that go round in circles from `{name}`"), None))
    }
}

fn open_archive(path: &Path) -> Result<(File, u64), SourceError> {
    if path.is_dir() {
        return Err(unusable(path, "is a folder, and an archive is needed", folder_hint(path)));
    }
    open_regular(path)?.ok_or_else(|| unusable(path, "does not exist", None))
}

fn compressed(path: &Path, with: &str, tool: &str) -> SourceError {
    let hint = format!("unpack it first, with `{tool}`");
    unusable(path, format!("is compressed with {with}, which is not read"), Some(&hint))
}

fn unpack(path: &Path, file: File, spool: &PrivateFolder) -> Result<(File, u64), SourceError> {
    let failed = |source| SourceError::Spool { path: spool.path().to_owned(), source };
    let unpacked = spool.temporary().map_err(failed)?;
    let mut reader = MultiGzDecoder::new(BufReader::with_capacity(256 << 10, file));
    let mut piece = vec![0; 256 << 10];
    let mut at = 0;
    loop {
        let got = reader.read(&mut piece).map_err(|error| {
            unusable(path, format!("is corrupt or truncated gzip: after {at} unpacked bytes: {error}"), None)
        })?;
        let Some(bytes) = piece.get(..got).filter(|bytes| !bytes.is_empty()) else { break };
        unpacked.write_all_at(bytes, at).map_err(failed)?;
        at += got as u64;
    }
    Ok((unpacked, at))
}

/// Reads headers, one after the other.
struct Indexer<'a> {
    path: &'a Path,
    file: &'a File,
    size: u64,
    at: u64,
}

/// What the headers before a member say about it.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Indexer<'_> {
    fn run(mut self) -> Result<HashMap<String, Member>, SourceError> {
        let mut members = HashMap::new();
        let mut extensions = Extensions::default();
        while let Some(header) = self.header()? {
            let size = self.entry_size(&header, &extensions)?;
            let start = self.at;
            self.skip(size)?;
            if self.extend(&header, start, size, &mut extensions)? {
                continue;
            }
            let extensions = std::mem::take(&mut extensions);
            if let Some((name, member)) = member(&header, start, size, extensions) {
                members.insert(name, member);
            }
            if members.len() > MAX_MEMBERS {
                return Err(unusable(self.path, format!("has more than {MAX_MEMBERS} members"), None));
            }
        }
        Ok(members)
    }

    fn truncated(&self, why: &str) -> SourceError {
        unusable(self.path, format!("is truncated: {why}"), Some("copy the archive again"))
    }

    /// The next header; `None` at the end mark.
    fn header(&mut self) -> Result<Option<Header>, SourceError> {
        let mut header = Header::new_old();
        if let Err(error) = self.file.read_exact_at(header.as_mut_bytes(), self.at) {
            let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
            let truncated = || self.truncated("it ends without tar's end mark");
            return Err(if is_end { truncated() } else { unreadable(self.path, error) });
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if !has_right_sum(&header) {
            let why = if self.at == 0 {
                "is no tar archive".into()
            } else {
                format!("is damaged at byte {}", self.at)
            };
            return Err(unusable(self.path, why, None));
        }
        self.at += BLOCK;
        Ok(Some(header))
    }

    fn entry_size(&self, header: &Header, extensions: &Extensions) -> Result<u64, SourceError> {
        let size = extensions.size.map_or_else(|| header.entry_size(), Ok);
        size.map_err(|error| {
            unusable(self.path, format!("is damaged at byte {}: {error}", self.at - BLOCK), None)
        })
    }

    /// Go behind the data of the member that starts here.
    fn skip(&mut self, size: u64) -> Result<(), SourceError> {
        let padded = size.checked_next_multiple_of(BLOCK).and_then(|padded| self.at.checked_add(padded));
        match padded {
            Some(end) if self.at + size <= self.size => {
                self.at = end;
                Ok(())
            }
            _ => {
                let (at, there) = (self.at, self.size - self.at.min(self.size));
                Err(self.truncated(&format!("the member at byte {at} has {size} bytes, {there} are there")))
            }
        }
    }

    /// Take the header's data as an extension of the next one, if it is one.
    fn extend(
        &self,
        header: &Header,
        start: u64,
        size: u64,
        extensions: &mut Extensions,
    ) -> Result<bool, SourceError> {
        let kind = header.entry_type();
        if kind.is_pax_global_extensions() {
            return Ok(true);
        }
        if !(kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions()) {
            return Ok(false);
        }
        let data = self.extension(start, size)?;
        if kind.is_gnu_longname() {
            extensions.name = Some(until_nul(data));
        } else if kind.is_gnu_longlink() {
            extensions.link = Some(until_nul(data));
        } else {
            extensions.take_pax(&data);
        }
        Ok(true)
    }

    fn extension(&self, start: u64, size: u64) -> Result<Vec<u8>, SourceError> {
        let name = self.path.display().to_string();
        let file = self.file.try_clone().map_err(|error| unreadable(self.path, error))?;
        FileRange::new(Arc::new(file), &name, start, size).read(MAX_EXTENSION)
    }
}

impl Extensions {
    fn take_pax(&mut self, data: &[u8]) {
        for record in PaxExtensions::new(data).flatten() {
            match record.key_bytes() {
                b"path" => self.name = Some(record.value_bytes().to_vec()),
                b"linkpath" => self.link = Some(record.value_bytes().to_vec()),
                b"size" => self.size = record.value().ok().and_then(|size| size.parse().ok()),
                _ => {}
            }
        }
    }
}

fn until_nul(mut data: Vec<u8>) -> Vec<u8> {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    data.truncate(end);
    data
}

fn has_right_sum(header: &Header) -> bool {
    // The checksum's own field counts as spaces.
    let sum: u32 = header.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
    let field: u32 = header.as_old().cksum.iter().map(|byte| u32::from(*byte)).sum();
    header.cksum().is_ok_and(|said| said == sum - field + 8 * u32::from(b' '))
}

/// The member under its name, where it is a file or a link and its name stays inside the archive.
fn member(header: &Header, start: u64, size: u64, extensions: Extensions) -> Option<(String, Member)> {
    let name = extensions.name.unwrap_or_else(|| header.path_bytes().into_owned());
    let name = inside("", &String::from_utf8(name).ok()?)?;
    let link = || {
        let link = extensions.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        String::from_utf8_lossy(&link.unwrap_or_default()).into_owned()
    };
    let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
    let linked = |from: &str, to: String| inside(from, &to).map_or(Member::Escape(to), Member::Link);
    let kind = header.entry_type();
    let member = if kind.is_file() || kind.is_contiguous() {
        Member::File { start, size }
    } else if kind.is_symlink() {
        linked(parent, link())
    } else if kind.is_hard_link() {
        linked("", link())
    } else {
        return None;
    };
    Some((name, member))
}

/// The name that `path` has when it is followed from `from`; `None` where that leads out of the archive.
fn inside(from: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_archive() {
        assert_eq!(inside("", "./a/./b").as_deref(), Some("a/b"));
        assert_eq!(inside("a", "../b").as_deref(), Some("b"));
        assert_eq!(inside("a", "../../b"), None);
        assert_eq!(inside("", "/etc/passwd"), None);
        assert_eq!(inside("", "a/../../a"), None);
    }

    #[test]
    fn pax_gives_names_and_sizes() {
        let mut extensions = Extensions::default();
        extensions.take_pax(b"12 path=abc\n20 size=10000000000\n");
        assert_eq!(
            (extensions.name.as_deref(), extensions.size),
            (Some(b"abc".as_slice()), Some(10_000_000_000))
        );
    }
}
