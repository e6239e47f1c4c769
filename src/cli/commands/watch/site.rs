//! What a watch shows over HTTP, made of what it knows.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::adapters::clock::SystemClock;
use crate::domain::report::Report;
use crate::domain::watch::Told;
use crate::engine::ports::{Clock as _, Page, Shown, Site};
use crate::engine::watch::Board;
use crate::report::drawing::Drawing;
use crate::report::format::{self, Format};
use crate::report::html::POLICY;
use crate::report::watch::{page, write_metrics};

/// The pages of a watch.
pub(super) struct WatchSite {
    board: Arc<Board>,
    /// The last report as it was written last: however many ask, it is written and kept once.
    written: Mutex<Option<(Arc<Report>, Bytes)>>,
}

impl WatchSite {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board, written: Mutex::default() }
    }

    fn report(&self) -> Option<Bytes> {
        let report = self.board.report()?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, bytes)) = &*written
            && Arc::ptr_eq(of, &report)
        {
            return Some(bytes.clone());
        }
        let mut bytes = Vec::new();
        format::write(Format::Json, &report, Drawing::default(), &mut bytes).ok()?;
        let bytes = Bytes::from(bytes);
        *written = Some((report, bytes.clone()));
        Some(bytes)
    }

    fn metrics(&self, is_open: bool) -> Option<Bytes> {
        let mut bytes = Vec::new();
        write_metrics(&self.board.status(), is_open, &mut bytes).ok()?;
        Some(bytes.into())
    }
}

impl Site for WatchSite {
    fn show(&self, wanted: Page) -> Option<Shown> {
        let (media_type, body) = match wanted {
            Page::Home => ("text/html; charset=utf-8", page(&self.board.status()).into()),
            Page::Report => ("application/json", self.report()?),
            Page::Metrics { is_open: true } => {
                ("application/openmetrics-text; version=1.0.0; charset=utf-8", self.metrics(true)?)
            }
            Page::Metrics { is_open: false } => {
                ("text/plain; version=0.0.4; charset=utf-8", self.metrics(false)?)
            }
        };
        let policy = (wanted == Page::Home).then_some(&**POLICY);
        Some(Shown { media_type, policy, body })
    }

    fn is_ready(&self) -> bool {
        self.board.report().is_some()
    }

    fn hears(&self) -> bool {
        self.board.can_verify()
    }

    fn hear(&self, told: Vec<Told>) {
        self.board.hear(told, SystemClock.now());
    }
}
