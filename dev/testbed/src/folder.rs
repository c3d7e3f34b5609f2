//! Temporary folders that are removed when their owner ends, however it ends.
//!
//! Three things see to that: `Drop` removes the folder in the normal case; a small guard process, which
//! notices that its owner is gone because a pipe closes, removes it after a kill; and what even the
//! guard could not remove (a power cut) is recognised by its free lock file and removed at the next start.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result};

const PREFIX: &str = "session-testbed-";
const LOCK: &str = ".owner";

/// The owner is gone when standard input ends. The second attempt is for a server that was still
/// writing while it was being killed.
const GUARD: &str = r#"cat; rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }"#;

/// A private folder (mode 0700) that lives as long as this value.
#[derive(Debug)]
pub struct TempFolder {
    path: PathBuf,
    guard: Option<Child>,
    /// Held, not read: its release says that the owner is gone.
    _lock: File,
}

impl TempFolder {
    /// Makes a folder in the system's folder for temporary files.
    pub fn new() -> Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    /// Makes a folder in `parent`, and removes the folders there whose owners are dead.
    pub fn new_in(parent: &Path) -> Result<Self> {
        remove_stale(parent);
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("failed to make a folder in {}", parent.display())
                    });
                }
            }
            if let Some(lock) = take_lock(&path)? {
                let guard = start_guard(&path).context("failed to start sh")?;
                return Ok(Self {
                    path,
                    guard: Some(guard),
                    _lock: lock,
                });
            }
            // Another process took the new folder for a stale one in the instant before it was locked.
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(&self.path);
        if let Some(mut guard) = self.guard.take() {
            // Its input ends here; it then finds nothing left to do, or tries once more.
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
        if let (Err(error), true) = (removed, self.path.exists()) {
            eprintln!("failed to remove {}: {error}", self.path.display());
        }
    }
}

fn take_lock(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(LOCK);
    let Ok(lock) = File::create(&path) else {
        return Ok(None);
    };
    match lock.try_lock() {
        Ok(()) if path.exists() => Ok(Some(lock)),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("failed to lock {}", path.display()))
        }
    }
}

fn start_guard(folder: &Path) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C goes to the owner's group; the guard has to outlive the owner.
        .process_group(0)
        .spawn()
}

/// Removes every folder of ours in `parent` whose owner is dead. Folders of other users, and those that
/// cannot be removed, stay.
fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Opened, not created: a folder without a lock file is only just being made.
        let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn a_folder_ends_with_its_value() {
        let folder = TempFolder::new().unwrap();
        let path = folder.path().to_path_buf();
        fs::create_dir(path.join("inner")).unwrap();
        fs::write(path.join("inner/file"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn folders_of_dead_owners_are_removed_and_those_of_live_ones_stay() {
        let parent = TempFolder::new().unwrap();
        let live = TempFolder::new_in(parent.path()).unwrap();
        let stale = parent.path().join(format!("{PREFIX}1-0"));
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join(LOCK), "").unwrap();
        let unlocked_yet = parent.path().join(format!("{PREFIX}1-1"));
        fs::create_dir(&unlocked_yet).unwrap();
        let foreign = parent.path().join("something-else");
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join(LOCK), "").unwrap();

        remove_stale(parent.path());

        assert!(!stale.exists());
        assert!(live.path().exists());
        assert!(unlocked_yet.exists());
        assert!(foreign.exists());
    }

    #[test]
    fn the_guard_removes_what_its_owner_left() {
        let parent = TempFolder::new().unwrap();
        let left = parent.path().join("left");
        fs::create_dir(&left).unwrap();
        let mut guard = start_guard(&left).unwrap();
        thread::sleep(Duration::from_millis(20));
        assert!(left.exists());
        drop(guard.stdin.take());
        guard.wait().unwrap();
        assert!(!left.exists());
    }
}
