//! Starts the server and the clients, each in its own process.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use azure_asset_sync_peers::{Error, Measurement};
use tempfile::TempDir;

use crate::options::{Contender, Options};

/// Returns the path of a program in the folder of this one.
fn program(name: &str) -> Result<PathBuf, Error> {
    Ok(env::current_exe()?.with_file_name(name))
}

/// Builds the server and the clients, because `cargo run` builds only this program.
pub fn build() -> Result<(), Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut build = Command::new(cargo);
    build.args([
        "build",
        "--release",
        "--quiet",
        "--locked",
        "--bins",
        "--manifest-path",
        manifest,
    ]);
    if !build.status()?.success() {
        return Err("the server and the clients could not be built".into());
    }
    Ok(())
}

/// A running server, which ends when this is dropped.
pub struct Server {
    child: Child,
    pub url: String,
    pub blobs: u64,
    /// A file with cuts, in a temporary folder.
    cuts: Option<(PathBuf, TempDir)>,
}

impl Server {
    /// Starts a server and waits for its address.
    pub fn start(options: &Options, blobs: u64) -> Result<Self, Error> {
        let mut child = Command::new(program("server")?)
            .args(["--blobs", &blobs.to_string()])
            .args(["--shape", &options.shape, "--start-from", &options.start_from])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("the output of the server is not piped")?;
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        let url = url.trim().to_owned();
        let mut server = Self { child, url, blobs, cuts: None };
        if server.url.is_empty() {
            return Err("the server did not start".into());
        }
        if options.contenders.iter().any(|contender| contender.knows_cuts) {
            server.cuts = Some(server.write_cuts(options)?);
        }
        Ok(server)
    }

    /// Lists the container once to get cuts, before anything is measured.
    fn write_cuts(&self, options: &Options) -> Result<(PathBuf, TempDir), Error> {
        let folder = TempDir::new()?;
        let file = folder.path().join("cuts");
        let text = file.to_str().ok_or("the path of the temporary folder is not UTF-8")?;
        let arguments = vec!["--write-cuts".into(), text.into()];
        measure(options, &Contender { arguments, ..Contender::new("ours") }, self)?;
        Ok((file, folder))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends at the end of its standard input.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// Returns the command line of a client.
fn client(options: &Options, contender: &Contender, server: &Server) -> Result<Vec<String>, Error> {
    let program = program("client")?.into_os_string();
    let mut command = vec![program.into_string().map_err(|_| "the path is not UTF-8")?];
    command.push(contender.client.clone());
    command.extend(contender.arguments.iter().cloned());
    if contender.knows_cuts
        && let Some((file, _)) = &server.cuts
    {
        command.extend(["--cuts".into(), file.display().to_string()]);
    }
    command.extend(["--url".into(), server.url.clone()]);
    command.extend(["--threads".into(), options.threads.to_string()]);
    Ok(command)
}

/// Runs a client once.
pub fn measure(
    options: &Options,
    contender: &Contender,
    server: &Server,
) -> Result<Measurement, Error> {
    let command = client(options, contender, server)?;
    let output = bare(&command[0]).args(&command[1..]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", contender.label, output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Returns a command without the variables for backtraces. Some clients create an error for each
/// missing header, and would capture a backtrace each time.
fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command
}

/// Counts the instructions of one run with callgrind.
pub fn instructions(
    options: &Options,
    contender: &Contender,
    server: &Server,
) -> Result<u64, Error> {
    let command = client(options, contender, server)?;
    let output = bare("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(&command)
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.filter(|_| output.status.success()).ok_or_else(|| {
        format!("{} failed under valgrind: {}: {text}", contender.label, output.status)
    })?;
    Ok(number.trim().parse()?)
}
