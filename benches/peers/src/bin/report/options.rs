//! What the command line asks for.

use std::process::{Command, Stdio};

use azure_asset_sync_peers::Error;

const HELP: &str = "\
Lists a synthetic container with every client in turn, and prints tables in Markdown.

  --blobs N             1,000,000 by default
  --rounds R            5 by default; figures are medians
  --quick               1 round of 100,000 blobs
  --shape S             hierarchy (default) or flat
  --start-from on|off   whether the server knows startFrom
  --latency 20,100      milliseconds a page for the table of wall time; `none` for no such table
  --clients A,B         these clients only
  --in-flight 16,32     ours again, with so many shards at a time
  --ordered             and these in order
  --cuts                and once more each, with cuts that an earlier listing changes
  --threads N           threads of a client; 1 by default
  --instructions        count instructions a blob by callgrind, and nothing else
  --memory              peak RSS and requests of ours, alone and with 16 or --in-flight, of a
                        container and of one ten times as large, and nothing else
  --sync                a job's first run, and its second over the unchanged container, beside the
                        listing alone, with 16 or --in-flight, and nothing else
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

/// What others list with
const PEERS: [&str; 4] = ["object_store", "opendal", "azure_storage_blob", "rclone"];

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

/// A client as it runs here
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    pub label: String,
    pub client: String,
    pub arguments: Vec<String>,
    /// Whether it is changes where to cut the server's container
    pub knows_cuts: bool,
}

impl Contender {
    /// A client as it is
    pub fn new(client: &str) -> Self {
        Self {
            label: client.to_owned(),
            client: client.to_owned(),
            arguments: Vec::new(),
            knows_cuts: false,
        }
    }

    /// Whether the table of wall time has it: what lists, and the floor
    pub fn is_timed(&self) -> bool {
        !self.client.ends_with("-pages") && self.client != "reqwest"
    }

    pub fn is_peer(&self) -> bool {
        PEERS.contains(&self.client.as_str())
    }
}

/// `None` where only the help was asked for
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
            eprintln!("rclone is not installed: left out");
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

/// Ours, with so many shards at a time
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

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn numbers(text: &str) -> Result<Vec<u64>, Error> {
    let numbers = list(text).into_iter().filter(|part| part != "none");
    numbers.map(|part| Ok(part.parse()?)).collect()
}

fn has_rclone() -> bool {
    let mut version = Command::new("rclone");
    version.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}
