//! Which room may use which, and what a build without features brings along.

use std::{fs, path::Path, process::Command};

/// A room, and the rooms that it may not use
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("name", &["cloud", "error", "connection", "store", "scan", "sink", "validate", "testing"]),
    (
        "backoff.rs",
        &["cloud", "error", "connection", "store", "scan", "sink", "validate", "testing"],
    ),
    (
        "clock.rs",
        &["cloud", "error", "name", "connection", "store", "scan", "sink", "validate", "testing"],
    ),
    ("error", &["cloud", "name", "connection", "store", "scan", "sink", "validate", "testing"]),
    ("cloud", &["error", "connection", "store", "scan", "sink", "validate", "testing"]),
    ("connection", &["error", "store", "scan", "sink", "validate", "testing"]),
    (
        "condition",
        &["cloud", "error", "connection", "grant", "store", "scan", "sink", "validate", "testing"],
    ),
    ("grant", &["error", "store", "scan", "sink", "validate", "testing"]),
    ("store/mod.rs", &["connection", "cloud", "scan", "sink", "validate", "testing"]),
    ("store/blob.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/digest.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/memory.rs", &["connection", "cloud", "scan", "sink", "validate", "testing"]),
    ("store/page", &["connection", "cloud", "scan", "sink", "validate", "testing"]),
    ("store/inspect.rs", &["connection", "cloud", "probe", "scan", "sink", "validate", "testing"]),
    ("probe", &["scan", "sink", "validate", "testing", "sync"]),
    ("store/azure", &["probe", "scan", "sink", "validate", "testing"]),
    (
        "lifecycle.rs",
        &[
            "cloud",
            "name",
            "connection",
            "grant",
            "store",
            "scan",
            "sink",
            "sync",
            "validate",
            "testing",
        ],
    ),
    ("validate", &["connection", "cloud", "scan", "sink", "sync", "testing"]),
    ("scan", &["connection", "cloud", "testing"]),
    ("sync", &["connection", "cloud", "probe", "testing"]),
    ("sink", &["connection", "cloud", "name", "scan", "sync", "testing"]),
];

/// All files of a folder but what Cargo built there
fn files(path: &Path, found: &mut Vec<(String, String)>) {
    if path.ends_with("target") {
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else {
        found.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    }
}

/// The lines of a file that are code, and no unit tests: these stand last
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn each_room_uses_only_what_it_may() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, forbidden) in FORBIDDEN {
        let mut found = Vec::new();
        files(&source.join(room), &mut found);
        for (path, text) in &found {
            // `use crate::{a::X, b}` over several lines, and `crate::a` in between.
            let code: String = code(text).collect::<Vec<_>>().join(" ");
            for other in *forbidden {
                let paths = [format!("crate::{other}::"), format!("crate::{{{other}::")];
                let grouped = code.split("use crate::{").skip(1).any(|group| {
                    let group = group.split(';').next().unwrap();
                    group.split([' ', ',', '{']).any(|word| word.starts_with(&format!("{other}::")))
                });
                assert!(!grouped && !paths.iter().any(|p| code.contains(p)), "{path} uses {other}");
            }
        }
    }
}

#[test]
fn only_the_azure_room_names_the_sdk() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    for (path, text) in found.iter().filter(|(path, _)| !path.contains("store/azure")) {
        let named = code(text).any(|line| {
            ["azure_core::", "azure_identity::", "azure_storage_blob::", "reqwest::"]
                .iter()
                .any(|sdk| line.contains(sdk))
        });
        assert!(!named, "{path}");
    }
}

#[test]
fn each_format_is_named_by_its_sink_alone() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    for (format, home) in [(" ::parquet::", "sink/parquet.rs"), ("rusqlite::", "sink/sqlite.rs")] {
        let named = |text: &str| code(text).any(|line| line.contains(format));
        let homes: Vec<_> = found.iter().filter(|(_, text)| named(text)).collect();
        assert!(homes.iter().all(|(path, _)| path.ends_with(home)), "{format} in {homes:?}");
        assert_eq!(homes.len(), 1, "{format}");
    }
}

/// No type of them may be in ours, or their next version would be ours
#[test]
fn no_format_is_in_the_public_interface() {
    for home in ["parquet.rs", "sqlite.rs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sink").join(home);
        let text = fs::read_to_string(path).unwrap();
        let public = code(&text).filter(|line| line.trim_start().starts_with("pub "));
        let public: Vec<_> = public.collect();
        assert!(public.len() >= 2, "{public:?}");
        for foreign in ["parquet::", "rusqlite", "Connection", "Writer", "ParquetError"] {
            assert!(!public.iter().any(|line| line.contains(foreign)), "{home}: {public:?}");
        }
    }
}

#[test]
fn files_stay_short() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    for (path, text) in found.iter().filter(|(path, _)| path.ends_with(".rs")) {
        assert!(text.lines().count() <= 600, "{path} is too long");
    }
}

#[test]
fn without_features_there_is_no_sdk_and_no_http() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--no-default-features", "-e", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.starts_with("azure-asset-sync "), "{tree}");
    for line in tree.lines().skip(1) {
        let heavy = [
            "azure_",
            "typespec",
            "reqwest",
            "hyper",
            "rustls",
            "ring ",
            "arrow",
            "parquet",
            "rusqlite",
            "libsqlite3",
        ];
        assert!(!heavy.iter().any(|name| line.starts_with(name)), "{line}");
    }
}
