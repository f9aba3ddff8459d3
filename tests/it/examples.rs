//! The examples work as a new user runs them, and their errors say what to do.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use azure_asset_sync::testing::{Quirk, Seed, SmallCloud, SmallCloudBuilder};

use crate::refused_port::RefusedPort;

/// Returns a command for an example. `cargo test` builds the examples next to the tests.
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let path: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: run the tests without `--test`", path.display());
    let mut command = Command::new(path);
    // The variables of the person who runs the tests must not take effect.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AZURE_")) {
        command.env_remove(name);
    }
    command
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn fail(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

fn count_lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn sync_without_arguments_scans_sample_media() {
    let out = tempfile::tempdir().unwrap();
    let text = succeed(example("sync").arg("--out").arg(out.path()));
    assert!(text.contains("53 blobs"), "{text}");
    for reason in
        ["no_extension", "unsupported_format", "type_mismatch", "empty", "too_large", "archived"]
    {
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(count_lines(&out.path().join("assets.jsonl")), 46);
    assert_eq!(count_lines(&out.path().join("rejected.jsonl")), 7);
}

#[test]
fn sync_serves_a_folder_and_keeps_to_a_prefix() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["a.jpg", "sub/b.png", "sub/c d#%.png", "sub/e.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "content").unwrap();
    }
    succeed(example("sync").arg(folder.path()).args(["--prefix", "sub/", "--out"]).arg(out.path()));
    let assets = std::fs::read_to_string(out.path().join("assets.jsonl")).unwrap();
    assert_eq!(assets.lines().count(), 2);
    assert!(assets.contains("\"name\":\"sub/c d#%.png\""), "{assets}");
}

#[test]
fn sync_accepts_globs_and_a_dry_run_shows_them_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let mut command = example("sync");
        command.current_dir(folder.path()).args(["--glob", "hall-1/**", "--exclude", "*.mp4"]);
        succeed(command.args(more))
    };
    let text = run(&["--dry-run"]);
    for part in ["53 blobs", "  hall-1/hall-1-00", "filtered: 27, for example:", "\n  hall-2/"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let left_out = "no include pattern of the filter matches its name";
    let mut other = text.lines().filter(|line| line.starts_with("  hall-2/"));
    assert!(other.all(|line| line.ends_with(left_out)), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a dry run writes nothing");
    run(&["--out", "."]);
    let assets = std::fs::read_to_string(folder.path().join("assets.jsonl")).unwrap();
    assert!(assets.lines().count() > 20 && !assets.contains("hall-2/"), "{assets}");
    let (code, text) = fail(example("sync").args(["--glob", "a/{b"]));
    assert!(code == 2 && text.contains("character 3"), "{code}: {text}");
}

#[test]
fn sync_with_a_state_reports_the_changes() {
    let root = tempfile::tempdir().unwrap();
    let [media, state, out] = ["media", "state", "out"].map(|name| root.path().join(name));
    std::fs::create_dir(&media).unwrap();
    let put = |name: &str, content: &str| std::fs::write(media.join(name), content).unwrap();
    let sync = |more: &[&str]| {
        let mut command = example("sync");
        command.arg(&media).arg("--state").arg(&state).arg("--out").arg(&out).args(more);
        command
    };
    ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].iter().for_each(|name| put(name, "x"));
    put("notes.txt", "x");
    let text = succeed(&mut sync(&[]));
    assert!(text.contains("+ a.jpg\n") && text.contains("! notes.txt: "), "{text}");
    assert!(text.contains("4 added, 0 changed, 0 restored, 0 removed, 1 rejected"), "{text}");
    let text = succeed(&mut sync(&[]));
    assert!(text.contains("0 rejected, 5 unchanged"), "{text}");

    put("a.jpg", "another");
    std::fs::remove_file(media.join("b.jpg")).unwrap();
    let text = succeed(&mut sync(&[]));
    assert!(text.contains("~ a.jpg\n- b.jpg\n"), "{text}");
    assert_eq!(count_lines(&out.join("changes.jsonl")), 7);

    ["a.jpg", "c.jpg"].iter().for_each(|name| std::fs::remove_file(media.join(name)).unwrap());
    let text = succeed(&mut sync(&[]));
    assert!(text.contains("2 of 3 assets are missing (not listed"), "{text}");
    let text = succeed(&mut sync(&["--allow-removals"]));
    assert!(text.contains("- a.jpg\n- c.jpg\n"), "{text}");
    let (_, text) = fail(&mut sync(&["--resume"]));
    assert!(text.contains("no interrupted run"), "{text}");
    let (code, text) = fail(example("sync").arg("--resume"));
    assert!(code == 2 && text.contains("require --state"), "{text}");
}

