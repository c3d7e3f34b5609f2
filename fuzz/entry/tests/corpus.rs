//! Every file of the committed corpora, and that the seeds are among them as they are written today.

use std::path::{Path, PathBuf};
use std::{fs, panic};

use fuzz_entry::{ENTRIES, seeds};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../corpus")
        .join(target)
}

#[test]
fn every_file_of_the_corpora_holds() {
    for (target, entry) in ENTRIES {
        let files = fs::read_dir(folder(target)).expect("cargo run -p fuzz-entry writes it");
        for file in files {
            let path = file.expect("a readable folder").path();
            let data = fs::read(&path).expect("a readable file");
            let outcome = panic::catch_unwind(|| entry(&data));
            assert!(outcome.is_ok(), "{target}: {}", path.display());
        }
    }
}

#[test]
fn the_seeds_are_committed() {
    for (target, _) in ENTRIES {
        let seeds = seeds::of(target);
        assert!(seeds.len() >= 24);
        for (name, content) in seeds {
            let committed = fs::read(folder(target).join(&name)).ok();
            assert!(
                committed.as_ref() == Some(&content),
                "{target}/{name}: cargo run -p fuzz-entry writes it"
            );
        }
    }
}
