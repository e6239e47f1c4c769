//! What to do next: for each code that is wrong the remedies that can work, best first, each with the command that
//! carries it out. A word in capitals is to be filled in.

mod once;

use std::collections::BTreeSet;

use anstyle::Style;

use crate::domain::action::{Action, Need, Remedy};
use crate::domain::code::{Code, Severity};
use crate::domain::digest::Digest;
use crate::domain::finding::{Finding, Subject};
use crate::domain::layout::{BLOBS, Place};
use crate::domain::limit::Limit;
use crate::domain::name::Tag;
use crate::domain::observed::Reason;
use crate::domain::report::{Report, Target};
use crate::report::drawing::{Drawing, hang, line};
use crate::report::words::quoted;

/// How many stray files a command moves.
const MOVED: usize = 10;

/// Flags with a value that a command may have to leave out.
const VALUED: [&str; 2] = ["--started", "--registry"];

/// What a bad file is in a pull-through cache, which takes no upload.
const FETCHED: &str = "move the bad file out of the way (quarantine): the next pull fetches it again";

/// What carrying out an action is, as an order.
const fn order(action: Action) -> &'static str {
    match action {
        Action::Quarantine => "move the bad file out of the way (quarantine), then upload it again",
        Action::UploadBlob => "upload the bytes again, without asking the daemon first",
        Action::UploadManifest => "upload the manifest's bytes as a blob, then put it",
        Action::ReturnManifest => {
            "put the manifest's bytes back as a blob, so that what the daemon believes is true"
        }
        Action::PutManifest => "put the stored manifest again, which writes its link",
        Action::RewriteLink => "write the link's content again from its folder's name",
        Action::DeleteClaim => "delete the daemon's claim over the API",
        Action::PurgeCache => "delete the stale keys from Redis",
        Action::Restart => {
            "restart the daemon, which forgets what it claims (systemd:docker-registry, docker:NAME, exec:COMMAND, …)"
        }
        Action::CollectGarbage => "run garbage collection",
        Action::PurgeUploads => "let the daemon's upload purging remove it",
        Action::Inspect => "look at it: only a person can tell",
        Action::PushImage => "let a local engine push the image",
    }
}

/// What a person looks at where only a person can tell.
fn look(code: Code) -> &'static str {
    if code == Code::TagMismatch {
        "ask the daemon itself, past any proxy in front of it: only a person can tell who is right"
    } else if code == Code::WrongDescriptor {
        "build the image again and push it: no bytes fit the size that its manifest gives"
    } else if code == Code::UnreadableFile {
        "give it the owner and mode of its neighbours (chown, chmod), or run the daemon as who may read it"
    } else {
        order(Action::Inspect)
    }
}

/// Where bytes come from, where nothing else is known.
const MIRROR: &str = " --source docker://MIRROR";

/// The subcommand that carries an action out, what follows the target's flags, and where its bytes come from.
const fn typed(action: Action) -> Option<(&'static str, &'static str, Option<&'static str>)> {
    match action {
        Action::Quarantine | Action::UploadBlob | Action::UploadManifest | Action::ReturnManifest => {
            Some(("check", " --fix", Some(MIRROR)))
        }
        Action::PutManifest | Action::RewriteLink => Some(("check", " --fix", None)),
        Action::PushImage => Some(("check", " --fix", Some(" --source docker-daemon:"))),
        Action::DeleteClaim | Action::PurgeCache => Some(("purge", "", None)),
        Action::Restart => Some(("restart", " --restart systemd:UNIT", None)),
        Action::CollectGarbage => Some(("guard", " -- GC-COMMAND", None)),
        Action::PurgeUploads | Action::Inspect => None,
    }
}

/// What follows the target's flags where a pull-through cache is to fetch again what is bad.
fn fetched(remedy: &Remedy) -> &'static str {
    if remedy.needs == Some(Need::Service) { " --fix --restart systemd:UNIT" } else { " --fix" }
}

/// A command on the user's own target, without the flags that are `unfit` for it.
pub(in crate::report) fn on(target: &Target, subcommand: &str, unfit: &[&str], rest: &str) -> String {
    let mut line = format!("regfsck {subcommand}");
    let mut words = target.flags.iter();
    while let Some(word) = words.next() {
        if unfit.contains(&word.as_str()) {
            if VALUED.contains(&word.as_str()) {
                words.next();
            }
        } else {
            line.push(' ');
            line.push_str(&quoted(word));
        }
    }
    line + rest
}

