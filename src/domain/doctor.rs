//! Hints about a registry's settings: what makes phantoms, and what keeps them from being repaired.
//!
//! A hint is data, as a finding is: a stable code, how bad it is, why, and what to change.

use serde::{Deserialize, Serialize};

use super::code::Severity;
use super::counted::counted;
use super::limit::Limits;
use super::observed::Unlooked;
use super::report::{Target, Tool};
use super::rules::{CacheKind, DaemonSettings};
use super::views::cache::{CacheInfo, CacheView};

mod bucket;
#[cfg(test)]
mod tests;

pub use self::bucket::BucketFacts;

/// One thing about the settings that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The stable name.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// The setting, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// What is so, and what comes of it.
    pub why: String,
    /// What to change.
    pub change: String,
    /// What to add to the configuration, as YAML, where that is it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// All that the doctor saw and said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The version of this contract: that of reports.
    pub schema: u32,
    /// Who wrote this.
    pub tool: Tool,
    /// The registry.
    pub target: Target,
    /// The process's exit status.
    pub exit_status: u8,
    /// The hints, worst first.
    pub hints: Vec<Hint>,
    /// What could not be looked at.
    pub unknown: Vec<Unlooked>,
    /// What was not looked at, and what would let it.
    #[serde(flatten)]
    pub limits: Limits,
}

/// What is known of the settings; `None` where nothing is.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What the check needs of them, too.
    pub daemon: DaemonSettings,
    /// Whether abandoned uploads are purged; `false` where they are only counted.
    pub purges_uploads: Option<bool>,
    /// The largest page of the catalog.
    pub catalog_max_entries: Option<u64>,
    /// Whether `http.secret` is set.
    pub has_http_secret: Option<bool>,
    /// Whether metadata lies in a database (GitLab's).
    pub has_database: Option<bool>,
    /// Whether anybody is told of pushes.
    pub notifies: Option<bool>,
    /// What the daemon ignores or chokes on.
    pub warnings: Vec<String>,
    /// How many repositories the daemon lists.
    pub repositories: Option<u64>,
    /// The registry's version: major, minor, patch.
    pub version: Option<(u64, u64, u64)>,
    /// What Redis says of itself.
    pub redis: Option<CacheInfo>,
    /// The number of the database in use.
    pub redis_database: Option<u32>,
    /// How many keys in that database are not the registry's.
    pub foreign_keys: Option<u64>,
    /// What is set of its bucket, where it is in one.
    pub bucket: BucketFacts,
    /// Whether who asks for a blob is sent on to that bucket.
    pub redirects: Option<bool>,
    /// Where repairs put bad files, a folder a run, the last first.
    pub quarantined: Vec<String>,
}

impl Settings {
    /// Enter what a look at Redis showed.
    pub fn note_cache(&mut self, view: &CacheView) {
        self.foreign_keys = Some(view.foreign.count);
    }
}

/// Everything that somebody should know, worst first.
#[must_use]
pub fn diagnose(settings: &Settings) -> Vec<Hint> {
    let mut doctor = Doctor::default();
    doctor.cache(settings);
    doctor.access(settings);
    doctor.redis(settings);
    doctor.upkeep(settings);
    doctor.bucket(settings);
    doctor.notifications(settings);
    doctor.version(settings);
    let mut hints = doctor.0;
    hints.sort_by(|a, b| (a.severity, &a.code).cmp(&(b.severity, &b.code)));
    hints
}

/// What has a registry tell a watch on its own machine. Layers need not be told of.
const NOTIFICATIONS: &str = include_str!("doctor/notifications.yml");

#[derive(Default)]
struct Doctor(Vec<Hint>);

impl Doctor {
    fn say(&mut self, code: &str, severity: Severity, setting: &str, why: impl Into<String>, change: &str) {
        self.0.push(Hint {
            code: code.into(),
            severity,
            setting: (!setting.is_empty()).then(|| setting.into()),
            why: why.into(),
            change: change.into(),
            section: None,
        });
    }

    fn notifications(&mut self, settings: &Settings) {
        if settings.notifies != Some(false) || settings.daemon.proxy == Some(true) {
            return;
        }
        self.say(
            "no-notifications",
            Severity::Note,
            "notifications.endpoints",
            "nobody is told of pushes: one that writes nothing is noticed when somebody pulls",
            "run `regfsck watch --listen 127.0.0.1:9714 --token-file FILE`, and add this, with the token that is in FILE:",
        );
        if let Some(hint) = self.0.last_mut() {
            hint.section = Some(NOTIFICATIONS.to_owned());
        }
    }

