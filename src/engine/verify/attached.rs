//! What is attached to a manifest: signatures, SBOMs, attestations.
//!
//! A registry that knows referrers lists them. For others clients keep the list as an index under the tag
//! `sha256-HEX`, and cosign its own artifacts under `sha256-HEX.sig`, `.att` and `.sbom`.

use std::collections::BTreeMap;

use super::{Inquiry, Read};
use crate::domain::name::Tag;
use crate::domain::observed::Unlooked;
use crate::domain::views::served::{Answer, Subject};

/// What stands behind `sha256-HEX` in the tags.
const SUFFIXES: [&str; 4] = ["", ".sig", ".att", ".sbom"];

/// What asking about one manifest brought.
struct Answers {
    subject: Subject,
    listed: Read,
    tagged: Vec<(Tag, Read)>,
}

impl Inquiry<'_> {
    /// Ask what is attached to each manifest that the images consist of, and read that.
    pub(super) async fn find_attached(&mut self) {
        let mut known: BTreeMap<Subject, Read> =
            std::mem::take(&mut self.explorer.served.manifests).into_iter().collect();
        let is_there = |(subject, asked): (&Subject, &Read)| asked.answer.yes().map(|_| subject.clone());
        let questions: Vec<Subject> = known.iter().filter_map(is_there).collect();
        let registry = self.explorer.registry;
        let answers = self.explorer.ask_all("looking for referrers", questions, async |subject: Subject| {
            let listed = registry.referrers(&subject.0, &subject.1).await;
            let mut tagged = Vec::new();
            if listed.answer.yes().is_none() {
                for tag in tags(&subject) {
                    let asked = registry.resolve(&subject.0, &tag).await;
                    tagged.push((tag, asked));
                }
            }
            Answers { subject, listed, tagged }
        });
        let answers = answers.await;
        let wanted = answers.into_iter().flat_map(|answers| self.take(answers, &mut known)).collect();
        let read = self.explorer.read(&known, wanted, |read| self.children(read)).await;
        known.extend(read);
        self.explorer.served.manifests = known.into_iter().collect();
    }

    fn take(&mut self, answers: Answers, known: &mut BTreeMap<Subject, Read>) -> Vec<Subject> {
        let Answers { subject, listed, tagged } = answers;
        let name = &subject.0;
        let listed = listed.manifest().map(|index| index.children.to_vec()).unwrap_or_default();
        let mut found: Vec<Subject> = listed.iter().map(|child| (name.clone(), child.digest)).collect();
        for (_, asked) in tagged {
            match &asked.answer {
                Answer::Yes(manifest) => {
                    let referrer = (name.clone(), manifest.digest);
                    found.extend(
                        asked.manifest().into_iter().flat_map(|index| {
                            index.children.iter().map(|child| (name.clone(), child.digest))
                        }),
                    );
                    found.push(referrer.clone());
                    known.entry(referrer).or_insert(asked);
                }
                Answer::No(_) => {}
                Answer::Broken(why) | Answer::Unknown(why) => {
                    let unlooked = Unlooked::new(asked.exchange.asked.clone(), why.clone());
                    self.loose.entry(subject.clone()).or_default().push(unlooked);
                }
            }
        }
        self.attached.insert(subject, found.clone());
        found
    }
}

fn tags((_, digest): &Subject) -> Vec<Tag> {
    let base = format!("{}-{}", digest.algorithm().as_str(), digest.hex());
    SUFFIXES.iter().filter_map(|suffix| format!("{base}{suffix}").parse().ok()).collect()
}
