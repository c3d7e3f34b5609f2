//! Compiled components on disk: starting takes milliseconds instead of the second or more that
//! compiling takes, which matters to tests that start many hosts.
//!
//! A file is used only if it was made from the same wasm by the same wasmtime with the same
//! settings, and is whole. Whoever can write it could as well replace the host itself.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8] = b"dev-host compiled component 1\n";
const HASH: usize = 32;

/// Where the code of `wasm` is kept: beside it in a build folder, else in the state folder.
pub(crate) fn path_for(wasm: &Path, state_dir: Option<&Path>) -> Option<PathBuf> {
    let is_built = wasm.components().any(|part| part.as_os_str() == "target");
    let folder = if is_built { wasm.parent() } else { state_dir }?;
    let mut name = wasm.file_stem()?.to_owned();
    name.push(".compiled");
    Some(folder.join(name))
}

/// Compiles the component `binary`, or takes the code that an earlier start has left at `cache`.
pub(crate) fn load(
    engine: &Engine,
    binary: &[u8],
    cache: Option<&Path>,
) -> wasmtime::Result<Component> {
    let Some(cache) = cache else {
        return Component::new(engine, binary);
    };
    let key = key(engine, binary);
    if let Some(component) = fs::read(cache)
        .ok()
        .and_then(|file| revive(engine, &key, &file))
    {
        return Ok(component);
    }
    let component = Component::new(engine, binary)?;
    if let Ok(code) = component.serialize() {
        // A folder that cannot be written costs time at the next start, nothing else.
        _ = store(cache, &key, &code);
    }
    Ok(component)
}

fn key(engine: &Engine, binary: &[u8]) -> [u8; HASH] {
    let mut compatibility = DefaultHasher::new();
    engine
        .precompile_compatibility_hash()
        .hash(&mut compatibility);
    let mut hash = Sha256::new();
    hash.update(compatibility.finish().to_le_bytes());
    hash.update(binary);
    hash.finalize().into()
}

fn revive(engine: &Engine, key: &[u8; HASH], file: &[u8]) -> Option<Component> {
    let code = open(key, file)?;
    #[expect(
        unsafe_code,
        reason = "the code is what this wasmtime produced, as its hash shows"
    )]
    // SAFETY: `open` has checked that these are the bytes that `serialize` gave for this wasm and
    // this engine; wasmtime checks its version and settings in them once more.
    let component = unsafe { Component::deserialize(engine, code) };
    component.ok()
}

fn store(cache: &Path, key: &[u8; HASH], code: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = cache.parent() {
        fs::create_dir_all(folder)?;
    }
    // Several hosts may start at once; each writes its own file and the last one stays.
    let draft = cache.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&draft, seal(key, code))?;
    fs::rename(&draft, cache).inspect_err(|_| _ = fs::remove_file(&draft))
}

fn seal(key: &[u8; HASH], code: &[u8]) -> Vec<u8> {
    [MAGIC, key, &Sha256::digest(code), code].concat()
}

/// The code in a file that is whole and belongs to `key`.
fn open<'a>(key: &[u8; HASH], file: &'a [u8]) -> Option<&'a [u8]> {
    let (found, rest) = file.strip_prefix(MAGIC)?.split_first_chunk::<HASH>()?;
    let (hash, code) = rest.split_first_chunk::<HASH>()?;
    (found == key && Sha256::digest(code).as_slice() == hash).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_files_of_the_same_key_are_opened() {
        let key = [7; HASH];
        let file = seal(&key, b"code");
        assert_eq!(open(&key, &file), Some(&b"code"[..]));
        assert_eq!(open(&[8; HASH], &file), None);
        assert_eq!(open(&key, &file[..file.len() - 1]), None);
        assert_eq!(open(&key, b""), None);
        for index in 0..file.len() {
            let mut damaged = file.clone();
            damaged[index] ^= 1;
            assert_eq!(open(&key, &damaged), None, "byte {index}");
        }
    }

    #[test]
    fn built_components_keep_their_code_beside_them() {
        let state = Some(Path::new("/state"));
        let beside = path_for(Path::new("/app/target/wasm/release/a.wasm"), None);
        assert_eq!(
            beside.as_deref(),
            Some(Path::new("/app/target/wasm/release/a.compiled"))
        );
        let in_state = path_for(Path::new("/app/a.wasm"), state);
        assert_eq!(in_state.as_deref(), Some(Path::new("/state/a.compiled")));
        assert_eq!(path_for(Path::new("/app/a.wasm"), None), None);
    }
}
