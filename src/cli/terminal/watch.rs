//! What a watch says: a line a check and a line for each thing that somebody should know.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Terminal, complain, say};
use crate::domain::report::{Report, Target};
use crate::domain::watch::BrokenPush;
use crate::engine::ports::{News, WatchEvents};
use crate::engine::watch::WatchSettings;
use crate::report::watch::headline;

/// What a watch over the API alone does not see.
const UNSEEN: &str = "without storage no garbage collection is seen: checks ask about what is tagged and about deletions that are \
                      told, and not what the daemon believes of the rest; give --config FILE or --storage DIR";

impl Terminal {
    /// Say how it is watched.
    pub(in crate::cli) fn announce(
        &self,
        settings: &WatchSettings,
        target: &Target,
        serving: Option<SocketAddr>,
    ) {
        let serving = serving.map(|address| format!(", served on {address}")).unwrap_or_default();
        self.note(format_args!("watching: a check {}{serving}", settings.schedule));
        if target.storage.is_none() {
            self.note(format_args!("{UNSEEN}"));
        }
    }

    /// A line on stderr, with the time, where anything is said at all.
    fn note(&self, text: fmt::Arguments<'_>) {
        if !self.is_quiet {
            say(format_args!("{} {text}", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ")));
        }
    }
}

impl WatchEvents for Terminal {
    fn publish(&self, report: &Arc<Report>) {
        self.note(format_args!("checked: {}", headline(report)));
        if !self.formats.is_empty()
            && let Err(error) = self.write_report(report)
        {
            complain(&error);
        }
    }

    fn tell(&self, news: News<'_>) {
        match news {
            News::Broken(broken) => say(format_args!("{}", accusation(broken))),
            News::Mended(image) => self.note(format_args!("mended: {} can be pulled now", image.name())),
            News::Collected(1) => {
                self.note(format_args!("a blob disappeared: looking what it leaves behind"));
            }
            News::Collected(blobs) => {
                self.note(format_args!("{blobs} blobs disappeared: looking what they leave behind"));
            }
            News::Blind(why) => say(format_args!("a check could not look: {why}")),
            News::Overrun => {
                self.note(format_args!("more was pushed than can be waited for: checking all of it"));
            }
            News::Reopened => self.note(format_args!("the configuration was read again")),
            News::NotReopened(why) => {
                say(format_args!("the configuration cannot be read again, the earlier one counts: {why}"));
            }
            News::Declined { left } => say(format_args!(
                "nothing was repaired: it takes more steps than the {left} that are left for today (--fix-max); look at it, and run regfsck check --fix"
            )),
            News::NotRepaired(why) => say(format_args!("nothing was repaired: {why}")),
            News::Unkept(unkept) => {
                say(format_args!("{unkept}: {}", unkept.source));
            }
        }
    }
}

/// Which image is broken, and why.
fn accusation(broken: &BrokenPush) -> String {
    let why = broken.findings.first().map(|finding| format!("{}: {}", finding.id, finding.message));
    let more = broken.findings.len().saturating_sub(1);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    format!(
        "{} broken push: {} was pushed and cannot be pulled: {}{more}",
        broken.found.strftime("%Y-%m-%dT%H:%M:%SZ"),
        broken.image.name(),
        why.unwrap_or_default()
    )
}
