//! What does this account do, where the crate assumes something that no recording shows?
//!
//! Reads from the account and never writes. Prints a table, and writes a redacted recording of the
//! answers on request, so that others learn from it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a person runs the kit, and its indices are known"
)]

#[path = "../common/mod.rs"]
mod common;
mod kit;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{error::Error, path::PathBuf, process::ExitCode};

use common::Target;
use terminal::{note, say};

const USAGE: &str = "usage: acceptance --account NAME --container NAME [...]\n";

const OPTIONS: &str = "  --origin URL       check what browsers may do for pages of this origin
  --recording FILE   write the answers to this new file, redacted
  --json             an object a line, for machines

The exit status is 0 if nothing is different from what the crate assumes, 1 if something is, and 2
for a wrong call or a container that cannot be listed.";

#[derive(Default)]
struct Arguments {
    target: Target,
    origin: Option<String>,
    recording: Option<PathBuf>,
    json: bool,
}

fn parse() -> Result<Option<Arguments>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("origin") => arguments.origin = Some(parser.value()?.string()?),
            Long("recording") => arguments.recording = Some(parser.value()?.into()),
            Long("json") => arguments.json = true,
            Long("help") | Short('h') => return Ok(None),
            Long(name) => {
                let name = name.to_owned();
                if !arguments.target.take(&name, &mut parser)? {
                    return Err(Long(&name).unexpected().into());
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if arguments.target.account.is_none() || arguments.target.container.is_empty() {
        return Err("--account and --container are required".into());
    }
    Ok(Some(arguments))
}

fn usage() -> String {
    format!("{USAGE}\n{}\n{OPTIONS}\n\n{}", common::OPTIONS, common::CREDENTIALS)
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            return match say!("{}", usage()) {
                Ok(_) => ExitCode::SUCCESS,
                Err(error) => {
                    note!("acceptance: {error}");
                    ExitCode::from(2)
                }
            };
        }
        Err(error) => {
            note!("acceptance: {}\n\n{}", common::wrong_argument(&*error), usage());
            return ExitCode::from(2);
        }
    };
    match check(&arguments).await {
        Ok(has_differences) => ExitCode::from(u8::from(has_differences)),
        Err(error) => {
            note!("acceptance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether something is different
async fn check(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let (connection, store) = arguments.target.open("acceptance")?;
    // On standard error, so that `--json` prints lines of JSON alone.
    note!("{}", plan(arguments.recording.is_some()));
    let report =
        kit::run(&store, &connection, arguments.origin.as_deref()).await.map_err(|why| {
            format!("the container cannot be listed: {why}; the example `probe` finds out why")
        })?;
    if arguments.json {
        for line in &report.lines {
            say!("{}", serde_json::to_string(line)?)?;
        }
    } else {
        say!("{}", kit::table(&report.lines).trim_end_matches('\n'))?;
    }
    note!("{} requests were sent, {} KiB received", report.requests, report.bytes >> 10);
    if let Some(path) = &arguments.recording {
        // A file that exists may be the only copy of another run.
        let file = std::fs::File::options().write(true).create_new(true).open(path);
        let written = file
            .and_then(|mut file| std::io::Write::write_all(&mut file, report.recording.as_bytes()));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        let count = report.recording.lines().count();
        note!(
            "{count} answers are in {}, {} are withheld because they have an unknown form",
            path.display(),
            report.withheld
        );
    }
    Ok(report.has_differences())
}

/// What the kit is about to do
fn plan(records: bool) -> String {
    let mut plan = format!(
        "The kit only reads: it lists names and reads the first byte of single blobs, opens one view link,
asks for up to two user delegation keys and drops them, and sends requests that must be refused.
It sends at most {} requests and reads at most {} MiB. It writes nothing to the account.\n",
        kit::MOST_REQUESTS,
        kit::MOST_BYTES >> 20,
    );
    if records {
        plan += "The recording has no name, id, address or content of the account: names become others that sort alike.\n";
    }
    plan
}
