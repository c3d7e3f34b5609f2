//! Writes the seeds of all targets to `fuzz/corpus`, beside what fuzzing found.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    for (target, _) in fuzz_entry::ENTRIES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../corpus")
            .join(target);
        fs::create_dir_all(&folder)?;
        for (name, content) in fuzz_entry::seeds::of(target) {
            fs::write(folder.join(name), content)?;
        }
    }
    Ok(())
}