#[test]
fn sync_explains_invalid_arguments() {
    let (code, text) = fail(example("sync").arg("--nonsense"));
    assert!(code == 2 && text.contains("see --help"), "{code}: {text}");
    let (code, text) = fail(example("sync").args(["--account", "Contoso", "--container", "x"]));
    assert!(code == 2 && text.contains("did you mean `contoso`?"), "{code}: {text}");
    let (code, text) = fail(example("sync").arg("no-such-folder"));
    assert!(code == 2 && text.contains("no-such-folder"), "{code}: {text}");
}

#[test]
fn probe_without_arguments_waits_for_a_role_and_ends_connected() {
    let text = succeed(&mut example("probe"));
    for part in ["access_missing", "works, 1 of", "connected, after", "with a condition"] {
        assert!(text.contains(part), "{text}");
    }
    let lines = succeed(example("probe").arg("--json"));
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["reason"]), (&"ended".into(), &"connected".into()));
    assert_eq!(last["health"]["outlook"], "ready");
    let again = events.iter().find(|event| event["event"] == "retrying").unwrap();
    assert_eq!(again["diagnosis"]["step"], 5);
    let command = again["diagnosis"]["command"].as_str().unwrap();
    assert!(command.contains("az role assignment create"), "{command}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_probe_is_the_class_of_the_failure() {
    let (code, text) = fail(example("probe").arg("--nonsense"));
    assert!(code == 2 && text.contains("see --help"), "{code}: {text}");
    let (code, text) = fail(example("probe").args(["--account", "Contoso", "--container", "x"]));
    assert!(code == 2 && text.contains("did you mean `contoso`?"), "{code}: {text}");
    let port = RefusedPort::bind();
    let cloud = SmallCloud::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, cloud.certificate_authority()).unwrap();
    let at = |address: std::net::SocketAddr| {
        let mut command = example("probe");
        command
            .env("AZURE_STORAGE_SAS_TOKEN", "sv=2026-04-06&sp=rl&sig=canary")
            .args(["--account", "contoso", "--container", "xyz", "--wait", "0"])
            .args(["--endpoint", &format!("https://{address}/contoso")])
            .arg("--ca")
            .arg(&ca);
        command.output().unwrap()
    };
    // A refused connection is transient; an account that does not exist is not.
    for (address, code, cause) in
        [(port.address(), 3, "unreachable"), (cloud.address(), 4, "resource_not_found")]
    {
        let output = at(address);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(cause) && !text.contains("canary"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptance_prints_a_table_and_writes_a_recording_that_does_not_identify_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, recording] = ["ca.pem", "answers.jsonl"].map(|name| folder.path().join(name));
    let names = ["plans/one.jpg", "plans/two.jpg", "three.jpg"];
    let cloud = |quirk: Option<Quirk>| {
        let builder = SmallCloud::builder().blobs(names.map(|name| Seed::new(name, "content")));
        quirk.into_iter().fold(builder, SmallCloudBuilder::quirk).start()
    };
    let acceptance = |cloud: &SmallCloud| {
        std::fs::write(&ca, cloud.certificate_authority()).unwrap();
        let mut command = example("acceptance");
        let sas = format!("sv=2026-04-06&sp=rl&sig={}", cloud.signature());
        command
            .env("AZURE_STORAGE_SAS_TOKEN", sas)
            .args(["--account", "smallcloud", "--container", "assets"])
            .args(["--endpoint", &format!("https://{}/smallcloud", cloud.address())])
            .arg("--ca")
            .arg(&ca);
        command
    };
    let usual = cloud(None).await.unwrap();
    let text = succeed(acceptance(&usual).arg("--recording").arg(&recording));
    assert!(text.contains("as assumed  server") && text.contains(" 0 different, "), "{text}");
    let recorded = std::fs::read_to_string(&recording).unwrap();
    assert!(recorded.lines().count() > 10, "{recorded}");
    for secret in ["plans", "smallcloud", "assets", usual.signature(), usual.tenant()] {
        assert!(!recorded.contains(secret) && !text.contains(secret), "{secret}");
    }
    // A recording is never overwritten.
    let (code, text) = fail(acceptance(&usual).arg("--recording").arg(&recording));
    assert!(code == 2 && text.contains("answers.jsonl"), "{code}: {text}");

    let other = cloud(Some(Quirk::OtherServer)).await.unwrap();
    let output = acceptance(&other).arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let different: Vec<_> =
        lines.iter().filter(|line| line["outcome"] == "different").map(|l| &l["line"]).collect();
    assert_eq!(different, ["server"]);
    let plan = String::from_utf8(output.stderr).unwrap();
    assert!(plan.contains("only reads") && plan.contains("at most 50 requests"), "{plan}");

    let (code, text) = fail(example("acceptance").args(["--account", "contoso"]));
    assert!(code == 2 && text.contains("see --help"), "{code}: {text}");
    let wrong = fail(acceptance(&other).env("AZURE_STORAGE_SAS_TOKEN", "sv=2026-04-06&sig=canary"));
    assert!(wrong.0 == 2 && wrong.1.contains("403 AuthenticationFailed"), "{wrong:?}");
    assert!(!wrong.1.contains("canary"), "{wrong:?}");
}

