//! Reading all of the cache: SCAN page by page, and what each page's keys hold in one pipeline, while the
//! next page is already under way.

use std::collections::VecDeque;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Value};

use super::fault::Task;
use super::topology::Node;
use crate::domain::cache_key::CacheKey;
use crate::domain::digest::Digest;
use crate::domain::views::cache::CacheCollector;
use crate::engine::ports::{CacheError, Event, Events};

/// Keys a page: large enough that round trips do not matter, small enough that a server busy with one page
/// keeps nobody waiting (about a millisecond).
const PAGE: usize = 1000;
/// Sets read at once; times [`PAGE`] members this bounds the memory of the answers.
const SETS: usize = 16;

/// So many pages may promise more and bring nothing: of a table that lost all of its ten million keys.
const EMPTY_PAGES: u64 = 10_000;
/// Such a page brings this on average, or its list is taken for one without end.
const NAMES_A_PAGE: u64 = 10;
/// More keys and members than any registry's cache has.
const MOST_NAMES: u64 = 100_000_000;

/// A page of keys or members, behind where the next begins; 0 is the end.
pub(super) type Names = (u64, Vec<Vec<u8>>);

/// A key as it came, and the digest or repository in it.
type Keyed<T> = (Vec<u8>, T);

/// Keys of a page that have to be read.
#[derive(Default)]
struct Page {
    entries: Vec<Keyed<Digest>>,
    sets: VecDeque<Keyed<u32>>,
}

/// A pass over one node.
pub(super) struct Scan<'a> {
    connection: MultiplexedConnection,
    collector: &'a mut CacheCollector,
    task: Task<'a>,
    /// How many pages promised more.
    pages: u64,
    /// How many keys and members they and the last ones brought.
    names: u64,
}

impl<'a> Scan<'a> {
    pub(super) fn new(node: &'a Node, collector: &'a mut CacheCollector, task: Task<'a>) -> Self {
        Self { connection: node.connection.clone(), collector, task, pages: 0, names: 0 }
    }

    /// Read all of it; returns how many keys were read in all, earlier nodes' included.
    pub(super) async fn run(mut self, events: &dyn Events) -> Result<u64, CacheError> {
        let (mut cursor, mut keys) = page(self.connection.clone(), self.task, 0).await?;
        loop {
            let read = keys.len() as u64;
            self.count(keys.len(), cursor)?;
            let (connection, task) = (self.connection.clone(), self.task);
            let next = async move {
                if cursor == 0 { Ok(None) } else { page(connection, task, cursor).await.map(Some) }
            };
            let (next, ()) = tokio::try_join!(next, self.read(keys))?;
            self.task.keys += read;
            events.emit(Event::Advanced(read));
            match next {
                Some(next) => (cursor, keys) = next,
                None => return Ok(self.task.keys),
            }
        }
    }

    /// Count a page: what goes on for ever is no cache.
    fn count(&mut self, names: usize, cursor: u64) -> Result<(), CacheError> {
        self.names += names as u64;
        self.pages += u64::from(cursor != 0);
        if self.pages > EMPTY_PAGES + self.names / NAMES_A_PAGE || self.names > MOST_NAMES {
            let why = format!("its keys come to no end: {} in {} pages", self.names, self.pages);
            return Err(self.task.failed(why));
        }
        Ok(())
    }

    async fn read(&mut self, keys: Vec<Vec<u8>>) -> Result<(), CacheError> {
        let page = self.sort(keys);
        self.read_entries(page.entries).await?;
        self.read_sets(page.sets).await
    }

    /// What can be noted at once, and what has to be read.
    fn sort(&mut self, keys: Vec<Vec<u8>>) -> Page {
        let mut page = Page::default();
        for key in keys {
            match CacheKey::parse(&key) {
                Some(CacheKey::Entry(digest)) => page.entries.push((key, digest)),
                Some(CacheKey::Hash(name, digest)) => match self.collector.repository(name) {
                    Some(repository) => self.collector.hash(repository, digest),
                    None => self.collector.foreign(&key),
                },
                Some(CacheKey::Set(name)) => match self.collector.repository(name) {
                    Some(repository) => page.sets.push_back((key, repository)),
                    None => self.collector.foreign(&key),
                },
                None => self.collector.foreign(&key),
            }
        }
        page
    }

    async fn read_entries(&mut self, entries: Vec<Keyed<Digest>>) -> Result<(), CacheError> {
        let mut pipeline = Pipeline::with_capacity(entries.len());
        for (key, _) in &entries {
            pipeline.cmd("HMGET").arg(key).arg("digest").arg("size");
        }
        for ((key, digest), value) in entries.into_iter().zip(self.send(&pipeline).await?) {
            if self.is_foreign(&key, &value)? {
                continue;
            }
            let Value::Array(fields) = value else {
                return Err(self.task.failed("HMGET answers what we do not understand"));
            };
            self.note_entry(digest, &fields);
        }
        Ok(())
    }