    fn cache(&mut self, settings: &Settings) {
        let key = "storage.cache.blobdescriptor";
        match settings.daemon.cache {
            CacheKind::InMemory => self.say(
                "cache-with-gc",
                Severity::Warning,
                key,
                "garbage collection clears no cache: until a restart the daemon claims what it deleted, and pushes of that are skipped",
                "run it as `regfsck guard --restart SPEC -- GC-COMMAND`, or restart the daemon after it, always",
            ),
            CacheKind::Redis => self.say(
                "cache-with-gc",
                Severity::Warning,
                key,
                "garbage collection does not clear Redis: the daemon claims what it deleted, restarts notwithstanding",
                "run it as `regfsck guard -- GC-COMMAND`, which purges exactly the stale keys",
            ),
            CacheKind::None | CacheKind::Unknown => {}
        }
        if settings.daemon.proxy == Some(true)
            && matches!(settings.daemon.cache, CacheKind::InMemory | CacheKind::Redis)
        {
            self.say(
                "proxy-with-cache",
                Severity::Warning,
                key,
                "a pull-through cache that believes in expired content serves empty bodies, and takes no upload that heals it",
                "take `cache` out of the configuration of a pull-through cache",
            );
        }
    }

    fn access(&mut self, settings: &Settings) {
        let daemon = &settings.daemon;
        if daemon.delete == Some(false) && daemon.cache == CacheKind::InMemory {
            self.say(
                "delete-disabled",
                Severity::Note,
                "storage.delete.enabled",
                "false claims cannot be cleared over the API; without the bytes at hand only a restart helps",
                "set `storage.delete.enabled: true`, or give --restart SPEC when repairing",
            );
        }
        if daemon.read_only == Some(false) && daemon.proxy != Some(true) {
            self.say(
                "no-read-only-window",
                Severity::Note,
                "storage.maintenance.readonly",
                "what is pushed while garbage collection runs may be deleted: a blob whose manifest has not arrived yet is garbage to it",
                "switch read-only mode on for the time of garbage collection, or run it when nobody pushes",
            );
        }
        if daemon.read_only == Some(true) {
            self.say(
                "read-only",
                Severity::Note,
                "storage.maintenance.readonly",
                "the daemon refuses every write: nothing can be uploaded or cleared over the API",
                "switch read-only mode off for a repair, and when garbage collection is over",
            );
        }
        if settings.has_database == Some(true) {
            self.say(
                "metadata-database",
                Severity::Warning,
                "database.enabled",
                "metadata lies in a database: links and tags in storage are not what the daemon goes by",
                "do not repair from storage's view; use the means of that registry",
            );
        }
    }

    fn redis(&mut self, settings: &Settings) {
        let Some(info) = &settings.redis else { return };
        let policy = info.eviction.as_deref().unwrap_or_default();
        if let Some(maxmemory) = info.maxmemory {
            self.eviction(policy, maxmemory);
        }
        let used = settings.redis_database;
        let others = info.databases.iter().filter(|other| other.registry && Some(other.number) != used);
        let others: Vec<_> = others.map(|other| other.number.to_string()).collect();
        if !others.is_empty() {
            let why = format!(
                "databases {} of the same Redis hold keys of a registry too: one Redis that is full or flushed takes all with it",
                others.join(", ")
            );
            let change = "give each registry a Redis of its own, and see that `db` is the right one";
            self.say("shared-redis", Severity::Warning, "redis.db", why, change);
        }
        if let Some(count) = settings.foreign_keys.filter(|count| *count > 0) {
            let why = format!(
                "the registry's database holds {} of somebody else: a flush would take those too",
                counted(count, "key")
            );
            let change = "give the registry a database of its own; never flush, but `regfsck purge`";
            self.say("foreign-keys", Severity::Note, "redis.db", why, change);
        }
        if info.role.as_deref() == Some("slave") {
            let why = "this is a replica, which takes no writes: the daemon can cache nothing, and nothing can be purged";
            self.say(
                "redis-replica",
                Severity::Warning,
                "redis.addr",
                why,
                "name the master, or its sentinels",
            );
        }
    }

    /// Entries have no expiry, so only the `allkeys-…` policies ever evict one.
    fn eviction(&mut self, policy: &str, maxmemory: u64) {
        let change = "set `maxmemory`, and `maxmemory-policy allkeys-lru`";
        if maxmemory == 0 {
            let why =
                "Redis has no memory limit and entries never expire: it grows with every blob ever seen";
            self.say("redis-eviction", Severity::Note, "maxmemory", why, change);
        } else if !policy.starts_with("allkeys-") {
            let why = format!(
                "entries never expire, and `{policy}` evicts only what does: when Redis is full, writes fail and deletes over the API answer 500"
            );
            self.say("redis-eviction", Severity::Warning, "maxmemory-policy", why, change);
        }
    }

