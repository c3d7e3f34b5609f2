//! The rotation table: a named test for each row, and every short sequence.

mod sequences;
mod table;
