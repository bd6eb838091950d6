//! Files that people bring, and what they say. Pure like `thali-domain`: no I/O, clock or
//! randomness. The operator's command and the owner's check of a file read them in the same way.
//!
//! | module | its subject |
//! |---|---|
//! | [`csv_file`] | comma-separated values, whoever wrote them |
//! | [`student_file`] | a list of students as such a file |
//! | [`enrolment`] | what becomes of each student of a list |

pub mod csv_file;
pub mod enrolment;
pub mod student_file;
