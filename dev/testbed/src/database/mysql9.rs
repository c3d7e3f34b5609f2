//! MySQL 9.7 or later from Debian sid: a small Debian in `target/mysql9`, made once by debootstrap.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{packages, process, workspace_root};

/// The server, as seen inside of that Debian.
pub(super) const PROGRAM: &str = "/usr/sbin/mysqld";

/// 40 seconds with a near mirror; some 200 MB are downloaded.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// The folder with the small Debian, which is made if it is missing.
pub(super) fn ensure() -> Result<PathBuf> {
    let folder = workspace_root().join("target/mysql9");
    if !process::is_root() {
        bail!("MySQL runs in a chroot here, and that needs root: run the same command as root");
    }
    if has_server(&folder) {
        return Ok(folder);
    }
    let _lock = packages::one_at_a_time("mysql9")?;
    if !has_server(&folder) {
        make(&folder)?;
    }
    Ok(folder)
}

fn has_server(folder: &Path) -> bool {
    folder.join(PROGRAM.trim_start_matches('/')).is_file()
}

/// Made under another name first, so that an interrupted attempt is never taken for a finished one.
fn make(folder: &Path) -> Result<()> {
    packages::ensure(packages::DEBOOTSTRAP)?;
    let partial = folder.with_extension("partial");
    remove(&partial)?;
    remove(folder)?;
    let mirror = mirror()?;
    eprintln!("Making a Debian sid with MySQL in target/mysql9 (once; about a minute, 560 MB)");
    let debootstrap = process::find_program("debootstrap").context("debootstrap has vanished")?;
    let mut command = Command::new(debootstrap);
    command
        .args(["--variant=minbase", "--include=mysql-server-core", "sid"])
        .args([partial.as_os_str(), mirror.as_ref()])
        .stdout(std::io::stderr());
    let status = process::run(command, Some(LIMIT))?;
    ensure!(
        status.success() && has_server(&partial),
        "debootstrap failed ({status}); more may be in {}",
        partial.join("debootstrap/debootstrap.log").display()
    );
    // The downloaded packages are of no more use.
    let _ = fs::remove_dir_all(partial.join("var/cache/apt/archives"));
    fs::rename(&partial, folder).context("failed to rename the finished folder")
}

/// Removes what an interrupted debootstrap left, first of all its mounts: to delete through one would be
/// to delete from the running system.
fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for mount in mounts_below(folder)?.iter().rev() {
        let status = Command::new("umount")
            .arg(mount)
            .status()
            .context("failed to run umount")?;
        ensure!(status.success(), "failed to unmount {}", mount.display());
    }
    ensure!(
        mounts_below(folder)?.is_empty(),
        "something is mounted below {}",
        folder.display()
    );
    fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))
}

fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("failed to read the mounts")?;
    Ok(mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|path| PathBuf::from(path.replace("\\040", " ")))
        .filter(|path| path.starts_with(folder))
        .collect())
}

/// The Debian mirror that this machine installs its own packages from.
fn mirror() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .unwrap_or_default();
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    files
        .iter()
        .filter_map(|file| {
            let text = fs::read_to_string(file).ok()?;
            match file.extension()?.to_str()? {
                "list" => mirror_in_list(&text, &codename),
                "sources" => mirror_in_sources(&text, &codename),
                _ => None,
            }
        })
        // debootstrap does not understand apt's lists of mirrors (`mirror+…`).
        .find(|uri| uri.starts_with("http") || uri.starts_with("file:"))
        .with_context(|| format!("no mirror for Debian {codename} in /etc/apt/sources.list(.d)"))
}

/// From the one-line format: `deb [options] URI SUITE COMPONENT…`.
fn mirror_in_list(text: &str, codename: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let entry = line.trim().strip_prefix("deb ")?.trim_start();
        let entry = match entry.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => entry,
        };
        let mut words = entry.split_whitespace();
        let uri = words.next()?;
        let suite = words.next()?;
        (suite == codename && words.any(|word| word == "main")).then(|| uri.to_owned())
    })
}

/// From the deb822 format: paragraphs of `Field: values`.
fn mirror_in_sources(text: &str, codename: &str) -> Option<String> {
    text.split("\n\n").find_map(|paragraph| {
        let words = |name: &str| {
            paragraph
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(field, _)| field.trim().eq_ignore_ascii_case(name))
                .map_or("", |(_, value)| value)
                .split_whitespace()
        };
        let usable = words("Types").any(|word| word == "deb")
            && words("Suites").any(|word| word == codename)
            && words("Components").any(|word| word == "main")
            && !words("Enabled").any(|word| word == "no");
        if usable {
            words("URIs").next().map(str::to_owned)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_found_in_the_one_line_format() {
        let text = "# deb http://old.example/debian bookworm main\n\
                    deb-src http://source.example/debian bookworm main\n\
                    deb http://security.example/debian-security bookworm-security main\n\
                    deb http://tools.example/apt stable main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n";
        assert_eq!(
            mirror_in_list(text, "bookworm").unwrap(),
            "http://mirror.example/debian"
        );
        assert_eq!(mirror_in_list(text, "trixie"), None);
    }

    #[test]
    fn mirrors_are_found_in_the_paragraph_format() {
        let text = "Types: deb\nURIs: http://security.example/x\nSuites: trixie-security\nComponents: main\n\n\
                    Types: deb\nURIs: http://off.example/x\nSuites: trixie\nComponents: main\nEnabled: no\n\n\
                    # a remark: with a colon\n\
                    Types: deb deb-src\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\n\
                    Components: main non-free-firmware\n";
        assert_eq!(
            mirror_in_sources(text, "trixie").unwrap(),
            "http://mirror.example/debian"
        );
        assert_eq!(mirror_in_sources(text, "bookworm"), None);
    }

    #[test]
    fn mounts_are_found() {
        assert!(
            mounts_below(Path::new("/proc"))
                .unwrap()
                .contains(&PathBuf::from("/proc"))
        );
        assert!(
            mounts_below(Path::new("/no/such/folder"))
                .unwrap()
                .is_empty()
        );
    }
}