    fn note_entry(&mut self, digest: Digest, fields: &[Value]) {
        if let Some((name, size)) = entry(fields) {
            self.collector.entry(digest, name, size);
        }
    }

    /// Members page by page, several sets at once: one set may hold more members than there are other keys.
    async fn read_sets(&mut self, sets: VecDeque<Keyed<u32>>) -> Result<(), CacheError> {
        let mut open: VecDeque<(Keyed<u32>, u64)> = sets.into_iter().map(|set| (set, 0)).collect();
        while !open.is_empty() {
            let batch: Vec<_> = open.drain(..open.len().min(SETS)).collect();
            let mut pipeline = Pipeline::with_capacity(batch.len());
            for ((key, _), cursor) in &batch {
                pipeline.cmd("SSCAN").arg(key).arg(cursor).arg("COUNT").arg(PAGE);
            }
            for ((set, _), value) in batch.into_iter().zip(self.send(&pipeline).await?) {
                let cursor = self.note_members(&set, value)?;
                if cursor != 0 {
                    open.push_back((set, cursor));
                }
            }
        }
        Ok(())
    }

    /// Note a page of a set's members; returns where the next begins.
    fn note_members(&mut self, (key, repository): &Keyed<u32>, value: Value) -> Result<u64, CacheError> {
        if self.is_foreign(key, &value)? {
            return Ok(0);
        }
        let (cursor, members) =
            redis::from_redis_value::<Names>(value).map_err(|error| self.task.fault(error.into()))?;
        self.count(members.len(), cursor)?;
        let digests = members.iter().filter_map(|member| str::from_utf8(member).ok()?.parse().ok());
        for digest in digests {
            self.collector.member(*repository, digest);
        }
        Ok(cursor)
    }

    /// Whether the key holds another type than the registry's; any other error ends the pass.
    fn is_foreign(&mut self, key: &[u8], value: &Value) -> Result<bool, CacheError> {
        let Value::ServerError(error) = value else { return Ok(false) };
        if error.code() != "WRONGTYPE" {
            return Err(self.task.answered(error));
        }
        self.collector.foreign(key);
        Ok(true)
    }

    async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, CacheError> {
        send(self.connection.clone(), self.task, pipeline).await
    }
}

/// Send a pipeline; each command's answer or error is a value.
pub(super) async fn send(
    mut connection: MultiplexedConnection,
    task: Task<'_>,
    pipeline: &Pipeline,
) -> Result<Vec<Value>, CacheError> {
    let count = pipeline.len();
    if count == 0 {
        return Ok(Vec::new());
    }
    let answers = connection.send_packed_commands(pipeline, 0, count).await;
    let answers = answers.map_err(|error| task.fault(error))?;
    if answers.len() == count { Ok(answers) } else { Err(task.failed("answers are missing")) }
}

async fn page(
    mut connection: MultiplexedConnection,
    task: Task<'_>,
    cursor: u64,
) -> Result<Names, CacheError> {
    let mut command = redis::cmd("SCAN");
    command.arg(cursor).arg("COUNT").arg(PAGE);
    command.query_async(&mut connection).await.map_err(|error| task.fault(error))
}

/// Whether keys of a registry are among the first ones of a database.
pub(super) async fn holds_a_registry(
    connection: &MultiplexedConnection,
    task: Task<'_>,
) -> Result<bool, CacheError> {
    const PAGES: u32 = 20;
    let mut cursor = 0;
    for _ in 0..PAGES {
        let (next, keys) = page(connection.clone(), task, cursor).await?;
        if keys.iter().any(|key| CacheKey::parse(key).is_some()) {
            return Ok(true);
        }
        if next == 0 {
            break;
        }
        cursor = next;
    }
    Ok(false)
}

/// What an entry claims. One without both fields has been evicted since SCAN named it, or claims nothing.
pub(super) fn entry(fields: &[Value]) -> Option<(Option<Digest>, Option<u64>)> {
    let [name, size] = fields else { return None };
    if matches!((name, size), (Value::Nil, Value::Nil)) {
        return None;
    }
    let name = text(name).and_then(|name| name.parse().ok());
    let size = text(size).and_then(|size| size.parse().ok());
    Some((name, size))
}

/// The text of a bulk string.
fn text(value: &Value) -> Option<&str> {
    let Value::BulkString(bytes) = value else { return None };
    str::from_utf8(bytes).ok()
}
