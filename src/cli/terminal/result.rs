//! Results that are no report of a check, in every form that was asked for.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::cli::args::{Format, OutputArguments, OutputFormat};
use crate::cli::terminal;
use crate::report::table::Drawing;

/// Write it: as JSON, or as `draw` draws it.
pub(in crate::cli) fn write(
    output: &OutputArguments,
    result: &impl Serialize,
    draw: impl Fn(Drawing) -> String,
) -> Result<()> {
    let default = [OutputFormat { format: Format::Table, file: None }];
    let formats = if output.formats.is_empty() { &default[..] } else { &output.formats };
    for form in formats {
        match &form.file {
            Some(path) => {
                let shown = || format!("cannot write the result to `{}`", path.display());
                let mut file = BufWriter::new(File::create(path).with_context(shown)?);
                let plain = Drawing { no_trunc: output.no_trunc, ..Drawing::default() };
                render(form.format, result, || draw(plain), &mut file).with_context(shown)?;
            }
            None if output.quiet => {}
            None => {
                let mut out = anstream::stdout().lock();
                let rendered = render(form.format, result, || draw(terminal::drawing(output)), &mut out);
                terminal::forgive(rendered).context("cannot write to stdout")?;
            }
        }
    }
    Ok(())
}

fn render(
    format: Format,
    result: &impl Serialize,
    draw: impl Fn() -> String,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match format {
        Format::Table => out.write_all(draw().as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, result)?;
            writeln!(out)?;
        }
    }
    out.flush()
}
