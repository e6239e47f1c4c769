use std::collections::BTreeSet;

use rstest::rstest;

use super::*;
use crate::domain::finding::Subject;
use crate::domain::layout::LinkPlace;
use crate::domain::name::Image;
use crate::domain::plan::Remembered;
use crate::domain::rules::CacheKind;
use crate::domain::views::storage::{
    Links, Repository, StoredBlob, StoredManifests, Target as LinkTarget, Traces,
};

/// What a plan is made of, owned.
struct World {
    findings: Vec<Finding>,
    storage: StorageView,
    daemon: DaemonSettings,
    materials: Materials,
    restart: Vec<String>,
    redis: Redis,
    dormant: Vec<StaleKeys>,
    goal: Goal,
}

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn image() -> Image {
    Image::tagged(name("a"), "1".parse().unwrap())
}

/// Blob 1 and its manifest 2, of which a source has the bytes if it is asked for.
fn world(codes: &[Code], has_bytes: bool) -> World {
    let findings = codes.iter().map(|code| finding(*code)).collect();
    let text =
        format!(r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":10}},"layers":[]}}"#, digest(1));
    let manifest = crate::domain::manifest::parse(text.as_bytes()).unwrap();
    let mut materials = Materials::default();
    if has_bytes {
        let places = [digest(1), digest(2)].map(|digest| (digest, "mirror".to_owned()));
        (materials.manifests, materials.sightings) =
            (BTreeMap::from([(digest(2), manifest)]), BTreeMap::from(places));
    }
    let daemon =
        DaemonSettings { delete: Some(true), cache: CacheKind::InMemory, ..DaemonSettings::default() };
    let (restart, redis, dormant, goal) = (Vec::new(), Redis::Open, Vec::new(), Goal::Fix);
    World { findings, storage: storage(), daemon, materials, restart, redis, dormant, goal }
}

fn storage() -> StorageView {
    let link = |n| Links::from_iter([(digest(n), LinkTarget::Same)]);
    let repository = Repository {
        name: name("a"),
        layers: link(1),
        revisions: link(2),
        tags: Vec::new(),
        has_layers: true,
        has_manifests: true,
        has_tags: true,
        traces: Traces::default(),
    };
    StorageView {
        changed: None,
        root: "/r".into(),
        collected: Timestamp::UNIX_EPOCH,
        blobs: Vec::new(),
        repositories: vec![repository],
        manifests: StoredManifests::new(),
        uploads: Vec::new(),
        stray: Vec::new(),
        closed: Vec::new(),
        unknown: Vec::new(),
    }
}

fn finding(code: Code) -> Finding {
    let is = |codes: &[Code]| codes.contains(&code);
    let subject = if is(&[Code::MissingManifest, Code::PhantomManifest]) {
        Subject::linked(name("a"), digest(2))
    } else if is(&[Code::PhantomBlob, Code::PhantomLink, Code::SizeMismatch, Code::HiddenBlob]) {
        Subject::linked(name("a"), digest(1))
    } else if is(&[Code::MissingLink, Code::InvalidLink]) {
        Subject::link(name("a"), LinkPlace::Layer(digest(1)))
    } else {
        Subject::data(digest(1))
    };
    let affects = if code == Code::PhantomBlob { Vec::new() } else { vec![image()] };
    Finding { affects, ..Finding::new(code, subject, "") }
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.findings.iter().map(|finding| &finding.id).collect();
        write!(
            formatter,
            "{ids:?} {:?} {:?} {:?}",
            self.daemon,
            self.restart,
            self.materials.sightings.keys()
        )
    }
}

impl World {
    fn situation(&self) -> Situation<'_> {
        static NO_KEYS: BTreeMap<String, StaleKeys> = BTreeMap::new();
        let (findings, storage) = (&self.findings[..], Some(&self.storage));
        Situation {
            findings,
            storage,
            daemon: &self.daemon,
            redis: self.redis,
            purges: &NO_KEYS,
            dormant: &self.dormant,
            unsettled: &[],
        }
    }

    const fn means(&self) -> Means<'_> {
        Means { materials: &self.materials, services: self.restart.as_slice() }
    }

    fn plan(&self) -> Plan {
        plan(self.goal, &self.situation(), self.means(), Target::default(), Timestamp::UNIX_EPOCH)
    }

    /// Its steps by the first word of their names, and why nothing helps.
    fn told(&self) -> (Vec<String>, Vec<String>) {
        let plan = self.plan();
        let word = |step: &Step| step.id.split(':').next().unwrap().to_owned();
        let why = plan.unresolved.values().map(ToString::to_string);
        (plan.steps.iter().map(word).collect(), why.collect())
    }
}

