//! The rotation table: a named test for each row, and every short sequence.

#[path = "rotation_tests/sequences.rs"]
mod sequences;
#[path = "rotation_tests/table.rs"]
mod table;
