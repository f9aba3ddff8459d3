//! Credentials that come from this machine: the Azure CLI, its identity endpoint, the files and variables
//! of a Kubernetes workload. What lacks is named, at once, and never counts as a passing failure.
//!
//! Variables belong to a process, so each case is one of its own: this very program, which makes one call
//! and prints what came of it.
#![cfg(unix)]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Error,
    probe::{Cause, Diagnosis, Retry},
    store::{Inspect as _, Question},
};

const ID: &str = "77777777-7777-4777-8777-777777777777";

/// A case in its process; without `CASE` there is none
#[tokio::test]
async fn one_case() {
    let Ok(case) = env::var("CASE") else { return };
    let result = match call(&case).await {
        Ok(()) => serde_json::json!({ "kind": "ok" }),
        Err(error) => {
            let diagnosis = Diagnosis::of(&error);
            serde_json::json!({
                "kind": error.kind().as_str(),
                "transient": error.is_transient() || diagnosis.retry() != Retry::Never,
                "cause": diagnosis.cause.as_str(),
                "shown": format!("{error} {error:?} {diagnosis}"),
            })
        }
    };
    println!("RESULT {result}");
}

async fn call(case: &str) -> Result<(), Error> {
    let connection = Connection::builder("x").account("contoso").container("training");
    let connection = connection.build().unwrap();
    let credential = match case {
        "az" => Credential::AzureCli,
        "machine" => Credential::ManagedIdentity { client_id: None },
        "workload" => Credential::WorkloadIdentity,
        _ => panic!("{case}"),
    };
    let deadline = env::var("DEADLINE").map_or(60, |seconds| seconds.parse().unwrap());
    let store = AzureStore::builder(&connection).request_deadline(Duration::from_secs(deadline));
    store.build(credential)?.inspect(Question::Token).await.map(|_| ())
}

