//! The example `condition` works in pipes, as its users run it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value as Json, json};

fn start(arguments: &[&str]) -> Child {
    let tests = std::env::current_exe().unwrap();
    let path: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join("condition");
    assert!(path.exists(), "{} is not built: run the tests without `--test`", path.display());
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Runs the example with a text on standard input. Returns exit status, standard output and standard
/// error.
fn condition(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // The write fails if the program has refused its arguments, because it then reads nothing.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn lines(rows: &[Json]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn answers(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

#[test]
fn eval_answers_each_line_and_continues_after_an_invalid_one() {
    let context = json!({
        "action": READ, "suboperations": [], "principal": {}, "environment": {}, "request": {},
        "resource": {"Microsoft.Storage/storageAccounts/blobServices/containers:name": "abc"}
    });
    let name = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]";
    let input = lines(&[
        json!({"condition": format!("{name} StringEquals 'abc'"), "context": context}),
        json!({"condition": format!("{name} stringEquals 'abc'"), "context": context}),
        json!({"condition": format!("{name} StringEquals 'abd'"), "context": context}),
        json!({"condition": 7, "context": context}),
        json!({"condition": "", "context": context}),
    ]);
    let (status, out, _) = condition(&["eval", "--json"], &format!("{input}not json\n\n"));
    let out = answers(&out);
    assert_eq!(status, 1);
    assert_eq!(out.len(), 6, "{out:?}");
    assert_eq!(out[0], json!({"decision": "allow"}));
    assert_eq!((&out[1]["offset"], out[1]["error"].is_string()), (&json!(name.len() + 1), true));
    assert_eq!(out[2], json!({"decision": "deny"}));
    for wrong in &out[3..] {
        assert!(wrong["error"].is_string(), "{wrong}");
    }
    assert_eq!(out[4]["offset"], 0);
    let first = input.lines().next().unwrap();
    assert_eq!(condition(&["eval", "--json"], first).0, 0);
}

#[test]
fn lint_answers_each_line() {
    let input = lines(&[
        json!({"condition": "@Resource[a] StringEndsWith '.jpg'"}),
        json!({"condition": format!("NOT ActionMatches{{'{READ}x'}}"), "role": "blob-data-reader"}),
        json!({"condition": "@Environment[isPrivateLink] BoolEquals true"}),
        json!({"condition": null}),
        json!({"condition": "@Environment[isPrivateLink] BoolEquals true", "version": "1.0"}),
        json!({"condition": "@Environment[isPrivateLink] BoolEquals true", "verison": "1.0"}),
    ]);
    let (status, out, _) = condition(&["lint", "--json"], &input);
    let out = answers(&out);
    assert_eq!((status, out.len()), (1, 6));
    let finding = &out[0]["findings"][0];
    assert_eq!((&out[0]["ok"], &finding["rule"]), (&json!(false), &json!("UNKNOWN_OPERATOR")));
    assert_eq!((&finding["start"], &finding["end"]), (&json!(13), &json!(27)));
    assert_eq!(finding["severity"], "error");
    assert!(finding["message"].as_str().unwrap().contains("StringLike"));
    assert_eq!(out[1]["findings"][0]["rule"], "UNKNOWN_ACTION");
    assert_eq!(out[2], json!({"ok": true, "findings": []}));
    assert_eq!(out[3]["findings"][0]["rule"], "EMPTY");
    assert_eq!(out[4]["findings"][0]["rule"], "VERSION");
    assert!(out[5]["error"].as_str().unwrap().contains("verison"), "{}", out[5]);
}

#[test]
fn each_line_is_answered_before_the_next_is_read() {
    let mut child = start(&["lint", "--json", "-"]);
    let mut input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (answers, answered) = std::sync::mpsc::channel();
    std::thread::spawn(move || output.lines().try_for_each(|line| answers.send(line.unwrap())));
    for line in ["{\"condition\":\"@Environment[isPrivateLink] BoolEquals true\"}", "not json"] {
        writeln!(input, "{line}").unwrap();
        // A generous limit: a program that waits for the end of its input never answers.
        let Ok(answer) = answered.recv_timeout(Duration::from_secs(60)) else {
            child.kill().unwrap();
            panic!("no answer to {line}, or the example is not of this build");
        };
        let answer: Json = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["findings"], json!([]), "{line}");
        assert_eq!(answer["ok"], answer["error"].is_null(), "{line}");
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn all_other_commands_read_a_generated_condition() {
    let (status, text, _) = condition(&["generate", "--container", "abc", "--prefix", "p/"], "");
    assert_eq!(status, 0);
    assert!(text.starts_with("(\n (\n  !(ActionMatches"), "{text}");
    let (status, line, _) = condition(&["format", "--one-line", "-"], &text);
    assert_eq!((status, line.lines().count()), (0, 1));
    let (status, again, _) = condition(&["format"], &format!("\u{feff}{line}"));
    assert_eq!((status, again), (0, text.clone()));
    let (status, words, _) = condition(&["explain"], &text);
    assert_eq!(status, 0);
    assert!(words.contains("the blob's name begins with `p/`"), "{words}");
    assert_eq!(condition(&["lint"], &text).0, 0);
    let at = ["audit", "--account", "contoso", "--container", "abc", "--prefix"];
    let (status, table, _) = condition(&[&at[..], &["p/"]].concat(), &text);
    assert_eq!(status, 0);
    assert!(table.contains("list the names of all containers"), "{table}");
    let (status, json, _) = condition(&[&at[..], &["p/", "--json"]].concat(), &text);
    assert_eq!(status, 0);
    let [audit] = &answers(&json)[..] else { panic!("one line: {json}") };
    assert_eq!(audit["rows"][0]["request"], "read `abc/p/…`");
    assert_eq!(audit["rows"][0]["decision"], "allowed");
    let (status, table, _) = condition(&[&at[..], &["q/"]].concat(), &text);
    assert_eq!(status, 1, "{table}");
    assert!(table.contains("deny   missing  read `abc/q/…`"), "{table}");
}

#[test]
fn invalid_input_is_shown_with_its_position() {
    let (status, _, error) = condition(&["explain"], "@Resource[a] StringEquals ‘x’");
    assert_eq!(status, 1);
    assert_eq!(error.lines().nth(1), Some("@Resource[a] StringEquals ‘x’"), "{error}");
    assert_eq!(error.lines().nth(2), Some("                          ^"), "{error}");
    let (status, out, _) = condition(&["lint"], "@Resource[a] StringEquals ‘x’");
    assert_eq!(status, 1);
    assert!(out.contains("[UNICODE_QUOTES]") && out.contains("repaired: "), "{out}");
    for (arguments, message) in [
        (&[][..], "no command"),
        (&["lnit"][..], "no command `lnit`"),
        (&["lint", "/no/such/file"][..], "/no/such/file"),
        (&["generate"][..], "--container"),
        (&["generate", "--container", "Abc"][..], "container `Abc` is not valid"),
        (&["generate", "--container", "abc", "--prefix", "it's/"][..], "quote"),
        (&["grant", "--account", "contoso", "--container", "abc"][..], "subscription"),
        (&["lint", "--jsn"][..], "--jsn"),
    ] {
        let (status, _, error) = condition(arguments, "");
        assert_eq!(status, 2, "{arguments:?}");
        assert!(error.contains(message), "{arguments:?}: {error}");
    }
}

#[test]
fn a_closed_output_does_not_cause_a_panic() {
    let condition = format!("NOT ActionMatches{{'{READ}'}}");
    let line = json!({ "condition": condition }).to_string();
    let grant = [
        "grant",
        "--account=contoso",
        "--container=abc",
        "--subscription=11111111-1111-4111-8111-111111111111",
        "--resource-group=vision",
        "--application=22222222-2222-4222-8222-222222222222",
    ];
    let audit = ["audit", "--account=contoso", "--container=abc"];
    for (arguments, input, expected) in [
        (&["explain"][..], &*condition, 0),
        (&["format"], &condition, 0),
        (&["lint"], "@Resource[a] StringEquals ‘x’", 1),
        (&["lint", "--json"], &line, 2),
        (&["explain"], "@Resource[", 1),
        (&audit, &condition, 1),
        (&["generate", "--container", "abc"], "", 0),
        (&grant, "", 0),
        (&["--help"], "", 0),
        (&["no-such-command"], "", 2),
    ] {
        for close_errors in [false, true] {
            let mut child = start(arguments);
            drop(child.stdout.take());
            if close_errors {
                drop(child.stderr.take());
            }
            // Commands without input may have ended already.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(expected), "{arguments:?}: {text}");
            assert!(!text.contains("panicked"), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn a_grant_overwrites_no_file_and_errors_name_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let grant = |folder: &std::path::Path, more: &[&str]| {
        let mut arguments = vec![
            "grant",
            "--account=contoso",
            "--container=abc",
            "--subscription=11111111-1111-4111-8111-111111111111",
            "--resource-group=vision",
            "--application=22222222-2222-4222-8222-222222222222",
            "--form=bicep",
            "--files",
            folder.to_str().unwrap(),
        ];
        arguments.extend(more);
        condition(&arguments, "")
    };
    assert_eq!(grant(folder.path(), &[]).0, 0);
    let files: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    let [file, ..] = &files[..] else { panic!("no file was written") };
    // Writing identical files again succeeds.
    assert_eq!(grant(folder.path(), &[]).0, 0);
    std::fs::write(file, "of somebody else").unwrap();
    let (status, _, error) = grant(folder.path(), &[]);
    let shown = file.display().to_string();
    assert!(
        status == 2 && error.contains(&shown) && error.contains("different content"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "of somebody else");
    let (status, _, error) = grant(&absent, &[]);
    assert!(status == 2 && error.contains(absent.to_str().unwrap()), "{error}");
    let (status, _, error) = grant(&absent, &["--step", "role"]);
    assert!(status == 2 && error.contains("either --files or --step"), "{error}");
}
