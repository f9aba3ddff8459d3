//! The acceptance kit: checks what the crate assumes of an account, with requests that only read.
//!
//! Each check sends one to three requests and fills in lines of the table. Evidence consists of
//! counts, statuses and codes, and never of a name, an address or an ID of the account.

mod bounds;
mod browsers;
mod client;
mod lines;
mod listing;
mod markup;
pub mod names;
mod order;
/// How expectations of recordings are written; shared with the test that replays them.
#[path = "../../../tests/it/recordings/outcome.rs"]
#[allow(clippy::duplicate_mod, reason = "the test suite loads the kit and this file too")]
pub mod outcome;
mod reads;
mod recording;
mod redact;
mod refusals;
mod words;

use azure_asset_sync::{AzureStore, Blob, Connection};

use self::{
    client::{Client, Listed},
    lines::Lines,
};
pub use self::{
    client::{MAX_BYTES, MAX_REQUESTS},
    lines::{Line, Outcome, table},
};

/// The result of a run.
pub struct Report {
    /// One line for each assumption.
    pub lines: Vec<Line>,
    /// The number of requests sent to the account.
    pub requests: usize,
    /// The size of all responses, in bytes.
    pub bytes: usize,
    /// The redacted responses, one JSON object on each line.
    pub recording: String,
    /// The number of responses that are not in the recording because they could not be redacted.
    pub withheld: usize,
}

impl Report {
    /// Returns whether an assumption is wrong for this account.
    pub fn has_differences(&self) -> bool {
        self.lines.iter().any(|line| line.outcome == Outcome::Different)
    }
}

/// What the checks know about the container.
pub struct Survey {
    /// The first page, with up to 5,000 names.
    pub first: Listed,
    /// The names of further listings, each in the order of the service.
    pub further: Vec<Vec<String>>,
}

impl Survey {
    /// Returns whether the account has a hierarchical namespace.
    pub fn is_hierarchical(&self) -> bool {
        self.first.text().contains("<ResourceType>")
    }

    /// Returns a blob with content that can be read.
    pub fn sample(&self, connection: &Connection) -> Option<&Blob> {
        self.first.page.blobs.iter().find(|blob| blob.size > 0 && is_readable(blob, connection))
    }

    /// Returns a blob without content that is not a folder.
    pub fn empty(&self, connection: &Connection) -> Option<&Blob> {
        let is_file = |blob: &&Blob| !blob.is_directory && !blob.name.ends_with('/');
        let mut blobs = self.first.page.blobs.iter().filter(is_file);
        blobs.find(|blob| blob.size == 0 && is_readable(blob, connection))
    }
}

/// Returns whether the content of a blob can be read with a plain request.
fn is_readable(blob: &Blob, connection: &Connection) -> bool {
    if blob.unreadable.is_some() {
        return false;
    }
    let is_archived = blob.access_tier.as_ref().is_some_and(|tier| tier.as_str() == "Archive");
    !blob.is_directory
        && !is_archived
        && blob.snapshot.is_none()
        && connection.blob_url(&blob.name).is_some()
}

/// Runs all checks.
///
/// # Errors
/// Fails with the reason if the container cannot be listed, because then there is nothing to check.
pub async fn run(
    store: &AzureStore,
    connection: &Connection,
    origin: Option<&str>,
) -> Result<Report, String> {
    let mut client = Client::new(store, connection);
    let mut lines = Lines::new();
    let first = client.list(&[("maxresults", "5000")]).await;
    let first = first.map_err(|found| found.evidence)?;
    let mut survey = Survey { first, further: Vec::new() };
    listing::check(&mut client, &mut lines, &survey).await;
    order::list_near_boundaries(&mut client, &mut survey).await;
    order::check(&mut lines, &survey);
    bounds::check(&mut client, &mut lines, &survey).await;
    reads::check(&mut client, &mut lines, &survey).await;
    refusals::check(&mut client, &mut lines).await;
    browsers::check(&mut client, &mut lines, &survey, origin).await;
    refusals::check_all_answers(&client, &mut lines);
    let (recording, withheld) = recording::render(&client);
    Ok(Report {
        lines: lines.into_lines(),
        requests: client.exchanges.len(),
        bytes: client.bytes,
        recording,
        withheld,
    })
}
