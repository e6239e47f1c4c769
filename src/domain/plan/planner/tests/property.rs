//! Random registries with random damage: what is planned is what the table says, and can be carried out.

use proptest::prelude::*;

use super::*;
use crate::domain::remedy::{beside, offered};

/// Findings of the same code that are about something else.
fn others(code: Code) -> Vec<Finding> {
    let (tag, revision) = ("1".parse().unwrap(), LinkPlace::Revision(digest(2)));
    let tag = Subject::tag(name("a"), tag);
    let subjects = if matches!(code, Code::MissingLink | Code::InvalidLink) {
        vec![tag, Subject::link(name("a"), revision)]
    } else if code == Code::MissingManifest {
        vec![tag]
    } else {
        vec![Subject::linked(name("a"), digest(2))]
    };
    let finding = |subject| Finding { affects: vec![image()], ..Finding::new(code, subject, "") };
    let mut all: Vec<Finding> = subjects.into_iter().map(finding).collect();
    all.retain(|other| other.id != super::finding(code).id);
    all
}

fn any_world() -> impl Strategy<Value = World> {
    let caches = [CacheKind::Unknown, CacheKind::None, CacheKind::InMemory, CacheKind::Redis];
    let codes = proptest::sample::subsequence(Code::ALL, 0..=Code::ALL.len());
    let goals = proptest::sample::select(vec![Goal::Fix, Goal::Purge, Goal::Collection, Goal::Restart]);
    let redis = proptest::sample::select(vec![Redis::NotGiven, Redis::Shared, Redis::Open]);
    let switches = proptest::array::uniform7(any::<bool>());
    let cache = proptest::sample::select(caches.to_vec());
    (codes, switches, cache, goals, redis).prop_map(|(codes, switches, cache, goal, redis)| {
        let [has_bytes, delete, read_only, proxy, restart, is_stored, has_engine] = switches;
        let mut world = world(&codes, has_bytes);
        (world.goal, world.redis) = (goal, redis);
        world.findings.extend(codes.iter().flat_map(|code| others(*code)));
        world.daemon = DaemonSettings {
            delete: Some(delete),
            read_only: Some(read_only),
            proxy: Some(proxy),
            cache,
            ..DaemonSettings::default()
        };
        if has_bytes && is_stored {
            world.materials.tags.insert((name("a"), "1".parse().unwrap()), digest(2));
        }
        world.materials.pushes = has_engine.then(image).into_iter().collect();
        world.restart = if restart { owned(&["s"]) } else { Vec::new() };
        if is_stored {
            let blob = |n| StoredBlob { digest: digest(n), size: 3, modified: 0 };
            world.storage.blobs = vec![blob(1), blob(2)];
        }
        world
    })
}

proptest! {
    #[test]
    fn a_plan_can_be_carried_out_and_answers_for_every_finding(world in any_world()) {
        let plan = world.plan();
        let stages: BTreeMap<_, _> = plan.steps.iter().map(|step| (&step.id, step.stage)).collect();
        prop_assert_eq!(stages.len(), plan.steps.len(), "no step twice");
        prop_assert!(plan.steps.is_sorted_by_key(|step| step.stage));
        for step in &plan.steps {
            for before in &step.after {
                prop_assert!(stages.get(before).is_some_and(|stage| *stage <= step.stage), "{}", before);
            }
        }
        // No step waits for itself, however far round.
        let mut open: BTreeMap<_, _> = plan.steps.iter().map(|step| (&step.id, &step.after)).collect();
        loop {
            let ready: Vec<_> = open
                .iter()
                .filter(|(_, after)| after.iter().all(|before| !open.contains_key(before)))
                .map(|(id, _)| *id)
                .collect();
            if ready.is_empty() {
                break;
            }
            open.retain(|id, _| !ready.contains(id));
        }
        prop_assert!(open.is_empty(), "{:?}", open);
        for finding in &world.findings {
            let helped = plan.steps.iter().filter(|step| step.resolves.contains(&finding.id)).count();
            prop_assert_eq!(helped == 0, plan.unresolved.contains_key(&finding.id), "{}", &finding.id);
        }
    }
    #[test]
    fn what_can_be_done_is_planned_and_nothing_else(world in any_world()) {
        let plan = world.plan();
        let situation = world.situation();
        let mut planner = Planner::new(world.goal, &situation, world.means());
        for finding in &world.findings {
            let about = planner.about(finding);
            let steps = plan.steps.iter().filter(|step| step.resolves.contains(&finding.id));
            let kinds: Vec<Action> = steps.map(|step| step.action.kind()).collect();
            let prospects = {
                let case = planner.case(finding, about);
                prospects(&case, planner.capabilities())
            };
            let first = prospects.iter().find(|prospect| prospect.now().is_ok()).map(|it| it.action);
            if beside(finding.code, about).is_none() {
                let allowed = first.map_or(&[][..], takes);
                prop_assert!(kinds.iter().all(|kind| allowed.contains(kind)), "{}: {:?}", finding.id, kinds);
            }
            prop_assert!(first.is_none() || !kinds.is_empty(), "{}: {:?}", finding.id, first);
            let found = Capabilities::found(&world.daemon, true, world.redis);
            let told = offered(&Case::found(finding, |_| false, false), found);
            let is_told = |action| {
                action == Action::PushImage || told.iter().any(|remedy| remedy.action == action)
            };
            prop_assert!(first.is_none_or(is_told), "{}: {:?} of {:?}", finding.id, first, told);
        }
    }

    #[test]
    fn a_goal_admits_nothing_else(world in any_world()) {
        let admitted: &[Action] = match world.goal {
            Goal::Fix => return Ok(()),
            Goal::Purge => &[Action::DeleteClaim, Action::PurgeCache],
            Goal::Collection => &[Action::DeleteClaim, Action::PurgeCache, Action::ReturnManifest],
            Goal::Restart => &[Action::Restart],
        };
        let plan = world.plan();
        prop_assert!(plan.steps.iter().all(|step| admitted.contains(&step.action.kind())));
        let restarts = plan.steps.iter().filter(|step| step.action.kind() == Action::Restart).count();
        prop_assert_eq!(restarts > 0, world.goal == Goal::Restart && !world.restart.is_empty());
    }
}

/// The steps that carrying out a remedy may take: its own, and what makes it work.
const fn takes(remedy: Action) -> &'static [Action] {
    use Action::{
        DeleteClaim, PurgeCache, PushImage, PutManifest, Quarantine, Restart, ReturnManifest, RewriteLink,
        UploadBlob, UploadManifest,
    };
    match remedy {
        // A daemon may remember the size of the bad file.
        Quarantine => &[Quarantine, UploadBlob, UploadManifest, PurgeCache, Restart],
        UploadBlob => &[UploadBlob],
        // What a manifest needs comes with it, and a tag is put when what it names is there.
        UploadManifest | PutManifest => &[UploadBlob, UploadManifest, PutManifest],
        // A daemon may have learnt what the wrong link said.
        RewriteLink => &[RewriteLink, UploadBlob, PutManifest],
        ReturnManifest => &[ReturnManifest],
        DeleteClaim => &[DeleteClaim],
        PurgeCache => &[PurgeCache],
        Restart => &[Restart],
        PushImage => &[PushImage],
        Action::CollectGarbage | Action::PurgeUploads | Action::Inspect => &[],
    }
}
