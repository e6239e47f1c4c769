//! The daemon's blob-descriptor cache in Redis: single servers, sentinels, clusters.
//!
//! redis-rs speaks the protocol over connections that are opened here: its own TLS refuses the certificates
//! that operators make, and its errors do not tell a web server from a Redis.

mod bounded;
mod dial;
mod fault;
mod purge;
mod scan;
mod settings;
mod tls;
mod topology;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use redis::{Pipeline, Value};
use tokio::sync::Mutex;

use self::dial::{Dial, Login};
use self::fault::{READING, Task};
use self::scan::Scan;
pub use self::settings::{Form, RedisAddress, RedisSettings, RedisTls};
use self::topology::{Nodes, field, info};
use crate::domain::cache_key::CacheKey;
use crate::domain::digest::Digest;
use crate::domain::journal::DeletedKey;
use crate::domain::name::RepositoryName;
use crate::domain::observed::{Observed, Thing, Unlooked};
use crate::domain::views::cache::{
    CacheCollector, CacheDatabase, CacheInfo, CacheView, CachedBlob, Membership, StaleKeys,
};
use crate::engine::ports::{Cache, CacheError, Event, Events, Notice};

/// Read any answer as each of those that are asked for, for whoever throws anything at it.
#[cfg(any(test, fuzzing))]
pub(crate) fn answer(bytes: &[u8]) {
    let Ok(value) = redis::parse_redis_value(bytes) else { return };
    let _ = topology::read_range(&value, &RedisAddress::Tcp("redis.test".into(), 6379));
    let text: String = redis::from_redis_value(value.clone()).unwrap_or_default();
    let _ = (field(&text, "role"), text.lines().filter_map(read_keyspace).count());
    let (_, names) = redis::from_redis_value::<scan::Names>(value.clone()).unwrap_or_default();
    assert!(names.len() <= bytes.len(), "it names no more than it holds");
    if let Value::Array(fields) = value {
        let _ = scan::entry(&fields);
    }
}

/// A Redis that holds the daemon's cache.
pub struct RedisCache {
    settings: RedisSettings,
    location: String,
    dial: Dial,
    /// Dropped after every failure, so that the next question finds a new master or a restarted server.
    nodes: Mutex<Option<(Arc<Nodes>, Instant)>>,
}