/// Runs a case in a process of its own, and returns what it printed
fn run(case: &str, variables: &[(&str, &str)]) -> serde_json::Value {
    let mut command = Command::new(env::current_exe().unwrap());
    for (name, _) in env::vars() {
        if ["AZURE_", "IDENTITY_", "MSI_", "IMDS_"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.args(["--exact", "one_case", "--nocapture"]).env("CASE", case);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = text.lines().find_map(|line| line.split_once("RESULT ")).map(|(_, result)| result);
    serde_json::from_str(result.unwrap_or_else(|| panic!("{case}: {output:?}"))).unwrap()
}

fn refused(case: &str, variables: &[(&str, &str)], kind: &str, cause: Cause, named: &str) {
    let result = run(case, variables);
    let shown = result["shown"].as_str().unwrap_or_default();
    assert_eq!(result["kind"], kind, "{variables:?}: {result}");
    assert_eq!(result["cause"], cause.as_str(), "{variables:?}: {result}");
    assert_eq!(result["transient"], false, "{variables:?}: {result}");
    assert!(shown.contains(named) && !shown.contains("canary"), "{variables:?}: {shown}");
}

/// A folder with a script named `az`, before the system's own folders
fn az(folder: &Path, script: &str) -> String {
    let path = folder.join("az");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

#[test]
fn each_way_in_which_the_azure_cli_fails_is_named() {
    const UNAVAILABLE: &str = "credential_unavailable";
    let folder = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    refused("az", &[("PATH", path)], UNAVAILABLE, Cause::AzureCliMissing, "not installed");
    let token = r#"{"accessToken":"canary","expires_on":4000000000,"tokenType":"Bearer"}"#;
    let path = az(folder.path(), &format!("echo '{token}'"));
    assert_eq!(run("az", &[("PATH", &path)])["kind"], "ok");
    for (script, kind, cause, named) in [
        (
            "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1".to_owned(),
            UNAVAILABLE,
            Cause::AzureCliSignedOut,
            "run `az login`",
        ),
        (
            "echo 'ERROR: AADSTS700082: canary' >&2; exit 1".to_owned(),
            "credential_rejected",
            Cause::SignInExpired,
            "AADSTS700082",
        ),
        ("echo canary >&2; exit 7".to_owned(), UNAVAILABLE, Cause::AzureCliFailed, "ended with 7"),
        (format!("echo canary; echo '{token}'"), UNAVAILABLE, Cause::AzureCliOutput, "wrapper"),
        ("exit 0".to_owned(), UNAVAILABLE, Cause::AzureCliOutput, "token in JSON"),
        (
            r#"echo '{"accessToken":"canary","tokenType":"Bearer"}'"#.to_owned(),
            UNAVAILABLE,
            Cause::AzureCliOutput,
            "az upgrade",
        ),
    ] {
        let path = az(folder.path(), &script);
        refused("az", &[("PATH", &path)], kind, cause, named);
    }
}

/// Whether a process of this number runs, and is not one that has ended and waits to be noticed
fn runs(id: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[test]
fn an_azure_cli_that_hangs_is_stopped_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("ids");
    let note = format!("echo $$ >> {0}; sleep 1000 & echo $! >> {0}", ids.display());
    // One that waits, and one that prints without end.
    for script in [format!("{note}; wait"), format!("{note}; yes canary")] {
        let _ = fs::remove_file(&ids);
        let path = az(folder.path(), &script);
        let variables = [("PATH", &*path), ("DEADLINE", "3")];
        let start = Instant::now();
        refused("az", &variables, "credential_unavailable", Cause::AzureCliHangs, "was stopped");
        // A bound on hanging; the script ends after a quarter of an hour.
        assert!(start.elapsed() < Duration::from_secs(60));
        for id in fs::read_to_string(&ids).unwrap().lines() {
            let start = Instant::now();
            while runs(id) {
                assert!(start.elapsed() < Duration::from_secs(30), "{id} still runs");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// An endpoint that gives each request the same answer
fn endpoint(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/token")
}

#[test]
fn a_machine_without_an_identity_says_so_at_once() {
    const UNAVAILABLE: &str = "credential_unavailable";
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("http://{free}/token");
    let html = endpoint("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>");
    let stranger = endpoint(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 75\r\n\r\n{\"error\":\"invalid_request\",\"error_description\":\"Identity not found: canary\"}",
    );
    for (at, cause, named) in [
        (&dead, Cause::IdentityEndpointMissing, "169.254.169.254"),
        (&html, Cause::IdentityEndpointMissing, "IDENTITY_ENDPOINT"),
        (&stranger, Cause::IdentityUnknown, "client ID"),
    ] {
        let variables = [("IDENTITY_ENDPOINT", &**at), ("IDENTITY_HEADER", "canary")];
        let start = Instant::now();
        refused("machine", &variables, UNAVAILABLE, cause, named);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    let named = "IDENTITY_ENDPOINT";
    for variables in [
        [("IDENTITY_ENDPOINT", "http://127.0.0.1:1"), ("IMDS_ENDPOINT", "http://127.0.0.1:1")],
        [("IDENTITY_ENDPOINT", "canary"), ("IDENTITY_HEADER", "x")],
        [("MSI_ENDPOINT", "http://127.0.0.1:1"), ("MSI_SECRET", "canary")],
    ] {
        refused("machine", &variables, "config", Cause::Misconfigured, named);
    }
}

#[test]
fn a_workload_without_its_variables_or_file_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (absent, wrong, token) = (path("absent"), path("wrong"), path("token"));
    fs::write(&wrong, "canary").unwrap();
    fs::write(&token, "e30.e30.canary\n").unwrap();
    let all = [
        ("AZURE_FEDERATED_TOKEN_FILE", &*token),
        ("AZURE_CLIENT_ID", ID),
        ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
    ];
    let with = |name: &str, value: &'static str| {
        let mut variables = all.to_vec();
        variables.iter_mut().filter(|one| one.0 == name).for_each(|one| one.1 = value);
        variables
    };
    for (name, value, named) in [
        ("AZURE_FEDERATED_TOKEN_FILE", "", "AZURE_FEDERATED_TOKEN_FILE is not set"),
        ("AZURE_CLIENT_ID", "", "AZURE_CLIENT_ID is not set"),
        ("AZURE_TENANT_ID", " ", "AZURE_TENANT_ID is not set"),
        ("AZURE_CLIENT_ID", "q8Q~canary0123456789", "AZURE_CLIENT_ID: this is no GUID"),
        ("AZURE_TENANT_ID", "not a tenant", "AZURE_TENANT_ID: tenant"),
    ] {
        refused("workload", &with(name, value), "config", Cause::Misconfigured, named);
    }
    for file in [&absent, &wrong] {
        let variables = [("AZURE_FEDERATED_TOKEN_FILE", &**file), all[1], all[2]];
        refused("workload", &variables, "config", Cause::Misconfigured, file);
    }
    // The token itself, or a key, in place of the path.
    let content =
        "AZURE_FEDERATED_TOKEN_FILE: could not be read: this is the content, not the path";
    for given in [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.canary",
        "e30.e30.canary",
        "head.body.canary-canary",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
    ] {
        let variables = [("AZURE_FEDERATED_TOKEN_FILE", given), all[1], all[2]];
        refused("workload", &variables, "config", Cause::Misconfigured, content);
    }
}
