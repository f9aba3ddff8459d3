//! Credentials of this machine: the Azure CLI, the identity endpoint, and the files and variables of a
//! Kubernetes workload. An error names what is missing, at once, and is not transient.
//!
//! Environment variables belong to a process, so each case runs this program again as a child, which
//! makes one call and prints the result.
#![cfg(unix)]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
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

/// Runs one case in a child process. Does nothing if `CASE` is not set.
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
        "machine" | "machine again" => Credential::ManagedIdentity { client_id: None },
        "workload" => Credential::WorkloadIdentity,
        _ => panic!("{case}"),
    };
    let deadline = env::var("DEADLINE").map_or(60, |seconds| seconds.parse().unwrap());
    let store = AzureStore::builder(&connection).request_deadline(Duration::from_secs(deadline));
    let store = store.build(credential)?;
    if case == "machine again" {
        store.inspect(Question::Token).await.unwrap();
    }
    store.inspect(Question::Token).await.map(|_| ())
}

/// Runs a case in a child process, and returns what it printed.
fn run(case: &str, variables: &[(&str, &str)]) -> serde_json::Value {
    let mut command = Command::new(env::current_exe().unwrap());
    for (name, _) in env::vars() {
        if ["AZURE_", "IDENTITY_", "MSI_", "IMDS_"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.args(["--exact", "credentials_here::one_case", "--nocapture"]).env("CASE", case);
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

/// Writes a script named `az`, and returns a `PATH` on which it comes first.
fn az(folder: &Path, script: &str) -> String {
    let path = folder.join("az");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

#[test]
fn each_failure_of_the_azure_cli_is_reported() {
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
        (
            "echo canary >&2; exit 7".to_owned(),
            UNAVAILABLE,
            Cause::AzureCliFailed,
            "exited with status 7",
        ),
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

/// Returns whether the process runs. A zombie does not.
fn runs(id: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[test]
fn an_azure_cli_that_hangs_is_stopped_with_its_child_processes() {
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("ids");
    let note = format!("echo $$ >> {0}; sleep 1000 & echo $! >> {0}", ids.display());
    // One script waits, the other prints without end.
    for script in [format!("{note}; wait"), format!("{note}; yes canary")] {
        let _ = fs::remove_file(&ids);
        let path = az(folder.path(), &script);
        let variables = [("PATH", &*path), ("DEADLINE", "3")];
        let start = Instant::now();
        refused("az", &variables, "credential_unavailable", Cause::AzureCliHangs, "was stopped");
        // A generous limit: the script would run for 15 minutes.
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

/// Starts an endpoint that sends the same response to each request. If the response is empty, it
/// closes the connection.
fn endpoint(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            answer_to(stream, &answer);
        }
    });
    format!("http://{address}/token")
}

/// Starts an endpoint that sends one response, and refuses each later connection.
fn endpoint_once(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // Before the response, because the next request can follow it at once.
        drop(listener);
        answer_to(stream, &answer);
    });
    format!("http://{address}/token")
}

fn answer_to(mut stream: TcpStream, answer: &str) {
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

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[test]
fn a_machine_without_an_identity_is_reported_at_once() {
    const UNAVAILABLE: &str = "credential_unavailable";
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("http://{free}/token");
    let html = endpoint(answer("404 Not Found", "<html>"));
    let [stranger, of_an_app, of_an_older_app] = [
        r#"{"error":"invalid_request","error_description":"Identity not found: canary"}"#,
        r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.","correlationId":"canary"}"#,
        r#"{"StatusCode":400,"Message":"Unable to load the proper Managed Identity.","CorrelationId":"canary"}"#,
    ]
    .map(|body| endpoint(answer("400 Bad Request", body)));
    for (at, cause, named) in [
        (&dead, Cause::IdentityEndpointMissing, "169.254.169.254"),
        (&html, Cause::IdentityEndpointMissing, "IDENTITY_ENDPOINT"),
        (&stranger, Cause::IdentityUnknown, "client ID"),
        (&of_an_app, Cause::IdentityUnknown, "client ID"),
        (&of_an_older_app, Cause::IdentityUnknown, "client ID"),
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
fn an_identity_endpoint_that_closes_the_connection_is_not_reported_as_missing() {
    let token = answer("200 OK", r#"{"access_token":"canary","expires_on":"12"}"#);
    for (case, at) in [
        // The endpoint accepts the connection and closes it.
        ("machine", endpoint(String::new())),
        ("machine", endpoint("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_owned())),
        // The endpoint has issued a token before.
        ("machine again", endpoint_once(token)),
    ] {
        let variables = [("IDENTITY_ENDPOINT", &*at), ("IDENTITY_HEADER", "canary")];
        let result = run(case, &variables);
        assert_eq!(result["kind"], "unreachable", "{result}");
        assert_eq!(result["cause"], Cause::Unreachable.as_str(), "{result}");
        assert_eq!(result["transient"], true, "{result}");
        let shown = result["shown"].as_str().unwrap();
        assert!(shown.contains("sign in") && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn a_bad_request_to_the_identity_endpoint_is_an_unknown_identity_only_if_it_says_so() {
    for body in [
        r#"{"error":"invalid_request","error_description":"Required metadata header not specified"}"#,
        r#"{"error":"invalid_resource","error_description":"AADSTS500011: canary"}"#,
        r#"{"statusCode":400,"message":"The parameter api-version is missing: canary"}"#,
        r#"["Identity not found"]"#,
        "<html>Identity not found: canary</html>",
        "",
    ] {
        let at = endpoint(answer("400 Bad Request", body));
        let variables = [("IDENTITY_ENDPOINT", &*at), ("IDENTITY_HEADER", "canary")];
        let result = run("machine", &variables);
        assert_ne!(result["kind"], "ok", "{body}: {result}");
        for cause in [Cause::IdentityUnknown, Cause::IdentityEndpointMissing] {
            assert_ne!(result["cause"], cause.as_str(), "{body}: {result}");
        }
        assert!(!result["shown"].as_str().unwrap().contains("canary"), "{body}: {result}");
    }
}

#[test]
fn missing_variables_or_files_of_a_workload_are_named() {
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
        ("AZURE_CLIENT_ID", "q8Q~canary0123456789", "AZURE_CLIENT_ID: this is not a GUID"),
        ("AZURE_TENANT_ID", "not a tenant", "AZURE_TENANT_ID: tenant"),
    ] {
        refused("workload", &with(name, value), "config", Cause::Misconfigured, named);
    }
    for file in [&absent, &wrong] {
        let variables = [("AZURE_FEDERATED_TOKEN_FILE", &**file), all[1], all[2]];
        refused("workload", &variables, "config", Cause::Misconfigured, file);
    }
    // The token itself, or a key, in place of the path.
    let content = "AZURE_FEDERATED_TOKEN_FILE: the file (not shown, because it is the content";
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