    fn upkeep(&mut self, settings: &Settings) {
        if let Some(last) = settings.quarantined.first() {
            let runs = counted(settings.quarantined.len() as u64, "repair");
            let why = format!("the bad files of {runs} are kept, those of the last in `{last}`");
            let change = "when the images pull, such a folder may be deleted; `regfsck undo` cannot put its files back then";
            self.say("quarantine-kept", Severity::Note, "", why, change);
        }
        if settings.purges_uploads == Some(false) && settings.daemon.proxy != Some(true) {
            self.say(
                "upload-purging-off",
                Severity::Warning,
                "storage.maintenance.uploadpurging",
                "abandoned uploads stay for ever: neither the daemon nor garbage collection removes them",
                "set `uploadpurging: {enabled: true, age: 168h, interval: 24h, dryrun: false}`",
            );
        }
        if let (Some(most), Some(count)) = (settings.catalog_max_entries, settings.repositories)
            && count > most
        {
            let why = format!(
                "there are {count} repositories, and no client is told more than {most} at once: one that does not page sees a part"
            );
            let change = "raise `catalog.maxentries`, or see that clients follow the `Link` header";
            self.say("catalog-limit", Severity::Note, "catalog.maxentries", why, change);
        }
        if settings.has_http_secret == Some(false) {
            let why = "each replica makes up a secret of its own, and refuses uploads that another began";
            let change = "set the same `http.secret` for all replicas; one daemon alone needs none";
            self.say("no-http-secret", Severity::Note, "http.secret", why, change);
        }
        for warning in &settings.warnings {
            let change = "put the setting right, or take it out";
            self.say("ignored-setting", Severity::Warning, "", warning.clone(), change);
        }
    }

    fn version(&mut self, settings: &Settings) {
        let Some(version) = settings.version else { return };
        for fault in FAULTS.iter().filter(|fault| fault.from <= version && version <= fault.to) {
            self.say(fault.code, fault.severity, "", fault.why, fault.change);
        }
    }
}

/// A fault of the registry itself, in the versions from one to another.
struct Fault {
    code: &'static str,
    severity: Severity,
    from: (u64, u64, u64),
    to: (u64, u64, u64),
    why: &'static str,
    change: &'static str,
}

const LATEST: u64 = u64::MAX;

const FAULTS: [Fault; 6] = [
    Fault {
        code: "fault-swallowed-manifest",
        severity: Severity::Note,
        from: (2, 0, 0),
        to: (3, 1, 1),
        why: "a push of a manifest that the cache claims answers 201 and writes nothing",
        change: "after garbage collection restart the daemon, or purge Redis; repair with `regfsck check --fix`",
    },
    Fault {
        code: "fault-gc-breaks-indexes",
        severity: Severity::Warning,
        from: (2, 0, 0),
        to: (2, LATEST, LATEST),
        why: "`garbage-collect -m` takes the manifests of multi-platform images for untagged, and deletes their layers",
        change: "do not use -m, or run it as `regfsck guard -- GC-COMMAND`, which refuses then; or upgrade to 3.x",
    },
    Fault {
        code: "fault-gc-needs-tags-folder",
        severity: Severity::Note,
        from: (2, 0, 0),
        to: (2, LATEST, LATEST),
        why: "`garbage-collect -m` aborts at the first repository without a `tags` folder",
        change: "`regfsck guard --gate-only --delete-untagged` names such repositories",
    },
    Fault {
        code: "fault-schema1",
        severity: Severity::Note,
        from: (3, 0, 0),
        to: (3, LATEST, LATEST),
        why: "a manifest of schema 1 that is left over aborts garbage collection",
        change: "`regfsck guard --gate-only` names such manifests; delete them",
    },
    Fault {
        code: "fault-resurrected-access",
        severity: Severity::Warning,
        from: (2, 0, 0),
        to: (3, 0, LATEST),
        why: "with Redis a deleted blob is served again in its repository as soon as another repository has it",
        change: "`regfsck check --redis URL` names such members and `--fix` deletes them; or upgrade to 3.1",
    },
    Fault {
        code: "fault-delete-by-tag",
        severity: Severity::Warning,
        from: (3, 0, 0),
        to: (3, 1, 0),
        why: "DELETE of a manifest by its tag works although `storage.delete.enabled` is false",
        change: "upgrade to 3.1.1, or refuse DELETE in front of the registry",
    },
];
