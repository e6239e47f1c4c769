//! Arguments, settings, the terminal.