impl RedisCache {
    /// The one that the settings name, reached with the first question.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn at(settings: RedisSettings) -> Result<Self, CacheError> {
        let dial = Dial::new(&settings)?;
        let location = settings.location();
        Ok(Self { settings, location, dial, nodes: Mutex::default() })
    }

    const fn task(&self, doing: &'static str) -> Task<'_> {
        self.dial.task(self.location.as_str(), doing)
    }

    async fn nodes(&self) -> Result<Arc<Nodes>, CacheError> {
        let mut nodes = self.nodes.lock().await;
        let fresh = nodes.take().filter(|(_, used)| used.elapsed() < self.settings.idle);
        let found = match fresh {
            Some((found, _)) => found,
            None => Arc::new(topology::discover(&self.dial, &self.settings).await?),
        };
        *nodes = Some((Arc::clone(&found), Instant::now()));
        Ok(found)
    }

    async fn keep<T>(&self, result: Result<T, CacheError>) -> Result<T, CacheError> {
        if result.is_err() {
            *self.nodes.lock().await = None;
        }
        result
    }

    async fn read(&self, events: &dyn Events) -> Result<CacheView, CacheError> {
        let nodes = self.nodes().await?;
        let began = Timestamp::now();
        let mut collector = CacheCollector::default();
        let mut keys = 0;
        for node in &nodes.list {
            let task = Task { location: &node.address, keys, ..self.task(READING) };
            keys = Scan::new(node, &mut collector, task).run(events).await?;
        }
        let mut view = collector.finish(self.location.clone(), began);
        view.others = self.databases(&nodes).await;
        view.others.retain(|database| database.number != self.settings.database);
        Ok(view)
    }

    async fn size(&self) -> Option<u64> {
        let nodes = self.nodes().await.ok()?;
        let mut keys = 0;
        for node in &nodes.list {
            let size: Option<u64> = redis::cmd("DBSIZE").query_async(&mut node.connection.clone()).await.ok();
            keys += size?;
        }
        Some(keys)
    }

    /// The databases that hold keys, and whether those are a registry's. A cluster has one only.
    async fn databases(&self, nodes: &Nodes) -> Vec<CacheDatabase> {
        let Some(node) = nodes.list.first().filter(|_| !nodes.clustered) else { return Vec::new() };
        let keyspace = info(&node.connection, "keyspace").await.unwrap_or_default();
        let mut databases: Vec<CacheDatabase> = keyspace.lines().filter_map(read_keyspace).collect();
        for database in &mut databases {
            // A user that may not use that database cannot say whose it is.
            database.registry = self.is_registrys(&node.address, database.number).await.unwrap_or(false);
        }
        databases
    }

    async fn is_registrys(&self, address: &str, database: u32) -> Result<bool, CacheError> {
        let address = RedisAddress::parse(address, 0)?;
        let connection = self.dial.connect(&address, Login::of_server(&self.settings, database)).await?;
        scan::holds_a_registry(&connection, self.task("look at other databases")).await
    }

    /// Ask a few things about keys that may lie on different nodes.
    async fn ask(&self, questions: Vec<(String, redis::Cmd)>) -> Result<Vec<Value>, CacheError> {
        let nodes = self.nodes().await?;
        let task = self.task("look at a key");
        let mut answers = Vec::with_capacity(questions.len());
        for (key, question) in questions {
            let slot = nodes.slot(&key);
            let node = nodes.owner(slot).ok_or_else(|| task.failed(format!("nobody serves slot {slot}")))?;
            let mut pipeline = Pipeline::with_capacity(1);
            pipeline.add_command(question);
            answers.extend(scan::send(node.connection.clone(), task, &pipeline).await?);
        }
        let failure = answers.iter().find_map(|answer| {
            let Value::ServerError(error) = answer else { return None };
            Some(task.answered(error))
        });
        failure.map_or(Ok(answers), Err)
    }

    async fn look_at_entry(&self, digest: &Digest) -> Result<Observed<CachedBlob>, CacheError> {
        let key = CacheKey::Entry(*digest).to_string();
        let mut question = redis::cmd("HMGET");
        question.arg(&key).arg("digest").arg("size");
        let answers = self.ask(vec![(key, question)]).await?;
        let Some(Value::Array(fields)) = answers.first() else { return Ok(Observed::Absent) };
        let Some((name, size)) = scan::entry(fields) else { return Ok(Observed::Absent) };
        let complete = name.is_some() && size.is_some();
        Ok(Observed::Present(CachedBlob { digest: *digest, size: size.unwrap_or_default(), complete }))
    }

    async fn look_at_pair(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Observed<Membership>, CacheError> {
        let set = CacheKey::Set(repository.as_str()).to_string();
        let hash = CacheKey::Hash(repository.as_str(), *digest).to_string();
        let mut is_member = redis::cmd("SISMEMBER");
        is_member.arg(&set).arg(digest.to_string());
        let mut has_hash = redis::cmd("EXISTS");
        has_hash.arg(&hash);
        let answers = self.ask(vec![(set, is_member), (hash, has_hash)]).await?;
        let is = |at: usize| answers.get(at) == Some(&Value::Int(1));
        let seen = Membership { member: is(0), hash: is(1) };
        Ok(if seen.member || seen.hash { Observed::Present(seen) } else { Observed::Absent })
    }
}

#[async_trait]
impl Cache for RedisCache {
    fn location(&self) -> String {
        self.location.clone()
    }

    async fn collect(&self, events: &dyn Events) -> Result<CacheView, CacheError> {
        events.emit(Event::Stage("reading the cache", self.size().await));
        let result = self.read(events).await;
        events.emit(Event::Finished);
        let mut view = self.keep(result).await?;
        judge_databases(&mut view, self.settings.database, events);
        Ok(view)
    }

    async fn entry(&self, digest: &Digest) -> Observed<CachedBlob> {
        let result = self.look_at_entry(digest).await;
        self.keep(result).await.unwrap_or_else(|error| Observed::Unknown(error.to_string().into()))
    }

    async fn membership(&self, repository: &RepositoryName, digest: &Digest) -> Observed<Membership> {
        let result = self.look_at_pair(repository, digest).await;
        self.keep(result).await.unwrap_or_else(|error| Observed::Unknown(error.to_string().into()))
    }

    async fn held(&self, stale: &StaleKeys) -> Result<Vec<DeletedKey>, CacheError> {
        let nodes = self.nodes().await?;
        let result = purge::held(&nodes, self.task("read stale keys"), stale).await;
        self.keep(result).await
    }

    async fn purge(&self, keys: &[DeletedKey]) -> Result<usize, CacheError> {
        let nodes = self.nodes().await?;
        let result = purge::purge(&nodes, self.task("purge stale keys"), keys).await;
        self.keep(result).await
    }

    async fn info(&self) -> Result<CacheInfo, CacheError> {
        let nodes = self.nodes().await?;
        let Some(node) = nodes.list.first() else { return Ok(CacheInfo::default()) };
        let mut text = String::new();
        for section in ["server", "replication", "memory"] {
            text += &info(&node.connection, section).await.unwrap_or_default();
        }
        let of = |name: &str| field(&text, name).map(|value| value.trim_end().to_owned());
        Ok(CacheInfo {
            version: of("redis_version"),
            mode: of("redis_mode"),
            role: of("role"),
            eviction: of("maxmemory_policy"),
            maxmemory: of("maxmemory").and_then(|bytes| bytes.parse().ok()),
            databases: self.databases(&nodes).await,
        })
    }
}

/// `db0:keys=12,expires=0,…`
fn read_keyspace(line: &str) -> Option<CacheDatabase> {
    let (number, rest) = line.strip_prefix("db")?.split_once(":keys=")?;
    let keys = rest.split(',').next()?;
    Some(CacheDatabase { number: number.parse().ok()?, keys: keys.parse().ok()?, registry: false })
}

/// An empty database beside one that holds a registry's keys is the wrong one, and was not a look at the cache.
fn judge_databases(view: &mut CacheView, ours: u32, events: &dyn Events) {
    let others = view.others.iter().filter(|database| database.registry);
    let databases: Vec<u32> = others.map(|database| database.number).collect();
    let others = databases.iter().map(|number| format!("database {number}")).collect::<Vec<_>>().join(", ");
    let location = view.location.clone();
    match (view.is_empty(), others.is_empty()) {
        (true, false) => {
            let why = format!(
                "database {ours} holds no keys of a registry, but {others} does: is it the wrong one?"
            );
            view.unknown.push(Unlooked::new(Thing::side(location), why));
        }
        (true, true) => {
            events.emit(Event::Notice(Notice::NoKeys(location)));
        }
        (false, false) => {
            events.emit(Event::Notice(Notice::OtherDatabases { location, databases }));
        }
        (false, true) => {}
    }
}
