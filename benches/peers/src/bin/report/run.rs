//! Starting the server and the clients, each in a process of its own.

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

/// The program beside this one
fn program(name: &str) -> Result<PathBuf, Error> {
    Ok(env::current_exe()?.with_file_name(name))
}

/// Builds server and clients: `cargo run` builds this program alone
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
        return Err("server and clients cannot be built".into());
    }
    Ok(())
}

/// A running server; ends with this
pub struct Server {
    child: Child,
    pub url: String,
    pub blobs: u64,
    /// A file of names to cut at, in a folder that ends with this
    cuts: Option<(PathBuf, TempDir)>,
}

impl Server {
    pub fn start(options: &Options, blobs: u64) -> Result<Self, Error> {
        let mut child = Command::new(program("server")?)
            .args(["--blobs", &blobs.to_string()])
            .args(["--shape", &options.shape, "--start-from", &options.start_from])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("the output of the server is piped")?;
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

    /// Lists the container once, before anybody is measured
    fn write_cuts(&self, options: &Options) -> Result<(PathBuf, TempDir), Error> {
        let folder = TempDir::new()?;
        let file = folder.path().join("cuts");
        let text = file.to_str().ok_or("the temporary folder is not UTF-8")?;
        let arguments = vec!["--write-cuts".into(), text.into()];
        measure(options, &Contender { arguments, ..Contender::new("ours") }, self)?;
        Ok((file, folder))
    }
}

impl Drop for Server {
    /// It ends when its standard input does
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

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

/// One run of one client
pub fn measure(
    options: &Options,
    contender: &Contender,
    server: &Server,
) -> Result<Measurement, Error> {
    let command = client(options, contender, server)?;
    let output = bare(&command[0]).args(&command[1..]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} ends with {}", contender.label, output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A program that nobody debugs: some clients make an error for each header that is not there, and a
/// backtrace of it where the environment asks for them
fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command
}

/// The instructions of one run, counted by callgrind
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
        format!("{} under valgrind ends with {}: {text}", contender.label, output.status)
    })?;
    Ok(number.trim().parse()?)
}
