//! What to do next: for each code that is wrong the remedies that can work, best first, in sentences.

use anstyle::Style;

use crate::domain::action::{Action, Remedy};
use crate::domain::code::{Code, Severity};
use crate::domain::report::Report;
use crate::report::drawing::{Drawing, hang, line};
use crate::report::words::quoted;

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
        Action::Restart => "restart the daemon, which forgets what it claims",
        Action::CollectGarbage => "run garbage collection",
        Action::PurgeUploads => "let the daemon's upload purging remove it",
        Action::Inspect => "look at it: only a person can tell",
        Action::PushImage => "let a local engine push the image",
    }
}

/// What to type for it: the command and what follows the target's flags. A word in capitals is to be filled in.
const fn typed(action: Action) -> Option<(&'static str, &'static str)> {
    match action {
        Action::Quarantine | Action::UploadBlob | Action::UploadManifest | Action::ReturnManifest => {
            Some(("check", " --fix --source docker://MIRROR"))
        }
        Action::PutManifest | Action::RewriteLink => Some(("check", " --fix")),
        Action::PushImage => Some(("check", " --fix --source docker-daemon:")),
        Action::DeleteClaim | Action::PurgeCache => Some(("purge", "")),
        Action::Restart => Some(("restart", " --restart systemd:UNIT")),
        Action::CollectGarbage => Some(("guard", " -- GC-COMMAND")),
        Action::PurgeUploads | Action::Inspect => None,
    }
}

/// The command that carries an action out, with the user's own target in it.
fn command(report: &Report, action: Action) -> Option<String> {
    let (command, rest) = typed(action)?;
    let mut line = format!("regfsck {command}");
    for word in &report.target.flags {
        line.push(' ');
        line.push_str(&quoted(word));
    }
    let needs_daemon = !matches!(action, Action::RewriteLink | Action::PurgeCache | Action::CollectGarbage);
    let daemon = if needs_daemon && report.target.registry.is_none() { " --registry URL" } else { "" };
    Some(line + daemon + rest)
}

/// Codes that the same remedies help, in the report's order.
fn plans(report: &Report) -> Vec<(Vec<Code>, &[Remedy])> {
    let mut plans: Vec<(Vec<Code>, &[Remedy])> = Vec::new();
    for finding in report.standing(Severity::Warning).filter(|finding| !finding.remedies.is_empty()) {
        let remedies = alternatives(&finding.remedies);
        match plans.iter_mut().find(|(_, known)| *known == remedies) {
            Some((codes, _)) if codes.contains(&finding.code) => {}
            Some((codes, _)) => codes.push(finding.code),
            None => plans.push((vec![finding.code], remedies)),
        }
    }
    plans
}

/// The remedies that are alternatives: an upload after a quarantine is its second half.
fn alternatives(remedies: &[Remedy]) -> &[Remedy] {
    match remedies {
        [first, ..] if first.action == Action::Quarantine => std::slice::from_ref(first),
        all => all,
    }
}

/// Draw them, and where to read on.
pub(super) fn draw(text: &mut String, report: &Report, drawing: Drawing) {
    let Some(first) = report.standing(Severity::Warning).next() else { return };
    line(text, "");
    line(text, &drawing.paint("what to do", Style::new().bold()));
    for (codes, remedies) in plans(report) {
        let codes: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        hang(text, "  ", 2, &codes.join(", "), drawing);
        for (at, remedy) in remedies.iter().enumerate() {
            let lead = if at == 0 { "    - " } else { "   or " };
            let needs = remedy.needs.map(|needs| format!("; needs {needs}")).unwrap_or_default();
            hang(text, lead, 6, &format!("{}{needs}", order(remedy.action)), drawing);
            if let Some(command) = command(report, remedy.action) {
                line(text, &format!("        {command}"));
            }
        }
    }
    line(text, &format!("  `regfsck explain {}` tells more", first.code));
}
