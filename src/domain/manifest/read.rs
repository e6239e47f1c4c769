//! From JSON to a manifest, field by field as the daemon's structs have them.

use std::borrow::Cow;

use super::{Descriptor, ForeignLayer, Kind, Manifest, ManifestError};
use crate::domain::digest::{Digest, DigestError};
use crate::domain::go_json::{JsonReader, SyntaxError, Value, means};

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// Types of manifests of schema 1, with and without signatures.
const SCHEMA1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const OCI_FOREIGN: [&str; 2] = [
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
];
const OCI_LAYER: [&str; 2] =
    ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip"];

/// Whether something wrong was read: what, the first of it.
type Wrong = Option<String>;

/// A field of the document and what is wrong in it, which matters only to those whose struct has it.
#[derive(Default)]
struct Field<T> {
    value: T,
    wrong: Wrong,
}

/// An array that may come twice: Go lays the second over the first, element by element.
#[derive(Default)]
struct Slice<T> {
    items: Vec<T>,
    /// None is `nil`.
    length: Option<usize>,
}

#[derive(Default)]
struct Document<'a> {
    version: Field<i64>,
    media_type: Field<Cow<'a, str>>,
    config: Field<RawDescriptor<'a>>,
    layers: Field<Slice<RawDescriptor<'a>>>,
    blobs: Field<Slice<RawDescriptor<'a>>>,
    manifests: Field<Slice<RawDescriptor<'a>>>,
    annotations: Field<()>,
    subject: Field<RawDescriptor<'a>>,
    fs_layers: Field<Slice<RawDescriptor<'a>>>,
}

#[derive(Default)]
struct RawDescriptor<'a> {
    media_type: Cow<'a, str>,
    digest: Cow<'a, str>,
    size: Option<i64>,
    has_urls: bool,
    /// `os`, `architecture`, `variant`
    platform: [Cow<'a, str>; 3],
}

pub(super) fn manifest(text: &[u8]) -> Result<Manifest, ManifestError> {
    let mut document = Document::default();
    let mut reader = JsonReader::new(text);
    let whole = document.read(&mut reader).and_then(|read| reader.end().map(|()| read));
    match whole.map_err(ManifestError::NotJson)? {
        Value::Of(()) | Value::Null => document.judge(),
        Value::Wrong => Err(ManifestError::WrongType("whole".into())),
    }
}

impl<T> Field<T> {
    /// Take note of what is wrong.
    fn note(&mut self, place: &str, wrong: Wrong) {
        if self.wrong.is_none() {
            self.wrong = wrong.map(|inner| format!("{place}{inner}"));
        }
    }

    /// The value, if nothing is wrong in it.
    fn right(&self) -> Result<&T, ManifestError> {
        self.wrong.clone().map_or(Ok(&self.value), |wrong| Err(ManifestError::WrongType(wrong)))
    }
}

impl<T> Slice<T> {
    fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().take(self.length.unwrap_or(0))
    }
}

impl<T: Default> Slice<T> {
    fn read<'a>(
        &mut self,
        reader: &mut JsonReader<'a>,
        mut item: impl FnMut(&mut T, &mut JsonReader<'a>) -> Result<Wrong, SyntaxError>,
    ) -> Result<Wrong, SyntaxError> {
        let (mut wrong, mut length) = (None, 0);
        let items = &mut self.items;
        let read = reader.array(|reader, place| {
            if place == items.len() {
                items.push(T::default());
            }
            let Some(slot) = items.get_mut(place) else { return reader.skip() };
            length = place + 1;
            let inner = item(slot, reader)?;
            keep(&mut wrong, inner.map(|inner| format!("[{place}]{inner}")));
            Ok(())
        })?;
        match read {
            Value::Of(()) => self.length = Some(length),
            Value::Null => (self.items, self.length) = (Vec::new(), None),
            Value::Wrong => wrong = Some(String::new()),
        }
        if length == 0 {
            self.items.clear();
        }
        Ok(wrong)
    }
}

/// The first thing that is wrong.
fn keep(known: &mut Wrong, more: Wrong) {
    if known.is_none() {
        *known = more;
    }
}

/// What is wrong with a value that `null` leaves as it was.
fn set<T>(slot: &mut T, read: Value<T>) -> Wrong {
    match read {
        Value::Of(value) => *slot = value,
        Value::Null => {}
        Value::Wrong => return Some(String::new()),
    }
    None
}

fn of_object(read: &Value<()>) -> Wrong {
    (*read == Value::Wrong).then(String::new)
}

fn text<'a>(slot: &mut Cow<'a, str>, reader: &mut JsonReader<'a>) -> Result<Wrong, SyntaxError> {
    Ok(set(slot, reader.string()?))
}

/// A map of texts.
fn annotations(reader: &mut JsonReader<'_>) -> Result<Wrong, SyntaxError> {
    let mut wrong = None;
    let read = reader.object(|reader, _| {
        let value = reader.string()?;
        keep(&mut wrong, (value == Value::Wrong).then(String::new));
        Ok(())
    })?;
    Ok(of_object(&read).or(wrong))
}

