//! The file format of recordings.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    List,
    Read,
    Error,
    Challenge,
    Token,
    Arm,
}

impl Kind {
    pub const ALL: &[Self] =
        &[Self::List, Self::Read, Self::Error, Self::Challenge, Self::Token, Self::Arm];
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    pub id: String,
    #[serde(rename = "source")]
    _source: String,
    pub kind: Kind,
    #[serde(rename = "method")]
    _method: String,
    pub status: u16,
    headers: BTreeMap<String, String>,
    pub body: String,
    body_base64_head: Option<String>,
    #[serde(rename = "note")]
    _note: String,
    pub expect: Option<String>,
}

/// Headers of the connection or of the recorded length, which are not replayed.
const OF_THE_CONNECTION: &[&str] = &["connection", "content-length", "transfer-encoding"];

impl Recording {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the headers to replay.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let of_the_answer =
            |name: &str| !OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own));
        let headers = self.headers.iter().filter(move |(name, _)| of_the_answer(name));
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn content_length(&self) -> u64 {
        let length = self.header("content-length").unwrap_or_default();
        length.parse().unwrap_or_else(|_| panic!("{}: Content-Length", self.id))
    }

    /// Returns the recorded range and the length of the blob, if the response has them.
    pub fn range(&self) -> Option<(u64, u64, u64)> {
        let text = self.header("content-range")?.strip_prefix("bytes ")?;
        let (range, length) = text.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((first.parse().ok()?, last.parse::<u64>().ok()? + 1, length.parse().ok()?))
    }

    /// Returns the known bytes of the body.
    pub fn known_bytes(&self) -> Vec<u8> {
        match &self.body_base64_head {
            Some(head) => STANDARD.decode(head).unwrap(),
            None => self.body.clone().into_bytes(),
        }
    }
}

/// Parses a file of recordings.
pub fn parse(text: &str) -> Vec<Recording> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let recordings: Vec<Recording> = lines
        .map(|(at, line)| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("line {}: {error}", at + 1))
        })
        .collect();
    let ids: BTreeSet<_> = recordings.iter().map(|recording| recording.id.as_str()).collect();
    assert_eq!(ids.len(), recordings.len(), "two recordings have the same ID");
    recordings
}
