//! Temporary folders. Dropping one removes it; what an owner that was killed has left, the next one removes.

use std::{fs, path::Path};

use anyhow::{Context, Result};

const PREFIX: &str = "session-testbed-";

/// A folder that lives as long as this value.
#[derive(Debug)]
pub struct TempFolder(tempfile::TempDir);

impl TempFolder {
    /// Makes a folder in the system's folder for temporary files.
    pub fn new() -> Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    /// Makes a folder in `parent`, and removes the folders there whose owners are dead.
    pub fn new_in(parent: &Path) -> Result<Self> {
        remove_stale(parent);
        tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir_in(parent)
            .map(Self)
            .with_context(|| format!("failed to make a folder in {}", parent.display()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Folders of other users, and those that cannot be removed, stay.
fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_end_with_their_values_or_after_their_dead_owners() {
        let parent = TempFolder::new().unwrap();
        let dropped = TempFolder::new_in(parent.path()).unwrap().path().to_owned();
        // No process has this number.
        let stale = parent.path().join(format!("{PREFIX}4194305-x"));
        let foreign = parent.path().join("something-else");
        for folder in [&stale, &foreign] {
            fs::create_dir(folder).unwrap();
        }
        let live = TempFolder::new_in(parent.path()).unwrap();
        let next = TempFolder::new_in(parent.path()).unwrap();
        let exist = [&*dropped, &stale, &foreign, live.path(), next.path()].map(Path::exists);
        assert_eq!(exist, [false, false, true, true, true]);
    }
}
