//! Deleting exactly the stale keys: what they hold is read and they are deleted in the same transaction.

use std::collections::BTreeMap;

use redis::{Pipeline, Value};

use super::fault::Task;
use super::scan::send;
use super::topology::{Node, Nodes};
use crate::domain::views::cache::{CacheKey, Purged, PurgedContent, PurgedKey, StaleKeys};
use crate::engine::ports::CacheError;

/// What goes.
enum Doomed {
    /// A hash, whole.
    Hash(String),
    /// A member of a set.
    Member(String, String),
}

impl Doomed {
    const fn key(&self) -> &String {
        match self {
            Self::Hash(key) | Self::Member(key, _) => key,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Hash(_) => "hash",
            Self::Member(..) => "set",
        }
    }

    /// Two commands: read it, delete it.
    fn enqueue(&self, pipeline: &mut Pipeline) {
        match self {
            Self::Hash(key) => pipeline.cmd("HGETALL").arg(key).cmd("DEL").arg(key),
            Self::Member(key, member) => {
                pipeline.cmd("SISMEMBER").arg(key).arg(member).cmd("SREM").arg(key).arg(member)
            }
        };
    }

    /// What the first of the two commands said was there.
    fn was(self, value: Value) -> Option<PurgedKey> {
        match self {
            Self::Hash(key) => {
                let fields: BTreeMap<Vec<u8>, Vec<u8>> = redis::from_redis_value(value).ok()?;
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let fields: BTreeMap<_, _> = fields.iter().map(|(name, is)| (text(name), text(is))).collect();
                let content = PurgedContent::Hash(fields);
                (content != PurgedContent::Hash(BTreeMap::new())).then_some(PurgedKey { key, content })
            }
            Self::Member(key, member) => {
                (value == Value::Int(1)).then_some(PurgedKey { key, content: PurgedContent::Member(member) })
            }
        }
    }
}

/// The global entry first: without it nothing is claimed any more, whatever happens to the rest.
fn doomed(stale: &StaleKeys) -> Vec<Doomed> {
    let digest = stale.digest;
    let entry = stale.entry.then(|| Doomed::Hash(CacheKey::Entry(digest).to_string()));
    let pairs = stale.repositories.iter().flat_map(|name| {
        let set = CacheKey::Set(name.as_str()).to_string();
        let hash = CacheKey::Hash(name.as_str(), digest).to_string();
        [Doomed::Member(set, digest.to_string()), Doomed::Hash(hash)]
    });
    entry.into_iter().chain(pairs).collect()
}

/// Delete them: one transaction on a single server, one for each slot in a cluster, the global entry's first.
pub(super) async fn purge(nodes: &Nodes, task: Task<'_>, stale: &StaleKeys) -> Result<Purged, CacheError> {
    let mut slots: Vec<(u16, Vec<Doomed>)> = Vec::new();
    for key in doomed(stale) {
        let slot = nodes.slot(key.key());
        match slots.iter_mut().find(|(number, _)| *number == slot) {
            Some((_, keys)) => keys.push(key),
            None => slots.push((slot, vec![key])),
        }
    }
    // Every type is looked at before the first key goes.
    for (slot, keys) in &slots {
        check_types(owner(nodes, task, *slot)?, task, keys).await?;
    }
    let mut purged = Purged::default();
    for (slot, keys) in slots {
        purged.keys.extend(delete(owner(nodes, task, slot)?, task, keys).await?);
    }
    Ok(purged)
}

fn owner<'a>(nodes: &'a Nodes, task: Task<'_>, slot: u16) -> Result<&'a Node, CacheError> {
    nodes.owner(slot).ok_or_else(|| task.failed(format!("nobody serves slot {slot}")))
}

/// DEL takes any type, so a key of another program that has our name must be seen before.
async fn check_types(node: &Node, task: Task<'_>, keys: &[Doomed]) -> Result<(), CacheError> {
    let mut pipeline = Pipeline::with_capacity(keys.len());
    for key in keys {
        pipeline.cmd("TYPE").arg(key.key());
    }
    for (key, value) in keys.iter().zip(send(node.connection.clone(), task, &pipeline).await?) {
        if let Value::ServerError(error) = &value {
            return Err(task.answered(error));
        }
        if let Value::SimpleString(found) = value
            && found != key.kind()
            && found != "none"
        {
            let (location, wanted) = (task.location.to_owned(), key.kind());
            return Err(CacheError::WrongType { location, key: key.key().clone(), found, wanted });
        }
    }
    Ok(())
}

async fn delete(node: &Node, task: Task<'_>, keys: Vec<Doomed>) -> Result<Vec<PurgedKey>, CacheError> {
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    for key in &keys {
        key.enqueue(&mut pipeline);
    }
    let answers: Vec<Value> =
        pipeline.query_async(&mut node.connection.clone()).await.map_err(|error| task.fault(error))?;
    let contents = answers.into_iter().step_by(2);
    Ok(keys.into_iter().zip(contents).filter_map(|(key, content)| key.was(content)).collect())
}
