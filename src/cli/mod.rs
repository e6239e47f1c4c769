//! Arguments, settings, the terminal.

pub mod demo;
