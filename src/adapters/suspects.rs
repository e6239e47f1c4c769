//! Reading suspects from a file or a pipe, in bounded memory.

use std::io::{self, BufRead};

use crate::domain::suspects::{SuspectText, Suspects};

/// No line of a list, a log or garbage collection is longer.
const MAX_LINE_BYTES: usize = 64 << 10;
/// What has a line of more than this is no text, and may have no end.
const ENDLESS: u64 = 64 << 20;

/// Read all suspects that a text names; see [`crate::domain::suspects`] for what it may be.
///
/// # Errors
/// When the text cannot be read.
pub fn read_suspects(mut text: impl BufRead) -> io::Result<Suspects> {
    let mut found = SuspectText::default();
    let mut line = Vec::new();
    while let Some(is_whole) = next_line(&mut text, &mut line)? {
        let read = String::from_utf8_lossy(&line);
        if is_whole { found.line(&read) } else { found.unreadable(&read) }
    }
    Ok(found.finish())
}

/// Read the next line without its end; whether all of it was kept, or `None` at the end of the text.
fn next_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let (mut is_whole, mut is_started, mut length) = (true, false, 0);
    loop {
        let piece = match text.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if piece.is_empty() {
            return Ok(is_started.then_some(is_whole));
        }
        is_started = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(piece.len(), |end| end + 1);
        let room = MAX_LINE_BYTES - line.len();
        let content = piece.get(..end.unwrap_or(used)).unwrap_or_default();
        is_whole &= content.len() <= room;
        line.extend_from_slice(content.get(..room.min(content.len())).unwrap_or_default());
        text.consume(used);
        length += used as u64;
        if length > ENDLESS {
            return Err(io::Error::other("a line of it is longer than 64 MiB: it is no text"));
        }
        if end.is_some() {
            return Ok(Some(is_whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn lines_are_bounded_and_may_have_any_bytes() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        let text = format!("{digest}\r\n{long}\n\u{0}\n\n{digest}");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"\n\xff\xfe");
        for capacity in [1, 7, 1 << 20] {
            let found = read_suspects(BufReader::with_capacity(capacity, bytes.as_slice())).unwrap();
            assert_eq!((found.lines, found.not_understood, found.pairs.len()), (6, 3, 1));
            let numbers: Vec<_> = found.examples.iter().map(|example| example.0).collect();
            assert_eq!(numbers, [2, 3, 6]);
        }
    }
}
