//! Single objects of a store: their sizes, their bytes, part by part.

use std::time::Duration;

use bytes::Bytes;

use super::answers::Object;
use super::dialect::Copied;
use super::fault::StoreFault;
use super::store::ObjectStore;

/// So much is fetched at once of what is hashed.
const PART: u64 = 8 << 20;
/// So long is waited for a copy that is under way.
const COPYING: Duration = Duration::from_millis(300);

impl ObjectStore {
    /// Look at an object.
    pub(super) async fn head(&self, key: &str) -> Result<Object, StoreFault> {
        self.ask_for(&self.dialect.look(key), |answer| self.dialect.object(answer)).await
    }

    /// At most so many of the first bytes of an object.
    pub(super) async fn start(&self, key: &str, limit: u64) -> Result<Bytes, StoreFault> {
        match limit.checked_sub(1) {
            Some(last) => self.bytes(key, (0, last), "").await,
            None => self.head(key).await.map(|_| Bytes::new()),
        }
    }

    /// A part of an object that is still the one of that tag; empty behind its end.
    pub(super) async fn part(&self, key: &str, from: u64, tag: &str) -> Result<Bytes, StoreFault> {
        self.bytes(key, (from, from + PART - 1), tag).await
    }

    async fn bytes(&self, key: &str, bytes: (u64, u64), tag: &str) -> Result<Bytes, StoreFault> {
        match self.ask(&self.dialect.get(key, bytes, tag), bytes.1 - bytes.0 + 1).await {
            Ok(answer) => Ok(answer.body),
            // There is no first byte of nothing.
            Err(StoreFault::OutOfRange) => Ok(Bytes::new()),
            Err(fault) => Err(fault),
        }
    }

    /// Copy an object that is still the one that was looked at.
    pub(super) async fn copy(&self, from: &str, to: &str, object: &Object) -> Result<(), StoreFault> {
        if let Some(copy) = self.dialect.copy_in_parts(from, to, object) {
            return self.copy_parts(copy).await;
        }
        let mut ask = self.dialect.copy(from, to, object);
        while let Copied::Ask(next) = self.ask_for(&ask, |answer| self.dialect.copied(&ask, answer)).await? {
            tokio::time::sleep(COPYING).await;
            ask = next;
        }
        Ok(())
    }

    pub(super) async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreFault> {
        self.ask(&self.dialect.put(key, body), 1 << 16).await.map(|_| ())
    }

    /// Delete an object that is still the one of that tag, where the store can tell.
    pub(super) async fn delete(&self, key: &str, tag: &str) -> Result<(), StoreFault> {
        self.ask(&self.dialect.delete(key, tag), 1 << 16).await.map(|_| ())
    }
}
