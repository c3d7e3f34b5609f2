//! Every file of the committed corpora, and that both answers are among theirs.

use std::path::Path;
use std::{fs, panic};

use fuzz_entry::ENTRIES;

#[test]
fn every_file_of_the_corpora_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (target, entry) in ENTRIES {
        let mut answers = [0, 0];
        for file in fs::read_dir(corpora.join(target)).expect("a corpus for each target") {
            let path = file.expect("a readable folder").path();
            let data = fs::read(&path).expect("a readable file");
            let accepted = panic::catch_unwind(|| entry(&data));
            let accepted = accepted.unwrap_or_else(|_| panic!("{target}: {}", path.display()));
            answers[usize::from(accepted)] += 1;
        }
        assert!(answers.iter().all(|n| *n >= 8), "{target}: {answers:?}");
    }
}
