//! The report: everything that a run saw, said and did, as one value. `-o json` writes it as it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::code::Severity;
pub use super::coverage::{CacheCoverage, Coverage, ServedCoverage, StorageCoverage};
use super::digest::Digest;
use super::finding::{Finding, State};
use super::name::Reference;
use super::observed::Unlooked;
use super::plan::{Outcome, Plan, Proof};
pub use super::target::Target;

/// The version of the JSON contract. Within a version fields are only added.
pub const SCHEMA: u32 = 1;

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    #[cfg_attr(test, schemars(description = "The version of this contract.", extend("const" = SCHEMA)))]
    pub schema: u32,
    /// Who wrote this.
    pub tool: Tool,
    /// When the run began.
    #[cfg_attr(test, schemars(with = "super::schema::Time"))]
    pub started: Timestamp,
    /// When it ended.
    #[cfg_attr(test, schemars(with = "super::schema::Time"))]
    pub finished: Timestamp,
    /// What was checked.
    pub target: Target,
    /// The run in one word.
    pub verdict: Verdict,
    /// The process's exit status.
    pub exit_status: u8,
    /// How bad a finding must be to fail the run.
    #[serde(default)]
    pub fail_on: Severity,
    /// What was looked at.
    pub coverage: Coverage,
    /// Why the run was refused, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What is wrong, sorted by severity, code, repository, digest, tag, path.
    pub findings: Vec<Finding>,
    /// How many images there are and how many are broken, or each that was verified.
    #[serde(default)]
    pub images: Images,
    /// What the repair was to do, where one was made or planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What came of each of its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Vec<Outcome>>,
    /// What the check after it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// How many findings there are of each code.
    pub summary: BTreeMap<String, usize>,
}

/// Who wrote a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// `regfsck`
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Default for Tool {
    fn default() -> Self {
        Self { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
    }
}

/// The run in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing at or above `--fail-on` remains.
    Coherent,
    /// Findings remain.
    Incoherent,
    /// Something could not be looked at.
    Incomplete,
    /// The run was refused for safety.
    Refused,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Coherent, Self::Incoherent, Self::Incomplete, Self::Refused];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coherent => "coherent",
            Self::Incoherent => "incoherent",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
        }
    }
}

/// The images of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Images {
    /// Of a check: how many.
    Counted(ImageCount),
    /// Those that were verified, in the order given.
    Verified(Vec<VerifiedImage>),
}

impl Default for Images {
    fn default() -> Self {
        Self::Counted(ImageCount::default())
    }
}

impl Images {
    /// Those that were verified one by one.
    #[must_use]
    pub fn verified(&self) -> &[VerifiedImage] {
        match self {
            Self::Counted(_) => &[],
            Self::Verified(images) => images,
        }
    }
}

/// How many tags lead to an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImageCount {
    /// The tags that were looked at.
    pub checked: u64,
    /// Those of them that an error breaks which still stands.
    pub broken: u64,
}

/// An image that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerifiedImage {
    /// The image as it was named.
    pub name: String,
    /// What was concluded.
    pub verdict: Verdict,
    /// The digest of its manifest or index, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The ids of the findings that break it.
    pub findings: Vec<String>,
    /// What could not be asked about it.
    pub unknown: Vec<Unlooked>,
    /// How many manifests belong to it.
    pub manifests: u64,
    /// How many blobs its manifests need.
    pub blobs: u64,
    /// Their sizes as described, in bytes.
    pub bytes: u64,
}

impl VerifiedImage {
    /// An image of which nothing is known yet.
    #[must_use]
    pub const fn new(name: String) -> Self {
        Self {
            name,
            verdict: Verdict::Incomplete,
            digest: None,
            findings: Vec::new(),
            unknown: Vec::new(),
            manifests: 0,
            blobs: 0,
            bytes: 0,
        }
    }
}

impl Report {
    /// A report of a run that saw nothing yet.
    #[must_use]
    pub fn empty(target: Target, started: Timestamp, finished: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::default(),
            started,
            finished,
            target,
            verdict: Verdict::Coherent,
            exit_status: 0,
            fail_on: Severity::default(),
            coverage: Coverage::default(),
            refusal: None,
            findings: Vec::new(),
            images: Images::default(),
            plan: None,
            outcomes: None,
            proof: None,
            summary: BTreeMap::new(),
        }
    }

    /// How many of the tagged images an error breaks that still stands.
    #[must_use]
    pub fn count_images(&self) -> ImageCount {
        let stored = self.coverage.storage.as_ref().map(|storage| storage.tags);
        let served = self.coverage.served.as_ref().map(|served| served.tags);
        let standing = self.standing(Severity::Error).flat_map(|finding| &finding.affects);
        let broken: BTreeSet<_> =
            standing.filter(|image| matches!(image.reference, Reference::Tag(_))).collect();
        ImageCount { checked: stored.or(served).unwrap_or_default(), broken: broken.len() as u64 }
    }

    /// Whether that became of any finding.
    #[must_use]
    pub fn is_any(&self, state: State) -> bool {
        self.findings.iter().any(|finding| finding.state == state)
    }

    /// The findings at or above `severity` that still stand.
    pub fn standing(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.severity <= severity && finding.state != State::Repaired)
    }
}

/// Count findings by code.
#[must_use]
pub fn summarise(findings: &[Finding]) -> BTreeMap<String, usize> {
    let mut summary = BTreeMap::new();
    for finding in findings {
        *summary.entry(finding.code.as_str().to_owned()).or_insert(0) += 1;
    }
    summary
}
