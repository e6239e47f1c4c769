//! Garbage collection's own output, passed on as it comes.

use std::io::{self, Write as _};

use super::Terminal;
use super::interrupt::Interrupt;
use crate::engine::ports::{Onlooker, Stream};

impl Onlooker for Terminal {
    fn see(&self, stream: Stream, bytes: &[u8]) {
        if self.is_quiet {
            return;
        }
        // A closed pipe may not keep garbage collection from its end; where a machine reads stdout, all goes aside.
        let _ = match stream {
            Stream::Output if !self.is_for_machine() => io::stdout().write_all(bytes),
            Stream::Output | Stream::Errors => io::stderr().write_all(bytes),
        };
    }

    /// Until then a signal was for garbage collection.
    fn ended(&self) {
        Interrupt::watch();
    }
}