/// A list of texts, and how many.
fn texts(reader: &mut JsonReader<'_>) -> Result<(Wrong, usize), SyntaxError> {
    let mut slice = Slice::<Cow<'_, str>>::default();
    let wrong = slice.read(reader, text)?;
    Ok((wrong, slice.length.unwrap_or(0)))
}

impl<'a> Document<'a> {
    fn read(&mut self, reader: &mut JsonReader<'a>) -> Result<Value<()>, SyntaxError> {
        reader.object(|reader, key| {
            if means(key, "schemaVersion") {
                let wrong = set(&mut self.version.value, reader.integer()?);
                self.version.note("schemaVersion", wrong);
            } else if means(key, "mediaType") {
                let wrong = text(&mut self.media_type.value, reader)?;
                self.media_type.note("mediaType", wrong);
            } else if means(key, "config") {
                let wrong = self.config.value.read(reader)?;
                self.config.note("config", wrong);
            } else if means(key, "subject") {
                let wrong = self.subject.value.read(reader)?;
                self.subject.note("subject", wrong);
            } else if means(key, "annotations") {
                let wrong = annotations(reader)?;
                self.annotations.note("annotations", wrong);
            } else if means(key, "fsLayers") {
                let wrong = self.fs_layers.value.read(reader, RawDescriptor::read_schema1)?;
                self.fs_layers.note("fsLayers", wrong);
            } else if let Some((field, name)) = self.list(key) {
                let wrong = field.value.read(reader, RawDescriptor::read)?;
                field.note(name, wrong);
            } else {
                reader.skip()?;
            }
            Ok(())
        })
    }

    fn list(&mut self, key: &str) -> Option<(&mut Field<Slice<RawDescriptor<'a>>>, &'static str)> {
        let lists =
            [(&mut self.layers, "layers"), (&mut self.manifests, "manifests"), (&mut self.blobs, "blobs")];
        lists.into_iter().find(|(_, name)| means(key, name))
    }

    /// What it is, and what that needs.
    fn judge(&self) -> Result<Manifest, ManifestError> {
        let (version, media_type) = (*self.version.right()?, self.media_type.right()?);
        match (version, &**media_type) {
            (_, OCI_ARTIFACT) => Ok(self.all(Kind::Artifact, "blobs", self.blobs.right()?)),
            (1, _) => Ok(self.all(Kind::Schema1, "fsLayers", self.fs_layers.right()?)),
            (2, DOCKER_MANIFEST) => self.image(true),
            (2, OCI_MANIFEST) => self.annotations.right().and_then(|()| self.image(false)),
            (2, DOCKER_LIST) => Ok(self.index(self.manifests.right()?)),
            (2, OCI_INDEX) => self.annotations.right().and_then(|()| Ok(self.index(self.manifests.right()?))),
            // Without a type it is an index if it lists manifests, be they none.
            (2, "") => {
                self.annotations.right()?;
                let manifests = self.manifests.right()?;
                if manifests.length.is_some() { Ok(self.index(manifests)) } else { self.image(false) }
            }
            (2, other) => Err(ManifestError::MediaType(other.chars().take(80).collect())),
            (other, _) => Err(ManifestError::Version(other)),
        }
    }

    fn image(&self, is_docker: bool) -> Result<Manifest, ManifestError> {
        let (mut needs, mut foreign, mut flaw) = (Vec::new(), Vec::new(), None);
        needs.extend(self.config.right()?.describe(|| "config".into(), &mut flaw));
        for (at, layer) in self.layers.right()?.iter().enumerate() {
            let Some(descriptor) = layer.describe(|| format!("layers[{at}]"), &mut flaw) else { continue };
            match layer.is_foreign(is_docker) {
                None => needs.push(descriptor),
                Some(is_plain) => foreign.push(ForeignLayer { descriptor, is_plain }),
            }
        }
        Ok(Manifest { needs: needs.into(), foreign: foreign.into(), flaw, ..self.make(Kind::Image) })
    }

    fn index(&self, listed: &Slice<RawDescriptor<'_>>) -> Manifest {
        let (mut needs, mut children, mut platforms) = (Vec::new(), Vec::new(), Vec::new());
        for raw in listed.iter() {
            // One of another algorithm may be of a platform that nobody pulls: the others can be.
            let Ok(digest) = raw.digest.parse::<Digest>() else { continue };
            if raw.is_manifest() {
                children.push(raw.sized(digest));
                platforms.push(raw.platform());
            } else {
                needs.push(raw.sized(digest));
            }
        }
        let (needs, children, platforms) = (needs.into(), children.into(), platforms.into());
        Manifest { needs, children, platforms, ..self.make(Kind::Index) }
    }

