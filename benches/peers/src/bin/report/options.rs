//! The command line of the report.

use std::process::{Command, Stdio};

use azure_asset_sync_peers::Error;

const HELP: &str = "\
Lists a synthetic container with every client in turn, and prints tables in Markdown.

  --blobs N             number of blobs (default: 1,000,000)
  --rounds R            number of rounds; the figures are medians (default: 5)
  --quick               1 round with 100,000 blobs
  --shape S             hierarchy (default) or flat
  --start-from on|off   whether the server supports startFrom (default: on)
  --latency 20,100      latencies in ms per page for the table of wall time; `none` for no such table
  --clients A,B         run only these clients
  --in-flight 16,32     run ours again with this many concurrent requests
  --ordered             run these in ascending order of names
  --cuts                run these once more with cuts from an earlier listing
  --threads N           threads of a client (default: 1)
  --instructions        only count instructions per blob with callgrind
  --memory              only measure peak RSS and requests of ours, sequentially and with 16 or
                        --in-flight requests, for a container and for one ten times as large
  --sync                only compare a first and a second run of a job with a listing, with 16 or
                        --in-flight requests
";

const CLIENTS: [&str; 9] = [
    "hyper",
    "reqwest",
    "ours-pages",
    "ours",
    "object_store",
    "opendal",
    "azure_storage_blob-pages",
    "azure_storage_blob",
    "rclone",
];

/// The clients of other projects.
const PEERS: [&str; 4] = ["object_store", "opendal", "azure_storage_blob", "rclone"];

/// The settings of the command line.
pub struct Options {
    pub blobs: u64,
    pub rounds: usize,
    pub shape: String,
    pub start_from: String,
    pub latencies: Vec<u64>,
    pub threads: usize,
    pub cuts: bool,
    pub instructions: bool,
    pub memory: bool,
    pub sync: bool,
    pub contenders: Vec<Contender>,
}

/// A client with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    pub label: String,
    pub client: String,
    pub arguments: Vec<String>,
    /// Whether the client gets cuts from an earlier listing.
    pub knows_cuts: bool,
}

impl Contender {
    /// Creates a client without arguments.
    pub fn new(client: &str) -> Self {
        Self {
            label: client.to_owned(),
            client: client.to_owned(),
            arguments: Vec::new(),
            knows_cuts: false,
        }
    }

    /// Returns whether the client is in the table of wall time.
    pub fn is_timed(&self) -> bool {
        !self.client.ends_with("-pages") && self.client != "reqwest"
    }

    /// Returns whether the client is that of another project.
    pub fn is_peer(&self) -> bool {
        PEERS.contains(&self.client.as_str())
    }
}

/// Parses the command line. Prints the help and returns `None` if that is wanted.
pub fn read() -> Result<Option<Options>, Error> {
    use lexopt::prelude::*;

    let mut options = Options {
        blobs: 1_000_000,
        rounds: 5,
        shape: "hierarchy".into(),
        start_from: "on".into(),
        latencies: vec![20, 100],
        threads: 1,
        cuts: false,
        instructions: false,
        memory: false,
        sync: false,
        contenders: Vec::new(),
    };
    let mut clients = None;
    let (mut in_flight, mut ordered) = (Vec::new(), false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("blobs") => options.blobs = parser.value()?.parse()?,
            Long("rounds") => options.rounds = parser.value()?.parse::<usize>()?.max(1),
            Long("quick") => (options.rounds, options.blobs) = (1, 100_000),
            Long("shape") => options.shape = parser.value()?.string()?,
            Long("start-from") => options.start_from = parser.value()?.string()?,
            Long("latency") => options.latencies = numbers(&parser.value()?.string()?)?,
            Long("clients") => clients = Some(list(&parser.value()?.string()?)),
            Long("in-flight") => in_flight = numbers(&parser.value()?.string()?)?,
            Long("ordered") => ordered = true,
            Long("threads") => options.threads = parser.value()?.parse()?,
            Long("cuts") => options.cuts = true,
            Long("sync") => options.sync = true,
            Long("memory") => options.memory = true,
            Long("instructions") => options.instructions = true,
            Long("help") => {
                print!("{HELP}");
                return Ok(None);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    if (options.memory || options.sync) && in_flight.is_empty() {
        in_flight.push(16);
    }
    let all: &[&str] = if options.memory || options.sync { &["ours"] } else { &CLIENTS };
    for client in clients.unwrap_or_else(|| all.iter().map(|&client| client.into()).collect()) {
        if client == "rclone" && !has_rclone() {
            eprintln!("rclone is not installed and is skipped");
            continue;
        }
        let parallel = if client == "ours" { in_flight.as_slice() } else { &[] };
        options.contenders.push(Contender::new(&client));
        for &shards in parallel {
            let knows_cuts = [false, true].into_iter().take(1 + usize::from(options.cuts));
            options.contenders.extend(knows_cuts.map(|known| ours(shards, ordered, known)));
        }
    }
    Ok(Some(options))
}

/// Returns our client with this many concurrent requests.
fn ours(shards: u64, ordered: bool, knows_cuts: bool) -> Contender {
    let mut label = format!("ours, {shards} in flight");
    let mut arguments = vec!["--in-flight".into(), shards.to_string()];
    if ordered {
        label.push_str(", in order");
        arguments.push("--ordered".into());
    }
    if knows_cuts {
        label.push_str(", known cuts");
    }
    Contender { label, client: "ours".into(), arguments, knows_cuts }
}

/// Parses a list with commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Parses a list of numbers.
fn numbers(text: &str) -> Result<Vec<u64>, Error> {
    let numbers = list(text).into_iter().filter(|part| part != "none");
    numbers.map(|part| Ok(part.parse()?)).collect()
}

/// Returns whether rclone is installed.
fn has_rclone() -> bool {
    let mut version = Command::new("rclone");
    version.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}