#[test]
fn the_short_examples_run_and_are_short() {
    for name in ["custom_sink", "mock_storage"] {
        succeed(&mut example(name));
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("{name}.rs"));
        assert!(count_lines(&source) < 60, "{name}");
    }
}

#[test]
fn the_example_of_a_state_finds_changes() {
    let text = succeed(&mut example("custom_state"));
    assert_eq!(text, "2 added, 0 unchanged\n1 added, 2 unchanged\n");
}

#[test]
fn a_closed_or_full_output_does_not_cause_a_panic() {
    let out = tempfile::tempdir().unwrap();
    for (name, code) in [("sync", 0), ("probe", 2)] {
        let mut command = example(name);
        if name == "sync" {
            command.arg("--out").arg(out.path());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // As `head -1` does.
        let mut line = String::new();
        BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!line.is_empty() && !text.contains("panicked"), "{name}: {text}");
        assert_eq!(output.status.code(), Some(code), "{name}: {text}");
    }
    // The files are complete, although nobody read the output.
    assert_eq!(count_lines(&out.path().join("assets.jsonl")), 46);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_at_the_output_is_an_error() {
    for (name, arguments, code) in
        [("sync", &["--dry-run"][..], 1), ("sync", &["--help"], 1), ("probe", &[], 2)]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = example(name).args(arguments).stdout(full).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains("No space left") && !text.contains("panicked"), "{text}");
    }
}

/// Starts an endpoint that accepts requests and never answers.
fn silent() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/contoso", listener.local_addr().unwrap());
    let (received, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let received = received.clone();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0]);
                let _ = received.send(());
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    (endpoint, wait)
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_temporary_files() {
    for (signal, more) in [("-INT", None), ("-TERM", None), ("-INT", Some("state"))] {
        let (endpoint, wait) = silent();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let mut command = example("sync");
        command
            .env("AZURE_STORAGE_SAS_TOKEN", "sv=2026-04-06&sp=rl&sig=canary")
            .args(["--account", "contoso", "--container", "xyz", "--endpoint", &endpoint, "--out"])
            .arg(&out)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(state) = more {
            command.arg("--state").arg(folder.path().join(state));
        }
        let child = command.spawn().unwrap();
        wait.recv().unwrap();
        let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains("interrupted") && !text.contains("canary"), "{text}");
        let files = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name());
        let files: Vec<_> = files.filter(|name| *name != "changes.jsonl").collect();
        assert!(files.is_empty(), "{files:?}");
    }
}

