//! Checks what a storage account does in cases in which the crate relies on assumptions about the
//! service.
//!
//! Run it with `cargo run --example acceptance -- --account NAME --container NAME`. It only reads,
//! and prints a table with one line for each assumption: as assumed, different, or not seen. With
//! `--recording FILE` it writes the redacted responses, which become test data of the project.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a person runs the kit, and its indices are known"
)]

#[path = "../common/command_line.rs"]
mod command_line;
mod kit;
#[path = "../common/target.rs"]
mod target;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{error::Error, path::PathBuf, process::ExitCode};

use target::Target;
use terminal::{note, say};

const USAGE: &str = "usage: acceptance --account NAME --container NAME [...]\n";

const OPTIONS: &str =
    "  --origin URL           check what browsers may do for pages of this origin (CORS)
  --recording FILE       write the redacted responses to this new file
  --json                 print one JSON object on each line

Exit status: 0 nothing differs from the assumptions; 1 something differs; 2 wrong arguments, or the
container cannot be listed.";

#[derive(Default)]
struct Arguments {
    target: Target,
    origin: Option<String>,
    recording: Option<PathBuf>,
    json: bool,
}

impl command_line::Arguments for Arguments {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
        use lexopt::ValueExt as _;
        match name {
            "origin" => self.origin = Some(parser.value()?.string()?),
            "recording" => self.recording = Some(parser.value()?.into()),
            "json" => self.json = true,
            name => return self.target.option(name, parser),
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), String> {
        match self.target.account.is_none() || self.target.container.is_empty() {
            true => Err("--account and --container are required".to_owned()),
            false => Ok(()),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let help = format!("{USAGE}\n{}\n{OPTIONS}\n\n{}", target::OPTIONS, target::CREDENTIALS);
    let arguments = match command_line::read("acceptance", &help) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match check(&arguments).await {
        Ok(has_differences) => ExitCode::from(u8::from(has_differences)),
        Err(error) => {
            note!("acceptance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the kit and prints its table. Returns whether something differs.
async fn check(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let (connection, store) = arguments.target.open("acceptance")?;
    // To standard error, so that standard output has only JSON with `--json`.
    note!("{}", plan(arguments.recording.is_some()));
    let report =
        kit::run(&store, &connection, arguments.origin.as_deref()).await.map_err(|why| {
            format!("the container cannot be listed: {why}; run the example `probe` for the cause")
        })?;
    if arguments.json {
        for line in &report.lines {
            say!("{}", serde_json::to_string(line)?)?;
        }
    } else {
        say!("{}", kit::table(&report.lines).trim_end_matches('\n'))?;
    }
    note!("sent {} requests, received {} KiB", report.requests, report.bytes >> 10);
    if let Some(path) = &arguments.recording {
        // Never replaces a file, which may be the only copy of an earlier run.
        let file = std::fs::File::options().write(true).create_new(true).open(path);
        let written = file
            .and_then(|mut file| std::io::Write::write_all(&mut file, report.recording.as_bytes()));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        let count = report.recording.lines().count();
        note!(
            "wrote {count} responses to {}; {} are left out because their form is unknown",
            path.display(),
            report.withheld
        );
    }
    Ok(report.has_differences())
}

/// Describes what the kit is about to do.
fn plan(records: bool) -> String {
    let mut plan = format!(
        "The kit only reads. It lists names, reads the first byte of single blobs, opens one view link,
requests up to two user delegation keys and drops them, and sends requests that must be refused.
It sends at most {} requests and reads at most {} MiB. It writes nothing to the account.\n",
        kit::MAX_REQUESTS,
        kit::MAX_BYTES >> 20,
    );
    if records {
        plan += "The recording has no name, ID, address or content of the account. Names are replaced by others that sort alike.\n";
    }
    plan
}
