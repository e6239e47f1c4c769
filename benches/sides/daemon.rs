//! Comparisons that need a running daemon.

use anyhow::Result;

use crate::Bench;
use crate::draw::Table;

pub(crate) fn probe(_bench: &Bench, _table: &mut Table) -> Result<()> {
    Ok(())
}

pub(crate) fn redis(_bench: &Bench, _table: &mut Table) -> Result<()> {
    Ok(())
}
