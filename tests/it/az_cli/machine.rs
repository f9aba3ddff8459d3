//! A customer's machine: the real Azure CLI, signed in, which reaches only the fake.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{Read, Write as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use azure_asset_sync::grant::Pack;
use tempfile::TempDir;

use super::fake::{ADMINISTRATOR, ADMINISTRATOR_SECRET, Fake, Recorded, TENANT};

/// Returns the program that `AZ` names, or `az` on the path. Prints a notice if there is none.
pub fn find_az() -> Option<PathBuf> {
    let found = match env::var_os("AZ") {
        Some(path) => Some(PathBuf::from(path)),
        None => find("az"),
    };
    if found.is_none() {
        // Written to the stream directly, because the harness hides the output of a passing test.
        let say =
            b"!! The Azure CLI is not installed: the grants were not run with it (pip install azure-cli, or set AZ)\n";
        std::io::stderr().write_all(say).unwrap();
    }
    found
}

/// Finds a program on the path.
pub fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|p| p.is_file())
}

/// The shell into which a script is pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// A bash that expands `!` like an interactive one.
    Bash,
    /// An interactive zsh, which does not support comments.
    Zsh,
    /// A bash that passes arguments to programs as Git Bash does on Windows.
    GitBash,
}

/// `az` as in Git Bash: an argument that looks like a path is converted to a Windows path unless
/// `MSYS_NO_PATHCONV` is set, and lines end as on Windows.
const GIT_BASH_AZ: &str = r#"#!/bin/bash
arguments=()
for argument in "$@"; do
  if [ -z "$MSYS_NO_PATHCONV" ] && [[ "$argument" == /* ]]; then
    argument="C:/Program Files/Git$argument"
  fi
  arguments+=("$argument")
done
set -o pipefail
"$REAL_AZ" "${arguments[@]}" | sed 's/$/\r/'
"#;

/// The result of a script.
#[derive(Debug)]
pub struct Outcome {
    pub ok: bool,
    pub output: String,
    pub errors: String,
    pub requests: Vec<Recorded>,
}

impl Outcome {
    /// Returns the requests for a change, one line each.
    pub fn writes(&self) -> Vec<String> {
        self.requests.iter().filter(|request| request.is_write()).map(Recorded::line).collect()
    }

    /// Returns the requests that made a change, one line each.
    pub fn changes(&self) -> Vec<String> {
        self.requests.iter().filter(|request| request.changed).map(Recorded::line).collect()
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.ok, "{self}");
        self
    }

    #[track_caller]
    pub fn failed(self) -> Self {
        assert!(!self.ok, "{self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let requests: Vec<_> = self.requests.iter().map(Recorded::line).collect();
        let result = if self.ok { "success" } else { "failure" };
        write!(f, "{result}\n{}\n{}\n{}", self.output, self.errors, requests.join("\n"))
    }
}

pub struct Machine {
    pub fake: Fake,
    folder: TempDir,
}

impl Machine {
    /// Returns a machine with a signed-in CLI.
    pub fn new(az: &Path) -> Self {
        let machine = Self { fake: Fake::start(), folder: tempfile::tempdir().unwrap() };
        machine.fake.write_authority(&machine.path("authority.pem"));
        for folder in ["bin", "git-bash", "work"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        std::os::unix::fs::symlink(az, machine.path("bin/az")).unwrap();
        // If a block ends before it reads its answer, the shell runs the answer as a command.
        for folder in ["bin", "git-bash"] {
            std::os::unix::fs::symlink("/bin/true", machine.path(folder).join("yes")).unwrap();
        }
        let git_bash = machine.path("git-bash/az");
        fs::write(&git_bash, GIT_BASH_AZ).unwrap();
        fs::set_permissions(&git_bash, PermissionsExt::from_mode(0o755)).unwrap();
        machine.sign_in();
        // A new installation checks once for its latest version.
        let strays = std::mem::take(&mut machine.fake.state().strays);
        let is_known = |stray: &String| stray == "CONNECT azcliprod.blob.core.windows.net:443";
        assert!(strays.iter().all(is_known), "{strays:?}");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs the CLI in to its current cloud.
    pub fn sign_in(&self) {
        let sign_in = format!(
            "az login --service-principal --username {ADMINISTRATOR} --password {ADMINISTRATOR_SECRET} --tenant {TENANT}"
        );
        self.paste(Shell::Bash, &sign_in).succeeded();
    }

    /// Resets the fake to its initial state. The CLI stays signed in.
    pub fn reset(&self) {
        self.fake.reset();
        fs::remove_dir_all(self.path("work")).unwrap();
        fs::create_dir(self.path("work")).unwrap();
    }

    /// Saves the files of a pack to the folder in which the scripts run.
    pub fn save_files(&self, pack: &Pack) {
        for part in &pack.parts {
            if let Some(name) = &part.file {
                fs::write(self.path("work").join(&**name), &part.text).unwrap();
            }
        }
    }

    /// Pastes a script into a shell.
    pub fn paste(&self, shell: Shell, script: &str) -> Outcome {
        let (command, bin): (&[&str], _) = match shell {
            Shell::Bash => (&["bash", "--norc", "-o", "history", "-o", "histexpand"], "bin"),
            Shell::Zsh => (&["zsh", "-f", "-i", "-s"], "bin"),
            Shell::GitBash => (&["bash", "--norc"], "git-bash"),
        };
        self.run(command, bin, script)
    }

    /// Runs a program with a text as standard input, and with a folder of programs first on its path.
    pub fn run(&self, command: &[&str], bin: &str, input: &str) -> Outcome {
        self.fake.take_requests();
        let mut paths = vec![self.path(bin)];
        paths.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let authority = self.path("authority.pem").into_os_string();
        let proxy = OsString::from(self.fake.proxy());
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .current_dir(self.path("work"))
            // The settings of the real machine have no effect: neither a proxy nor a sign-in.
            .env_clear()
            .env("PATH", env::join_paths(paths).unwrap())
            .env("REAL_AZ", self.path("bin/az"))
            .env("HOME", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("AZURE_CONFIG_DIR", self.path("azure"))
            .env("AZURE_CORE_COLLECT_TELEMETRY", "no")
            .env("AZURE_CORE_LOGIN_EXPERIENCE_V2", "off")
            .env("AZURE_EXTENSION_USE_DYNAMIC_INSTALL", "no")
            .env("REQUESTS_CA_BUNDLE", &authority)
            .env("CURL_CA_BUNDLE", &authority)
            .env("HTTPS_PROXY", &proxy)
            .env("HTTP_PROXY", &proxy)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
        // The write fails if the shell ends early, which is not an error of the test.
        thread::spawn(move || _ = stdin.write_all(input.as_bytes()));
        let output = wait(child, command);
        Outcome {
            ok: output.status.success(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            requests: self.fake.take_requests(),
        }
    }

    /// Asserts that nothing was sent to an unknown host or path.
    #[track_caller]
    pub fn assert_no_strays(&self) {
        let strays = self.fake.state().strays.clone();
        assert!(strays.is_empty(), "{strays:?}");
    }
}

/// A generous limit: a pack calls the Azure CLI about ten times, and each call takes one or two seconds.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Waits for a program and its output, and kills it if it hangs.
fn wait(mut child: Child, command: &[&str]) -> Output {
    let streams = [
        read(child.stdout.take().unwrap()),
        // In parallel, because a program that fills the second pipe would block.
        read(child.stderr.take().unwrap()),
    ];
    let end = Instant::now() + LONGEST;
    let [stdout, stderr] = streams.map(|stream| {
        let left = end.saturating_duration_since(Instant::now());
        stream.recv_timeout(left).unwrap_or_else(|_| {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end in {LONGEST:?} and was killed")
        })
    });
    Output { status: child.wait().unwrap(), stdout, stderr }
}

/// Reads a stream to its end on another thread.
fn read(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        // The receiver is dropped if the program was killed.
        let _ = sender.send(bytes);
    });
    receiver
}
