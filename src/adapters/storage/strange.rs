//! What lies in folders that do not belong, which the walk does not go into: those of a NAS, or of a backup.

use std::io;

use super::folder::{FileKind, Folder};
use crate::domain::layout::Place;
use crate::domain::observed::{Observed, Reason};

/// So many folders are looked into.
const MOST: usize = 10_000;

/// The folders of these names below it, in no order.
pub(super) fn below(root: &Folder, stray: &Place, names: &[&str]) -> io::Result<Observed<Vec<Place>>> {
    let (mut found, mut looked_into) = (Vec::new(), 0_usize);
    let mut open = vec![root.descend(stray.to_string().split('/'))?];
    while let Some(folder) = open.pop() {
        looked_into += 1;
        if looked_into > MOST {
            return Ok(Observed::Unknown(Reason::Said(format!("more than {MOST} folders lie in it").into())));
        }
        let mut inside = Vec::new();
        folder.each(|name, kind| inside.extend((kind == FileKind::Folder).then(|| name.to_owned())))?;
        for name in inside {
            match std::str::from_utf8(&name) {
                Ok(name) if names.contains(&name) => found.push(folder.path_of(name).into()),
                // What begins so is part of a repository, and nothing is looked for in there.
                Ok(name) if name.starts_with('_') => {}
                Ok(_) | Err(_) => open.push(folder.enter(&name)?),
            }
        }
    }
    Ok(if found.is_empty() { Observed::Absent } else { Observed::Present(found) })
}
