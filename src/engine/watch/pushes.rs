//! Looking at what was pushed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::queue::{Outlook, SeenPush};
use super::{OpenRegistry, Running, Watch};
use crate::domain::finding::Finding;
use crate::domain::name::Image;
use crate::domain::report::{Verdict, VerifiedImage};
use crate::domain::watch::PushedImage;
use crate::engine::ports::{News, RegistryReader, Silent};
use crate::engine::verify::{Named, Options, VerifiedImages, verify};

/// So many are looked at together: what they share is asked once.
const TOGETHER: usize = 64;

impl Running<'_> {
    /// Look at what is pushed, for ever.
    pub(super) async fn verify_pushes(&self) {
        let Watch { board, clock, events, .. } = self.watch;
        let mut dropped = 0;
        loop {
            if board.dropped() > dropped {
                dropped = board.dropped();
                events.tell(News::Overrun);
                board.wanted.notify_one();
            }
            match board.due_pushes(clock.now(), TOGETHER) {
                Ok(images) => self.look_at(images).await,
                Err(None) => board.pushed.notified().await,
                Err(Some(at)) => tokio::select! {
                    biased;
                    () = board.pushed.notified() => {}
                    () = clock.until(at) => {}
                },
            }
        }
    }

    async fn look_at(&self, images: Vec<PushedImage>) {
        let Watch { board, clock, events, settings, .. } = self.watch;
        let opened = self.current();
        let looked = Box::pin(verified(&opened, &images, &settings.verifying)).await;
        for image in images {
            let seen = judge(&image, &looked);
            match board.settle(&image, seen, clock.now(), settings.settle) {
                Outlook::Broken(broken) => {
                    events.tell(News::Broken(&broken));
                    if settings.fix.is_some() {
                        board.wanted.notify_one();
                    }
                }
                Outlook::Right { was_broken: true, .. } => events.tell(News::Mended(&image)),
                Outlook::Right { .. } | Outlook::Open => {}
            }
        }
    }
}

/// What each daemon delivers of these images.
async fn verified(opened: &OpenRegistry, images: &[PushedImage], options: &Options) -> Vec<VerifiedImages> {
    let names: BTreeSet<Image> =
        images.iter().flat_map(|image| std::iter::once(image.by_digest()).chain(image.by_tag())).collect();
    let named: Vec<Named> = names.into_iter().map(|image| Named { name: image.to_string(), image }).collect();
    let options = Options { daemon: opened.session.options.daemon.clone(), ..options.clone() };
    let mut seen = Vec::new();
    for daemon in &opened.session.sides.daemons {
        let reader: &dyn RegistryReader = &*daemon.reader;
        seen.push(verify(reader, &named, &options, Arc::new(Silent)).await);
    }
    seen
}

/// What all of them say of one.
fn judge(image: &PushedImage, looked: &[VerifiedImages]) -> SeenPush {
    let mut findings: Vec<Finding> = Vec::new();
    let mut is_unknown = looked.is_empty();
    for seen in looked {
        for verified in relevant(image, seen) {
            is_unknown |= verified.verdict == Verdict::Incomplete;
            let told = seen.findings.iter().filter(|finding| verified.findings.contains(&finding.id));
            for finding in told {
                if !findings.iter().any(|known| known.id == finding.id) {
                    findings.push(finding.clone());
                }
            }
        }
    }
    match (findings.is_empty(), is_unknown) {
        (false, _) => SeenPush::Wrong(findings),
        (true, true) => SeenPush::Unknown,
        (true, false) => SeenPush::Right,
    }
}

/// The verdicts that are about this image: that on its name is not, if it names another one by now.
fn relevant<'a>(image: &PushedImage, seen: &'a VerifiedImages) -> impl Iterator<Item = &'a VerifiedImage> {
    let find = |wanted: Image| {
        let wanted = wanted.to_string();
        seen.images.iter().find(move |verified| verified.name == wanted)
    };
    let digest = image.digest;
    let by_tag = image.by_tag().and_then(find);
    let by_tag = by_tag.filter(|verified| verified.digest.is_none_or(|named| named == digest));
    find(image.by_digest()).into_iter().chain(by_tag)
}
