//! What a daemon leaves of an upload session that was given up.
//!
//! ```text
//! _uploads/<uuid>/hashstates/<alg>/<n>     nothing but these: no `data`, no `startedat`
//! ```

use std::io;

use super::uploads::is_uuid;
use crate::adapters::files::Folder;
use crate::domain::digest::Algorithm;
use crate::domain::layout;

/// More states than an upload of ours leaves: it writes one for each piece.
const MOST: usize = 100_000;

/// Take it away, if it is that and no more. The name is the daemon's to choose, so none but a UUID is one.
pub(super) fn clear(uploads: &Folder, id: &str) -> io::Result<()> {
    if !is_uuid(id.as_bytes()) {
        return Ok(());
    }
    let Some(session) = there(uploads, id.as_bytes())? else { return Ok(()) };
    let names = session.names(1)?;
    if names.iter().any(|name| name != layout::HASH_STATES.as_bytes()) {
        return Ok(());
    }
    if let Some(states) = there(&session, layout::HASH_STATES.as_bytes())? {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            clear_states(&states, algorithm)?;
        }
        // What holds anything else is not empty, and stays.
        session.drop_empty(layout::HASH_STATES)?;
    }
    uploads.drop_empty(id)
}

fn clear_states(states: &Folder, algorithm: Algorithm) -> io::Result<()> {
    let Some(folder) = there(states, algorithm.as_str().as_bytes())? else { return Ok(()) };
    let names = folder.names(MOST)?;
    if names.iter().all(|name| name.iter().all(u8::is_ascii_digit)) {
        for name in &names {
            folder.drop_own(&**name)?;
        }
        states.drop_empty(algorithm.as_str())?;
    }
    Ok(())
}

fn there(folder: &Folder, name: &[u8]) -> io::Result<Option<Folder>> {
    match folder.enter(name) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const ID: &str = "0b1c2d3e-0000-4000-8000-000000000000";

    #[test]
    fn only_what_is_left_goes() {
        for (files, is_gone) in [
            (&["hashstates/sha256/0"][..], true),
            (&["hashstates/sha256/0", "hashstates/sha512/1048576"], true),
            (&["hashstates/sha256/0", "startedat"], false),
            (&["hashstates/sha256/0", "data"], false),
            (&["hashstates/sha256/0", "hashstates/other/0"], false),
            (&["hashstates/sha256/none"], false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let uploads = dir.path().canonicalize().unwrap();
            for file in files {
                let path = uploads.join(ID).join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            let cleared = clear(&Folder::open(&uploads).unwrap(), ID);
            assert_eq!(!uploads.join(ID).exists(), is_gone, "{files:?}: {cleared:?}");
        }
    }

    #[test]
    fn no_link_leads_out_and_no_other_name_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let kept = root.join("elsewhere/sha256/0");
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(&kept, "").unwrap();
        let uploads = root.join("uploads");
        fs::create_dir_all(uploads.join(ID)).unwrap();
        symlink(root.join("elsewhere"), uploads.join(ID).join("hashstates")).unwrap();
        let folder = Folder::open(&uploads).unwrap();
        assert!(clear(&folder, ID).is_err());
        clear(&folder, "../elsewhere").unwrap();
        assert!(kept.exists());
    }
}