    fn all(&self, kind: Kind, name: &str, blobs: &Slice<RawDescriptor<'_>>) -> Manifest {
        let mut flaw = None;
        let blobs = blobs.iter().enumerate();
        let needs: Vec<_> =
            blobs.filter_map(|(at, raw)| raw.describe(|| format!("{name}[{at}]"), &mut flaw)).collect();
        Manifest { needs: needs.into(), flaw, ..self.make(kind) }
    }

    /// One without content. A subject that cannot be read is none: no daemon looks at it.
    fn make(&self, kind: Kind) -> Manifest {
        Manifest {
            kind,
            needs: Box::default(),
            foreign: Box::default(),
            children: Box::default(),
            platforms: Box::default(),
            subject: self.subject.right().ok().and_then(|subject| subject.digest.parse().ok()).map(Box::new),
            flaw: None,
        }
    }
}

impl<'a> RawDescriptor<'a> {
    fn read(&mut self, reader: &mut JsonReader<'a>) -> Result<Wrong, SyntaxError> {
        let mut wrong = None;
        let read = reader.object(|reader, key| {
            let (name, inner) = if means(key, "mediaType") {
                (".mediaType", text(&mut self.media_type, reader)?)
            } else if means(key, "digest") {
                (".digest", text(&mut self.digest, reader)?)
            } else if means(key, "size") {
                let mut size = 0;
                let read = reader.integer()?;
                // Of `null` nothing is taken, so that no size was given.
                let is_given = matches!(read, Value::Of(_));
                let inner = set(&mut size, read);
                self.size = if is_given { Some(size) } else { self.size };
                (".size", inner)
            } else if means(key, "urls") {
                let (inner, count) = texts(reader)?;
                self.has_urls = count > 0;
                (".urls", inner)
            } else if means(key, "annotations") {
                (".annotations", annotations(reader)?)
            } else if means(key, "platform") {
                (".platform", self.read_platform(reader)?)
            } else {
                reader.skip()?;
                return Ok(());
            };
            keep(&mut wrong, inner.map(|inner| format!("{name}{inner}")));
            Ok(())
        })?;
        Ok(of_object(&read).or(wrong))
    }

    /// A layer of schema 1.
    fn read_schema1(&mut self, reader: &mut JsonReader<'a>) -> Result<Wrong, SyntaxError> {
        let mut wrong = None;
        let read = reader.object(|reader, key| {
            if !means(key, "blobSum") {
                return reader.skip();
            }
            keep(&mut wrong, text(&mut self.digest, reader)?.map(|inner| format!(".blobSum{inner}")));
            Ok(())
        })?;
        Ok(of_object(&read).or(wrong))
    }

    fn read_platform(&mut self, reader: &mut JsonReader<'a>) -> Result<Wrong, SyntaxError> {
        let [os, architecture, variant] = &mut self.platform;
        let mut wrong = None;
        let read = reader.object(|reader, key| {
            let inner = if means(key, "os") {
                text(os, reader)?
            } else if means(key, "architecture") {
                text(architecture, reader)?
            } else if means(key, "variant") {
                text(variant, reader)?
            } else if means(key, "os.version") {
                text(&mut Cow::default(), reader)?
            } else if means(key, "os.features") {
                texts(reader)?.0
            } else {
                reader.skip()?;
                None
            };
            keep(&mut wrong, inner);
            Ok(())
        })?;
        Ok(of_object(&read).or(wrong))
    }

    /// The content that is meant; none if no client could ask for it.
    fn describe(&self, place: impl FnOnce() -> String, flaw: &mut Option<Box<str>>) -> Option<Descriptor> {
        let read: Result<Digest, DigestError> = self.digest.parse();
        if let Err(error) = &read {
            flaw.get_or_insert_with(|| format!("its {} has a bad digest: {error}", place()).into());
        }
        read.ok().map(|digest| self.sized(digest))
    }

    fn sized(&self, digest: Digest) -> Descriptor {
        Descriptor::new(digest, self.size.and_then(|size| u64::try_from(size).ok()))
    }

    /// Whether a client may get it from elsewhere, by the daemon's rule; and if so, whether it looks like any other.
    fn is_foreign(&self, is_docker: bool) -> Option<bool> {
        let kind = &*self.media_type;
        if is_docker {
            return (kind == DOCKER_FOREIGN).then_some(false);
        }
        if !self.has_urls {
            return None;
        }
        OCI_FOREIGN.contains(&kind).then_some(false).or_else(|| OCI_LAYER.contains(&kind).then_some(true))
    }

    /// What gives no type is taken for what an index is there for.
    fn is_manifest(&self) -> bool {
        let kind = &*self.media_type;
        ["", DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT].contains(&kind)
            || SCHEMA1.contains(&kind)
    }

    fn platform(&self) -> Box<str> {
        let [os, architecture, variant] = &self.platform;
        match (&**os, &**architecture, &**variant) {
            ("", "", _) => "".into(),
            (os, architecture, "") => format!("{os}/{architecture}").into(),
            (os, architecture, variant) => format!("{os}/{architecture}/{variant}").into(),
        }
    }
}
