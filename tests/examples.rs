//! The examples, as a newcomer runs them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// `cargo test` builds the examples beside the tests
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let path: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: run the tests without `--test`", path.display());
    Command::new(path)
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
fn sync_says_what_is_wrong_with_its_arguments() {
    let (code, text) = fail(example("sync").arg("--nonsense"));
    assert!(code == 2 && text.contains("usage:"), "{code}: {text}");
    let (code, text) = fail(example("sync").args(["--account", "Contoso", "--container", "x"]));
    assert!(code == 1 && text.contains("did you mean `contoso`?"), "{code}: {text}");
    let (code, text) = fail(example("sync").arg("no-such-folder"));
    assert!(code == 1 && text.contains("no-such-folder"), "{code}: {text}");
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
