//! What a watch shows to whoever asks, and what it is told.

use bytes::Bytes;

use crate::domain::watch::Told;

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// For people.
    Home,
    /// The last report, for programs.
    Report,
    /// For Prometheus; in the newer of its two forms where it takes that.
    Metrics {
        /// Whether it does.
        is_open: bool,
    },
}

/// What is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// As HTTP names its kind.
    pub media_type: &'static str,
    /// What it may do in a browser, beside being shown.
    pub policy: Option<&'static str>,
    /// It.
    pub body: Bytes,
}

/// Whatever shows a watch and hears for it.
pub trait Site: Send + Sync {
    /// A page; none where there is nothing to show yet.
    fn show(&self, page: Page) -> Option<Shown>;

    /// Whether there is a report.
    fn is_ready(&self) -> bool;

    /// Whether it can do anything with what it is told.
    fn hears(&self) -> bool;

    /// Take what a registry told; comes back at once.
    fn hear(&self, told: Vec<Told>);
}