/// Runs `probe` with arguments that it refuses before it sends anything.
fn probed(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = example("probe");
    command.args(["--container", "xyz", "--wait", "0", "--account", "contoso"]);
    command.envs(variables.iter().copied()).args(arguments);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("canary"), "{text}");
    text + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn the_examples_name_the_credential_the_variable_the_option_and_the_path() {
    const ID: (&str, &str) = ("AZURE_CLIENT_ID", "77777777-7777-4777-8777-777777777777");
    const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "contoso.onmicrosoft.com");
    const SECRET: (&str, &str) = ("AZURE_CLIENT_SECRET", "canary");
    const SAS: (&str, &str) = ("AZURE_STORAGE_SAS_TOKEN", "sv=2026-04-06&sp=rl&sig=canary");
    let port = RefusedPort::bind();
    let host = format!("https://{}/contoso", port.address());
    let at_host = ["--endpoint", &*host];
    for (variables, arguments, named) in [
        (&[SAS][..], &at_host[..], "credential: sas, AZURE_STORAGE_SAS_TOKEN"),
        (&[ID, SECRET, TENANT], &at_host, "credential: secret, "),
        (&[], &["--endpoint", &host, "--credential", "anonymous"], "credential: anonymous"),
        (&[ID], &at_host, "AZURE_CLIENT_ID is set, but none of AZURE_CLIENT_SECRET"),
        (&[SECRET, TENANT], &at_host, "AZURE_CLIENT_ID is not set"),
        (&[], &["--credential", "magic"], "see --help"),
        (
            &[ID, TENANT, ("AZURE_CLIENT_CERTIFICATE_PATH", "/no/such.pem")],
            &[],
            "/no/such.pem: No such file",
        ),
        (&[ID, TENANT], &["--certificate", "/no/other.pem"], "/no/other.pem: No such file"),
        (
            &[SAS],
            &["--endpoint", &host, "--ca", "/no/such/ca"],
            "--ca: the file cannot be read: No such file",
        ),
        (
            &[SAS],
            &["--endpoint", "https://127.0.0.1:1/other"],
            "--endpoint is the address of a different account than --account",
        ),
        (
            &[SAS],
            &["--endpoint", "https://other.privatelink.blob.core.windows.net"],
            "different account",
        ),
        (
            &[ID, SECRET, TENANT, ("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1/tenant")],
            &at_host,
            "an authority must not have a path",
        ),
        (&[ID, SECRET, ("AZURE_TENANT_ID", "no tenant")], &at_host, "tenant"),
    ] {
        let text = probed(variables, arguments);
        assert!(text.contains(named), "{named} in {text}");
    }
    let (code, text) = fail(example("sync").args(["--out", "/dev/null/x"]));
    assert!(code == 1 && text.contains("/dev/null/x: "), "{code}: {text}");
    let (code, text) =
        fail(example("sync").args(["--out", "target", "--state", "/dev/null/state"]));
    assert!(code == 1 && text.contains("/dev/null/state"), "{code}: {text}");
}

#[test]
fn the_examples_do_not_print_a_secret_that_was_given_to_the_wrong_option() {
    const ID: (&str, &str) = ("AZURE_CLIENT_ID", "77777777-7777-4777-8777-777777777777");
    const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "contoso.onmicrosoft.com");
    const SAS: (&str, &str) = ("AZURE_STORAGE_SAS_TOKEN", "sv=2026-04-06&sp=rl&sig=canary");
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----";
    const PEM_VARIABLE: (&str, &str) = ("AZURE_CLIENT_CERTIFICATE_PATH", PEM);
    let at_other = ["--endpoint", "https://127.0.0.1:1/canary-of-another"];
    for (variables, arguments, named) in [
        // `probed` fails if the output contains the canary.
        (&[SAS][..], &["--credential", "canary"][..], "--credential is not a kind"),
        (&[SAS], &["--credential=sv=2026-04-06&sig=canary"], "--credential is not a kind"),
        (&[SAS], &at_other, "different account"),
        (&[SAS], &["--ca", PEM], "--ca: the file cannot be read: No such file"),
        (&[ID, TENANT], &["--certificate", PEM], "and not its path"),
        (&[ID, TENANT, PEM_VARIABLE], &[], "and not its path"),
        (&[SAS], &["sv=2026-04-06&sig=canary"], "unexpected argument"),
        (&[SAS], &["--json=canary"], "--json takes no value"),
        (&[SAS], &["--wait", "canary"], "an option needs a number"),
    ] {
        let text = probed(variables, arguments);
        assert!(text.contains(named), "{named} in {text}");
    }
}

#[test]
fn the_sign_in_uses_the_authority_of_the_environment() {
    let (endpoint, wait) = silent();
    let authority = endpoint.replace("http:", "https:").replace("/contoso", "");
    let mut command = example("probe");
    command
        .env("AZURE_CLIENT_ID", "77777777-7777-4777-8777-777777777777")
        .env("AZURE_TENANT_ID", "contoso.onmicrosoft.com")
        .env("AZURE_CLIENT_SECRET", "canary")
        .env("AZURE_AUTHORITY_HOST", &authority)
        .args(["--account", "contoso", "--container", "xyz", "--wait", "0"])
        .args(["--endpoint", &authority])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_columns_of_the_help_are_aligned() {
    for name in ["sync", "probe"] {
        let text = succeed(example(name).arg("--help"));
        let options = text.lines().filter(|line| line.starts_with("  --"));
        let options = options.filter(|line| !line.contains("--subscription"));
        for line in options {
            assert!(line.as_bytes()[24] == b' ' && line.as_bytes()[25] != b' ', "{line}");
            assert!(line.len() <= 100, "{line}");
        }
    }
}