const NO_BYTES: &str = "no source has its bytes; give one with --source";
const UPLOAD: &str = "upload-blob";
const DELETE: &str = "delete-claim";
const PURGE: &str = "purge-cache";
const RESTART: &str = "restart";
const RESTORE: &str = "restore-manifest";
const BY_RESTART: &str = "; a restart of the daemon clears it (--restart SPEC)";

/// The table of the module, a row a case: with bytes, without, and why nothing helps then.
#[rstest]
#[case::missing(&[Code::MissingBlob], &[UPLOAD], &[], &[NO_BYTES])]
#[case::missing_and_claimed(&[Code::MissingBlob, Code::PhantomBlob], &[UPLOAD], &[DELETE], &[NO_BYTES])]
#[case::claimed(&[Code::PhantomBlob], &[DELETE], &[DELETE], &[])]
#[case::manifest(&[Code::MissingManifest], &[UPLOAD, RESTORE], &[], &[NO_BYTES])]
#[case::corrupt(&[Code::CorruptBlob], &[UPLOAD], &[], &[NO_BYTES])]
#[case::empty(&[Code::EmptyBlob], &[UPLOAD], &[], &[NO_BYTES])]
#[case::truncated(&[Code::TruncatedBlob], &[UPLOAD], &[], &[NO_BYTES])]
#[case::link(&[Code::MissingLink], &[UPLOAD], &[], &[NO_BYTES])]
#[case::link_rewritten(&[Code::InvalidLink], &["rewrite-link"], &["rewrite-link"], &[])]
fn with_and_without_bytes(
    #[case] codes: &[Code],
    #[case] with: &[&str],
    #[case] without: &[&str],
    #[case] why: &[&str],
) {
    assert_eq!(world(codes, true).told(), (owned(with), owned(&[])));
    assert_eq!(world(codes, false).told(), (owned(without), owned(why)));
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A claim without bytes, by where the daemon keeps it and what it allows.
#[rstest]
#[case(Code::PhantomBlob, CacheKind::InMemory, true, None, &[DELETE], None)]
#[case(Code::PhantomBlob, CacheKind::Unknown, true, None, &[DELETE], None)]
#[case(Code::PhantomBlob, CacheKind::Redis, false, None, &[PURGE], None)]
#[case(Code::PhantomBlob, CacheKind::InMemory, false, Some("s"), &[RESTART], None)]
#[case(Code::PhantomLink, CacheKind::InMemory, true, None, &[DELETE], None)]
#[case(Code::PhantomLink, CacheKind::InMemory, false, Some("s"), &[RESTART], None)]
#[case(Code::PhantomLink, CacheKind::Redis, false, None, &[PURGE], None)]
#[case(Code::PhantomBlob, CacheKind::InMemory, false, None, &[], Some("the registry allows no deletes, and no source has the bytes"))]
#[case(Code::PhantomManifest, CacheKind::InMemory, true, Some("s"), &[RESTART], None)]
#[case(Code::PhantomManifest, CacheKind::Redis, true, Some("s"), &[PURGE], None)]
#[case(Code::PhantomManifest, CacheKind::InMemory, true, None, &[], Some("no source has its bytes, and nothing else clears a manifest from the daemon's memory"))]
#[case(Code::SizeMismatch, CacheKind::InMemory, true, Some("s"), &[RESTART], None)]
#[case(Code::HiddenBlob, CacheKind::InMemory, true, None, &[], Some("the daemon's memory of it is wrong"))]
fn claims(
    #[case] code: Code,
    #[case] cache: CacheKind,
    #[case] delete: bool,
    #[case] restart: Option<&'static str>,
    #[case] steps: &[&str],
    #[case] why: Option<&str>,
) {
    let mut world = world(&[code], false);
    (world.daemon.cache, world.daemon.delete) = (cache, Some(delete));
    world.restart = restart.into_iter().map(String::from).collect();
    let why: Vec<_> = why.into_iter().map(|why| format!("{why}{BY_RESTART}")).collect();
    assert_eq!(world.told(), (owned(steps), why));
}

#[test]
fn what_no_restart_helps_says_what_does() {
    let mut world = world(&[Code::SizeMismatch], false);
    (world.daemon.cache, world.restart) = (CacheKind::Redis, owned(&["s"]));
    world.redis = Redis::NotGiven;
    let why = "the daemon's memory of it is wrong, and a restart clears nothing in Redis; its keys have to be purged (--redis URL)";
    assert_eq!(world.told(), (vec![], owned(&[why])));
    world.daemon.cache = CacheKind::None;
    assert_eq!(world.told().1, ["the daemon has no cache that could be wrong; its log may tell why"]);
    (world.findings, world.redis) = (vec![finding(Code::StaleCacheEntry)], Redis::Shared);
    assert_eq!(world.told().1, ["this Redis is not, or not only, this registry's cache: nothing is purged"]);
}

#[test]
fn nothing_is_uploaded_to_what_takes_no_uploads() {
    for code in [Code::MissingBlob, Code::MissingManifest, Code::TruncatedBlob] {
        let mut world = world(&[code], true);
        world.daemon.read_only = Some(true);
        let why = "the registry is in read-only mode; switch that off for the repair";
        assert_eq!(world.told(), (vec![], owned(&[why])));
        (world.daemon.read_only, world.daemon.proxy) = (None, Some(true));
        let why = if code == Code::TruncatedBlob {
            "the bad file can be moved away where the daemon is restarted then (--restart SPEC), and the next pull fetches it again"
        } else {
            "a pull-through cache takes no uploads; restart it, and the next pull fetches the content again"
        };
        assert_eq!(world.told(), (vec![], owned(&[why])));
    }
}

#[test]
fn a_pull_through_cache_fetches_what_is_moved_away_once_it_forgot_it() {
    let mut world = world(&[Code::TruncatedBlob], false);
    world.daemon.proxy = Some(true);
    world.restart = owned(&["s"]);
    let aside = "set-aside".to_owned();
    assert_eq!(world.told(), (vec![aside.clone(), RESTART.to_owned()], vec![]));
    (world.daemon.cache, world.redis) = (CacheKind::Redis, Redis::Open);
    assert_eq!(world.told(), (vec![aside.clone(), "purge-cache".to_owned()], vec![]));
    world.daemon.cache = CacheKind::None;
    assert_eq!(world.told(), (vec![aside], vec![]));
}

#[test]
fn what_an_upload_would_wake_in_the_cache_is_taken_away() {
    let mut world = world(&[Code::MissingBlob], true);
    let keys = |n, names: &[&str]| StaleKeys {
        digest: digest(n),
        entry: false,
        repositories: names.iter().copied().map(name).collect(),
    };
    world.dormant = vec![keys(1, &["a", "b"]), keys(3, &["b"])];
    let steps = world.plan().steps;
    let purge = StepAction::PurgeCache(keys(1, &["b"]));
    assert_eq!(world.told().0, [UPLOAD, "purge-cache"], "where it is uploaded, it may stay");
    assert_eq!(steps.last().unwrap().action, purge);
    let mut wanted = Condition::unlinked(&name("b"), digest(1)).to_vec();
    wanted.push(Condition::DataStored(digest(1)));
    assert_eq!(steps.last().unwrap().preconditions, wanted);
    world.dormant = vec![keys(1, &["a"])];
    assert_eq!(world.told().0, [UPLOAD]);
}

#[test]
fn a_replaced_file_puts_the_daemon_s_memory_in_doubt() {
    let doubt = Remembered { repository: name("a"), digest: digest(1), size: None };
    let if_wrong = |plan: &Plan| {
        let StepAction::Restart { if_wrong, .. } = &plan.steps.last()?.action else { return None };
        Some(if_wrong.clone())
    };
    for codes in [&[Code::TruncatedBlob][..], &[Code::EmptyBlob], &[Code::CorruptBlob, Code::SizeMismatch]] {
        let mut world = world(codes, true);
        assert_eq!(world.told().0, [UPLOAD], "none was given");
        world.restart = owned(&["s"]);
        assert_eq!(world.told(), (owned(&[UPLOAD, RESTART]), vec![]), "{codes:?}");
        assert_eq!(if_wrong(&world.plan()), Some(vec![doubt.clone()]));
        for cache in [CacheKind::Redis, CacheKind::None] {
            world.daemon.cache = cache;
            assert_eq!(world.told().0, [UPLOAD], "{cache:?}");
        }
    }
    // What else takes a restart takes it in any case.
    let mut world = world(&[Code::TruncatedBlob, Code::PhantomManifest], true);
    (world.restart, world.materials.manifests) = (owned(&["s"]), BTreeMap::new());
    let plan = world.plan();
    assert_eq!(if_wrong(&plan), Some(vec![]));
    assert_eq!(plan.steps.last().unwrap().what, "restart the daemon (s)");
    // The size of what was only corrupt is right.
    let mut world = self::world(&[Code::CorruptBlob], true);
    world.restart = owned(&["s"]);
    assert_eq!(world.told().0, [UPLOAD]);
}

#[test]
fn replicas_that_disagree_are_restarted_in_the_order_given_unless_something_else_settles_it() {
    let mut world = world(&[Code::ReplicaDisagreement], false);
    assert_eq!(world.told(), (vec![], owned(&[&format!("the memory of some replica is wrong{BY_RESTART}")])));
    world.restart = owned(&["b", "a"]);
    let plan = world.plan();
    let [first, second] = &plan.steps[..] else { panic!("{:?}", plan.steps) };
    assert_eq!((first.id.as_str(), second.id.as_str()), ("restart:b", "restart:a"));
    assert_eq!((&first.after[..], &second.after[..]), (&[][..], std::slice::from_ref(&first.id)));
    world.findings.push(finding(Code::PhantomBlob));
    assert_eq!(world.told(), (owned(&[DELETE]), vec![]));
    // Each of them may have learned the size of a bad file.
    let mut world = self::world(&[Code::TruncatedBlob], true);
    world.restart = owned(&["b", "a"]);
    let what: Vec<_> = world.plan().steps.into_iter().skip(1).map(|step| (step.id, step.after)).collect();
    let wanted = [("restart:b", vec![]), ("restart:a", owned(&["restart:b"]))];
    assert_eq!(what, wanted.map(|(id, after)| (id.to_owned(), after)));
}

#[test]
fn what_an_engine_has_is_pushed_after_the_claims_are_cleared() {
    let mut world = world(&[Code::MissingBlob, Code::PhantomBlob], false);
    world.materials.pushes = BTreeSet::from([image()]);
    assert_eq!(world.told(), (owned(&[DELETE, "push-image"]), vec![]));
}

#[test]
fn a_manifest_waits_for_what_it_needs_and_a_second_upload_for_room() {
    let mut world = world(&[Code::MissingManifest, Code::MissingBlob], true);
    let plan = world.plan();
    let upload = format!("upload-blob:a:{}", digest(1));
    assert_eq!(plan.steps[1].after, std::slice::from_ref(&upload));
    // Bad data in a repository that links it, and no link to it in another that needs it.
    world.findings = vec![finding(Code::TruncatedBlob)];
    world.findings[0].affects.push(Image::tagged(name("b"), "1".parse().unwrap()));
    let mut other = world.storage.repositories[0].clone();
    (other.name, other.layers) = (name("c"), Links::default());
    world.storage.repositories.push(other);
    world.findings[0].affects.push(Image::tagged(name("c"), "1".parse().unwrap()));
    let plan = world.plan();
    let [first, second] = &plan.steps[..] else { panic!("{:?}", plan.steps) };
    assert_eq!((first.action.replaces(), second.action.replaces()), (true, false));
    assert_eq!((&first.after[..], &second.after[..]), (&[][..], std::slice::from_ref(&first.id)));
}

#[test]
fn nested_indexes_are_planned_at_the_cost_of_their_edges() {
    use crate::domain::images::tests as graphs;
    for (graph, edges) in graphs::hostile() {
        let mut world = world(&[], false);
        let missing = |n| Subject::linked(name("a"), graphs::digest(n));
        let missing = graph.iter().map(|(n, _)| Finding::new(Code::MissingManifest, missing(*n), ""));
        world.findings = missing.collect();
        let kept = graph.iter().map(|(n, manifest)| (graphs::digest(*n), manifest.clone()));
        world.materials.manifests = kept.collect();
        let (plan, passed) = graphs::edges_of(|| world.plan());
        assert_eq!((plan.steps.len(), plan.unresolved.len()), (0, graph.len()), "the layer is nowhere");
        assert!(passed <= 4 * edges + 3 * graph.len(), "{passed} for {edges}");
        let layer = graphs::digest(graphs::LAYER);
        world.materials.sightings = BTreeMap::from([(layer, "mirror".to_owned())]);
        let (plan, passed) = graphs::edges_of(|| world.plan());
        assert_eq!((plan.steps.len(), plan.unresolved.len()), (graph.len() + 1, 0));
        assert!(passed <= 4 * edges + 3 * graph.len(), "{passed} for {edges}");
    }
}

mod property;
