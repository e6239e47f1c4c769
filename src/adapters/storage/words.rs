//! Why something does not belong where it lies, and what that does: the same words whatever the storage is on.

pub(in crate::adapters) const NOT_TOP: &str = "only the folders `blobs` and `repositories` belong here";
pub(in crate::adapters) const NOT_BLOB_ALGORITHM: &str = "the daemon looks only in `sha256`, `sha384` and `sha512` here; a file named `data` in it aborts garbage collection";
pub(in crate::adapters) const NOT_SHARD: &str = "only folders of two lower-case hexadecimal digits belong here; a file named `data` in it aborts garbage collection";
pub(in crate::adapters) const NOT_DIGEST: &str =
    "its name is no digest in lower-case hexadecimal; a file named `data` in it aborts garbage collection";
pub(in crate::adapters) const WRONG_SHARD: &str =
    "it lies in the wrong folder (that of another digest's first two digits), where the daemon never looks";
pub(in crate::adapters) const FILE_IN_SHARD: &str =
    "only folders named by digests belong here; a file named `data` aborts garbage collection";
pub(in crate::adapters) const NO_BLOB: &str = "it is no regular file, so the blob is not stored";
pub(in crate::adapters) const NOT_LINK_ALGORITHM: &str =
    "only the folders `sha256`, `sha384` and `sha512` belong here";
pub(in crate::adapters) const NOT_LINK: &str =
    "only folders named by digests in lower-case hexadecimal belong here";
pub(in crate::adapters) const NO_LINK: &str = "it is no regular file, so there is no link";
pub(in crate::adapters) const NOT_NAME: &str =
    "it is no repository name, so the daemon can neither list nor serve what is in it";
pub(in crate::adapters) const NOT_FOLDER: &str = "only folders belong here";
pub(in crate::adapters) const RESERVED: &str =
    "of the names that begin with `_` a repository has only `_layers`, `_manifests` and `_uploads`";
pub(in crate::adapters) const NOT_MANIFESTS: &str = "only the folders `revisions` and `tags` belong here";
pub(in crate::adapters) const NOT_TAG: &str = "it is no tag, so the daemon can neither list nor serve it";
pub(in crate::adapters) const NO_TARGET: &str = "it is no regular file, so the tag has no target";
pub(in crate::adapters) const NOT_SESSION: &str =
    "only the folders of upload sessions, named by UUIDs, belong here";
pub(in crate::adapters) const NOT_PART: &str =
    "an upload session has only `data`, `startedat` and `hashstates`";
pub(in crate::adapters) const NO_FILE: &str = "it is no regular file";
