//! Deleting exactly the stale keys: what they hold is read first, so that it can be written down before it goes.

use std::collections::BTreeMap;

use redis::{Pipeline, Value};

use super::fault::Task;
use super::scan::send;
use super::topology::{Node, Nodes};
use crate::domain::cache_key::CacheKey;
use crate::domain::journal::{Content, DeletedKey, KeyContent};
use crate::domain::views::cache::StaleKeys;
use crate::engine::ports::CacheError;

/// A stale key as it would go, were it there: a hash of which nothing is known yet, or the digest as a member.
fn doomed(key: &CacheKey<'_>, stale: &StaleKeys) -> DeletedKey {
    let content = match key {
        CacheKey::Entry(_) | CacheKey::Hash(..) => KeyContent::Hash(BTreeMap::new()),
        CacheKey::Set(_) => KeyContent::Members(vec![stale.digest.to_string()]),
    };
    DeletedKey { key: key.to_string(), content }
}

const fn kind(key: &DeletedKey) -> &'static str {
    match key.content {
        KeyContent::Hash(_) => "hash",
        KeyContent::Members(_) => "set",
    }
}

/// What is there of them.
pub(super) async fn held(
    nodes: &Nodes,
    task: Task<'_>,
    stale: &StaleKeys,
) -> Result<Vec<DeletedKey>, CacheError> {
    let doomed: Vec<_> = stale.keys().map(|key| doomed(&key, stale)).collect();
    let mut held = Vec::new();
    for (node, keys) in by_slot(nodes, task, &doomed)? {
        check_types(node, task, &keys).await?;
        let mut pipeline = Pipeline::with_capacity(keys.len());
        for key in &keys {
            match &key.content {
                KeyContent::Hash(_) => pipeline.cmd("HGETALL").arg(&key.key),
                KeyContent::Members(members) => pipeline.cmd("SISMEMBER").arg(&key.key).arg(members),
            };
        }
        for (key, value) in keys.into_iter().zip(send(node.connection.clone(), task, &pipeline).await?) {
            held.extend(was(key, value, task)?);
        }
    }
    Ok(held)
}

/// The key with what it holds; nothing where it holds nothing.
fn was(key: &DeletedKey, value: Value, task: Task<'_>) -> Result<Option<DeletedKey>, CacheError> {
    if let Value::ServerError(error) = &value {
        return Err(task.answered(error));
    }
    if let KeyContent::Members(_) = key.content {
        return Ok((value == Value::Int(1)).then(|| key.clone()));
    }
    let fields: Vec<(Vec<u8>, Vec<u8>)> =
        redis::from_redis_value(value).map_err(|error| task.failed(error.to_string()))?;
    let field =
        |(name, is): (Vec<u8>, Vec<u8>)| (String::from_utf8_lossy(&name).into_owned(), Content::new(is));
    let fields: BTreeMap<_, _> = fields.into_iter().map(field).collect();
    let is_there = !fields.is_empty();
    Ok(is_there.then(|| DeletedKey { key: key.key.clone(), content: KeyContent::Hash(fields) }))
}

/// Delete them: one transaction on a single server, one for each slot in a cluster, in their order.
pub(super) async fn purge(nodes: &Nodes, task: Task<'_>, keys: &[DeletedKey]) -> Result<usize, CacheError> {
    let slots = by_slot(nodes, task, keys)?;
    // Every type is looked at before the first key goes.
    for (node, keys) in &slots {
        check_types(node, task, keys).await?;
    }
    let mut count = 0;
    for (node, keys) in slots {
        count += delete(node, task, &keys).await?;
    }
    Ok(count)
}

/// The keys of each slot, with who serves it.
fn by_slot<'a>(
    nodes: &'a Nodes,
    task: Task<'_>,
    keys: &'a [DeletedKey],
) -> Result<Vec<(&'a Node, Vec<&'a DeletedKey>)>, CacheError> {
    let mut slots: Vec<(u16, Vec<&DeletedKey>)> = Vec::new();
    for key in keys {
        let slot = nodes.slot(&key.key);
        match slots.iter_mut().find(|(number, _)| *number == slot) {
            Some((_, keys)) => keys.push(key),
            None => slots.push((slot, vec![key])),
        }
    }
    slots.into_iter().map(|(slot, keys)| Ok((owner(nodes, task, slot)?, keys))).collect()
}

fn owner<'a>(nodes: &'a Nodes, task: Task<'_>, slot: u16) -> Result<&'a Node, CacheError> {
    nodes.owner(slot).ok_or_else(|| task.failed(format!("nobody serves slot {slot}")))
}

/// DEL takes any type, so a key of another program that has our name must be seen before.
async fn check_types(node: &Node, task: Task<'_>, keys: &[&DeletedKey]) -> Result<(), CacheError> {
    let mut pipeline = Pipeline::with_capacity(keys.len());
    for key in keys {
        pipeline.cmd("TYPE").arg(&key.key);
    }
    for (key, value) in keys.iter().zip(send(node.connection.clone(), task, &pipeline).await?) {
        if let Value::ServerError(error) = &value {
            return Err(task.answered(error));
        }
        if let Value::SimpleString(found) = value
            && found != kind(key)
            && found != "none"
        {
            let (location, wanted) = (task.location.to_owned(), kind(key));
            return Err(CacheError::WrongType { location, key: key.key.clone(), found, wanted });
        }
    }
    Ok(())
}

/// How many of them were there.
async fn delete(node: &Node, task: Task<'_>, keys: &[&DeletedKey]) -> Result<usize, CacheError> {
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    for key in keys {
        match &key.content {
            KeyContent::Hash(_) => pipeline.cmd("DEL").arg(&key.key),
            KeyContent::Members(members) => pipeline.cmd("SREM").arg(&key.key).arg(members),
        };
    }
    let gone: Vec<u64> =
        pipeline.query_async(&mut node.connection.clone()).await.map_err(|error| task.fault(error))?;
    Ok(gone.into_iter().filter(|gone| *gone > 0).count())
}
