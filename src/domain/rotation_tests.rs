//! The rotation table: a named test for each row, every short sequence, and random ones against the model.

#[path = "rotation_tests/parties.rs"]
mod parties;
#[path = "rotation_tests/sequences.rs"]
mod sequences;
#[path = "rotation_tests/subject.rs"]
mod subject;
#[path = "rotation_tests/table.rs"]
mod table;
