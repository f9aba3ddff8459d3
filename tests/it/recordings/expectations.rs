//! The expected result of each recording.

use std::collections::BTreeMap;

use super::recording::{Kind, Recording};

#[derive(Default)]
pub struct Expectations(BTreeMap<String, String>);

impl Expectations {
    /// Parses a table of lines `id expectation`. A line with `#` is a comment.
    pub fn by_id(table: &str) -> Self {
        let mut rows = BTreeMap::new();
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (id, expected) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            let before = rows.insert(id.to_owned(), expected.trim().to_owned());
            assert_eq!(before, None, "{id} has two expectations");
        }
        Self(rows)
    }

    pub fn in_recordings(recordings: &[Recording]) -> Self {
        Self::default().or_in_recordings(recordings)
    }

    /// Adds the expectations that are part of the recordings.
    pub fn or_in_recordings(mut self, recordings: &[Recording]) -> Self {
        for recording in recordings {
            if let Some(expect) = &recording.expect {
                self.0.entry(recording.id.clone()).or_insert_with(|| expect.clone());
            }
        }
        self
    }

    pub fn of(&self, recording: &Recording) -> &str {
        assert_ne!(recording.kind, Kind::List);
        self.0.get(&recording.id).map_or("nothing: judge it and add a line", String::as_str)
    }
}