/// The command that carries an action out, with what it needs to be told beside the target.
fn command(target: &Target, remedy: &Remedy) -> Option<String> {
    let (subcommand, rest, source) = typed(remedy.action)?;
    // What is stored is at hand.
    let source = source.filter(|_| remedy.needs.is_some() || remedy.action == Action::PushImage);
    let has = |flags: &[&str]| target.flags.iter().any(|word| flags.contains(&word.as_str()));
    let needs_daemon =
        !matches!(remedy.action, Action::RewriteLink | Action::PurgeCache | Action::CollectGarbage);
    let mut more = String::new();
    let mut unfit = Vec::new();
    if needs_daemon && target.registry.is_none() {
        unfit.push("--offline");
        if !has(&["--config", "--container"]) {
            more.push_str(" --registry URL");
        }
    }
    match remedy.needs {
        Some(Need::Storage) => more.push_str(" --storage DIR"),
        Some(Need::Redis) => {
            unfit.push("--no-redis");
            more.push_str(" --redis redis://HOST");
        }
        Some(Need::Bytes | Need::Service) | None => {}
    }
    let rest = if remedy.action == Action::Restart && has(&["--container"]) { "" } else { rest };
    let source = source.or_else(|| (remedy.needs == Some(Need::Bytes)).then_some(MIRROR));
    Some(on(target, subcommand, &unfit, &(more + rest + source.unwrap_or_default())))
}

/// What helps some of what was found: cures to choose from, best first.
pub(in crate::report) struct Advice {
    /// The codes, or what else it is about.
    pub(in crate::report) about: String,
    pub(in crate::report) cures: Vec<Cure>,
    /// Whether all of that is helped by what stands before it, too.
    is_alternative: bool,
}

/// One thing that helps, and what to type for it.
pub(in crate::report) struct Cure {
    /// What it does, of each that it helps.
    orders: Vec<String>,
    needs: Option<Need>,
    pub(in crate::report) typed: Option<String>,
}

impl Advice {
    /// The cures, each with whether it is another way to the same.
    pub(in crate::report) fn choices(&self) -> impl Iterator<Item = (bool, &Cure)> {
        self.cures.iter().enumerate().map(|(at, cure)| (self.is_alternative || at > 0, cure))
    }
}

impl Cure {
    fn new(order: &str, needs: Option<Need>, typed: Option<String>) -> Self {
        Self { orders: vec![order.to_owned()], needs, typed }
    }

    /// What it does, and what it cannot do it without.
    pub(in crate::report) fn order(&self) -> String {
        let needs = self.needs.map(|needs| format!("; needs {needs}")).unwrap_or_default();
        self.orders.join("; ") + &needs
    }

    /// What the same command does beside that.
    fn join(&mut self, other: &Self) {
        let new: Vec<_> = other.orders.iter().filter(|order| !self.orders.contains(order)).cloned().collect();
        self.orders.extend(new);
        self.needs = self.needs.or(other.needs);
    }
}

/// Findings that the same remedies help.
struct Group<'a> {
    codes: Vec<Code>,
    remedies: &'a [Remedy],
    findings: Vec<&'a Finding>,
}

/// What a finding is about, in whichever repository.
fn about(finding: &Finding) -> (Option<Digest>, Option<&Tag>) {
    (finding.subject.digest, finding.subject.tag.as_ref())
}

/// What storage tells the cause of: a daemon that fails about that is right again when the cause is gone.
fn explained(report: &Report) -> BTreeSet<(Option<Digest>, Option<&Tag>)> {
    report
        .standing(Severity::Warning)
        .filter(|finding| finding.code != Code::ServerError)
        .map(about)
        .collect()
}

/// What is wrong, by what helps, in the report's order.
fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let helped = report.standing(Severity::Warning).filter(|finding| !finding.remedies.is_empty());
    let explained = explained(report);
    for finding in helped.filter(|it| it.code != Code::ServerError || !explained.contains(&about(it))) {
        let remedies = alternatives(&finding.remedies);
        let by_hand = remedies.first().is_some_and(|first| first.action == Action::Inspect);
        let fits =
            |group: &Group<'_>| group.remedies == remedies && (!by_hand || group.codes == [finding.code]);
        let at = groups.iter().position(fits);
        let Some(group) = at.and_then(|at| groups.get_mut(at)) else {
            groups.push(Group { codes: vec![finding.code], remedies, findings: vec![finding] });
            continue;
        };
        group.findings.push(finding);
        if !group.codes.contains(&finding.code) {
            group.codes.push(finding.code);
        }
    }
    groups
}

/// The remedies that are alternatives: an upload after a quarantine is its second half.
fn alternatives(remedies: &[Remedy]) -> &[Remedy] {
    match remedies {
        [first, ..] if first.action == Action::Quarantine => std::slice::from_ref(first),
        all => all,
    }
}

