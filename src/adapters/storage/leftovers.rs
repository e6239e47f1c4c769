//! Folders that lack the one file they are for: `<hex>/` without `data` or `link`.

use super::folder::Folder;
use super::notes::Notes;

/// What such a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftovers {
    /// It is gone, or could not be opened.
    Gone,
    /// Nothing: what garbage collection leaves behind, and no fault; when it was last changed.
    Nothing(i64),
    /// Something, but not the file.
    Something,
    /// The file: it was written since it was missed.
    Arrived,
}

/// List the folder that lacks `file`; what is neither that nor one of the `known` names is noted as stray.
pub(super) fn list(parent: &Folder, name: &[u8], file: &str, known: &[&str], notes: &mut Notes) -> Leftovers {
    let Some(folder) = parent.enter_noting(name, notes) else { return Leftovers::Gone };
    let mut seen = folder.modified().map_or(Leftovers::Gone, Leftovers::Nothing);
    let mut others = Vec::new();
    let listed = folder.each(|name, _| {
        if name == file.as_bytes() {
            seen = Leftovers::Arrived;
        } else if !known.iter().any(|known| name == known.as_bytes()) {
            others.push(folder.path_of(name));
        }
        if seen != Leftovers::Arrived {
            seen = Leftovers::Something;
        }
    });
    if let Err(error) = listed {
        notes.failed(folder.path().to_owned(), &error);
    }
    // Beside a file that is there nothing is looked at; this look is to be no exception.
    if seen == Leftovers::Something {
        let why = format!("it lies in a folder that holds no `{file}` file");
        for path in others {
            notes.stray(path, &why);
        }
    }
    seen
}
