//! Verified bytes in the form that an upload takes.

use std::io;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::engine::ports::{ByteSource, VerifiedBytes};

/// Bytes that are what their digest says, to be uploaded.
pub(super) struct Payload(pub(super) VerifiedBytes);

#[async_trait]
impl ByteSource for Payload {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn open(&self, offset: u64) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        let bytes = self.0.part(offset..self.0.size()).map_err(|error| io::Error::other(error.with_causes()));
        Ok(Box::new(StreamReader::new(bytes)))
    }
}