impl Group<'_> {
    /// What they are, and what helps.
    fn advice(&self, target: &Target) -> (Vec<String>, Vec<Cure>) {
        let codes = self.codes.iter().map(ToString::to_string).collect();
        let cures = self.remedies.iter().map(|remedy| {
            let by_hand = self.codes.first().filter(|_| remedy.action == Action::Inspect);
            let is_fetched = remedy.action == Action::Quarantine && self.is_alone();
            let order = by_hand.map_or_else(|| order(remedy.action), |code| look(*code));
            let order = if is_fetched { FETCHED } else { order };
            let typed = match by_hand {
                Some(Code::TagMismatch) => Some(on(target, "check", &["--registry"], " --registry URL")),
                Some(Code::UnreadableFile) => self.opens(target),
                Some(_) => self.moves(target),
                None if is_fetched => Some(on(target, "check", &[], fetched(remedy))),
                None => command(target, remedy),
            };
            Cure::new(order, remedy.needs, typed)
        });
        (codes, cures.collect())
    }

    /// Whether nothing else belongs to its remedy.
    fn is_alone(&self) -> bool {
        self.findings.iter().all(|finding| finding.remedies.len() == 1)
    }

    /// What takes stray files away, where their names can be typed.
    fn moves(&self, target: &Target) -> Option<String> {
        let words =
            self.paths(Code::StrayFile, target, |finding| Some(finding.subject.place.as_ref()?.to_string()))?;
        Some(format!("mv -i {words} ELSEWHERE"))
    }

    /// What makes files those of the daemon's user, whose the folder of all blobs is.
    fn opens(&self, target: &Target) -> Option<String> {
        let (words, root) = (self.paths(Code::UnreadableFile, target, around)?, target.storage.as_ref()?);
        let blobs = quoted(&format!("{root}/{BLOBS}"));
        Some(format!("chown -R --reference={blobs} {words} && chmod -R u+rwX {words}"))
    }

    /// Where the findings with that code are, as far as their names can be typed.
    fn paths(
        &self,
        code: Code,
        target: &Target,
        place: impl Fn(&Finding) -> Option<String>,
    ) -> Option<String> {
        let root = target.storage.as_ref()?;
        let found = self.findings.iter().filter(|finding| finding.code == code);
        let paths = found.filter_map(|finding| Some(format!("{root}/{}", place(finding)?)));
        let is_typeable = |path: &String| path.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'\\');
        let words: Vec<_> = paths.filter(is_typeable).take(MOVED).map(|path| quoted(&path)).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// The path of what a finding is about: of content and of links the folder, which may be what is wrong.
fn around(finding: &Finding) -> Option<String> {
    let Subject { place, digest, .. } = &finding.subject;
    let place = place.as_deref().cloned().or_else(|| digest.map(Place::Data))?;
    let (path, is_file) = (place.to_string(), matches!(place, Place::Data(_) | Place::Link(..)));
    if is_file { path.rsplit_once('/').map(|(folder, _)| folder.to_owned()) } else { Some(path) }
}

/// Whether what a daemon remembers could not be found out.
fn is_unsettled(report: &Report) -> bool {
    let unknown = report.coverage.unknown.iter();
    let mut beliefs = unknown.filter(|it| {
        matches!(
            it.why,
            Reason::Unsettled(_)
                | Reason::NoRepository { .. }
                | Reason::NoName { .. }
                | Reason::Removed { .. }
                | Reason::Departed { .. }
                | Reason::Bereft { .. }
                | Reason::NoTraces
                | Reason::Fetches { .. }
        )
    });
    let mut limits = report.coverage.limits.0.iter();
    beliefs.next().is_some() || limits.any(|it| matches!(it, Limit::Beliefs { .. } | Limit::Traces { .. }))
}

/// Whether something could not be looked at for want of rights.
fn is_forbidden(report: &Report) -> bool {
    report.coverage.unknown.iter().any(|it| matches!(it.why, Reason::Forbidden))
}

/// What lets somebody look who may not.
fn permit(target: &Target) -> (Vec<String>, Vec<Cure>) {
    let typed = format!("sudo {}", on(target, "check", &[], ""));
    let cure = Cure::new("run it as root, or as the registry's own user", None, Some(typed));
    (vec!["what could not be looked at".into()], vec![cure])
}

/// What settles what a daemon may remember.
fn settle(target: &Target) -> (Vec<String>, Vec<Cure>) {
    let started = on(target, "check", &["--started"], " --started TIME");
    let restart = command(target, &Remedy::new(Action::Restart, None));
    let cures = vec![
        Cure::new("if it was started since, say when", None, Some(started)),
        Cure::new(order(Action::Restart), None, restart),
    ];
    (vec!["what the daemon may remember".into()], cures)
}

/// All of it, in the report's order.
pub(in crate::report) fn advice(report: &Report) -> Vec<Advice> {
    let unsettled = is_unsettled(report) && report.refusal.is_none();
    let settle = unsettled.then(|| settle(&report.target));
    let permit = is_forbidden(report).then(|| permit(&report.target));
    let grouped = groups(report);
    let all = grouped.iter().map(|group| group.advice(&report.target)).chain(permit).chain(settle);
    once::once(all.collect())
}

/// Draw it, and where to read on.
pub(super) fn draw(text: &mut String, report: &Report, drawing: Drawing) {
    let first = report.standing(Severity::Warning).next();
    let advice = advice(report);
    if first.is_none() && advice.is_empty() {
        return;
    }
    line(text, "");
    line(text, &drawing.paint("what to do", Style::new().bold()));
    for advice in advice {
        hang(text, "  ", 2, &advice.about, drawing);
        for (is_other, cure) in advice.choices() {
            hang(text, if is_other { "   or " } else { "    - " }, 6, &cure.order(), drawing);
            if let Some(typed) = &cure.typed {
                line(text, &format!("        {typed}"));
            }
        }
    }
    if let Some(first) = first {
        hang(text, "  ", 2, &format!("`regfsck explain {}` tells more", first.code), drawing);
    }
}
