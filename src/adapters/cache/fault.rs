//! What went wrong, in the words of the port: redis-rs's errors and the server's own, sorted by what to do.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::engine::ports::CacheError;

/// What a walk over all keys is called.
pub(super) const READING: &str = "read the cache";

/// Where we were and what we were doing when something failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    /// The server, without secrets.
    pub(super) location: &'a str,
    /// What fits behind "failed to".
    pub(super) doing: &'static str,
    /// How many keys were read so far.
    pub(super) keys: u64,
    /// How long an answer may take.
    pub(super) patience: Duration,
}

impl Task<'_> {
    fn location(&self) -> String {
        self.location.to_owned()
    }

    /// An answer that makes no sense.
    pub(super) fn failed(&self, why: impl Into<String>) -> CacheError {
        CacheError::Failed { location: self.location(), doing: self.doing, why: why.into() }
    }

    /// The error that redis-rs gave.
    pub(super) fn fault(&self, error: RedisError) -> CacheError {
        let (location, doing, why) = (self.location(), self.doing, error.to_string());
        if error.is_timeout() {
            return CacheError::TimedOut { location, doing, waited: self.patience };
        }
        let kind = error.kind();
        // An answer that ends in its middle is no strange answer.
        let is_cut = why.contains("Unexpected end of input") && (self.keys > 0 || self.doing == READING);
        if kind == ErrorKind::Parse && is_cut {
            let why = "its answer ended in the middle".to_owned();
            return CacheError::Interrupted { location, doing, keys: self.keys, why };
        }
        if kind == ErrorKind::Parse {
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            let why = format!("its answer is not the Redis protocol ({why})");
            return CacheError::NotRedis { location, why };
        }
        if kind == ErrorKind::Io {
            return CacheError::Interrupted { location, doing, keys: self.keys, why };
        }
        if kind == ErrorKind::Server(ServerErrorKind::ExecAbort) {
            return self.aborted(error);
        }
        self.refused(error.code().unwrap_or_default(), why)
    }

    /// The server's own error.
    pub(super) fn answered(&self, error: &redis::ServerError) -> CacheError {
        self.refused(error.code(), error.to_string())
    }

    /// A transaction was refused as a whole; the reason stands with the command that it concerns.
    fn aborted(&self, error: RedisError) -> CacheError {
        let why = error.to_string();
        let causes = error.into_server_errors();
        let cause =
            causes.iter().flat_map(|causes| causes.iter()).find(|(_, cause)| cause.code() != "EXECABORT");
        cause.map_or_else(|| self.failed(why), |(_, cause)| self.answered(cause))
    }

    fn refused(&self, code: &str, why: String) -> CacheError {
        let (location, doing) = (self.location(), self.doing);
        match code {
            "NOAUTH" | "WRONGPASS" => CacheError::Unauthenticated { location, why },
            "NOPERM" => CacheError::Forbidden { location, doing, why },
            "READONLY" => CacheError::ReadOnly { location, doing },
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" => CacheError::Unreachable { location, why },
            "MOVED" | "ASK" | "TRYAGAIN" => self.failed(format!(
                "the cluster is moving keys between its nodes; run it again when it is done ({why})"
            )),
            _ => self.failed(why),
        }
    }
}
