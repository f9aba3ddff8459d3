//! The structure of the crate: which module may use which, no circles between the files of a folder,
//! short files, and what a build without features depends on.

mod circles;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use self::circles::Modules;

/// A module, and the modules that it must not use.
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
    (
        "observe",
        &[
            "cloud",
            "connection",
            "name",
            "probe",
            "store",
            "scan",
            "sink",
            "sync",
            "validate",
            "testing",
        ],
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
    (
        "store/content_type.rs",
        &["connection", "cloud", "error", "scan", "sink", "validate", "testing"],
    ),
    (
        "store/deserialize.rs",
        &["connection", "cloud", "error", "scan", "sink", "validate", "testing"],
    ),
    ("store/etag.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/listing.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/metadata.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/order.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/request.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/text.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/time.rs", &["connection", "cloud", "error", "scan", "sink", "validate", "testing"]),
    ("store/link.rs", &["connection", "cloud", "scan", "sink", "validate", "testing"]),
    ("store/memory.rs", &["connection", "cloud", "scan", "sink", "validate", "testing"]),
    (
        "store/object_store",
        &["connection", "cloud", "probe", "scan", "sink", "validate", "testing", "sync"],
    ),
    ("store/page", &["connection", "cloud", "scan", "sink", "validate", "testing"]),
    ("store/inspect.rs", &["connection", "cloud", "probe", "scan", "sink", "validate", "testing"]),
    ("probe", &["scan", "sink", "validate", "testing", "sync"]),
    ("store/azure", &["probe", "scan", "sink", "validate", "testing"]),
    (
        "lifecycle.rs",
        &["cloud", "name", "connection", "grant", "store", "scan", "sink", "validate", "testing"],
    ),
    ("validate", &["connection", "cloud", "scan", "sink", "sync", "testing"]),
    ("scan", &["connection", "cloud", "preview", "sync", "testing"]),
    ("preview", &["connection", "cloud", "probe", "sink", "sync", "testing"]),
    ("sync", &["connection", "cloud", "probe", "testing"]),
    ("sink", &["connection", "cloud", "name", "scan", "sync", "testing"]),
];

/// A folder, files of it that may form a circle, and the reason. The aim is an empty list.
const CIRCLES: &[(&str, &[&str], &str)] = &[];

/// Reads all files below a folder, except those that Cargo has built there.
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

fn source() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns the lines of a file that are code, without unit tests: these are at the end.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn each_module_uses_only_the_modules_that_it_may() {
    for (module, forbidden) in FORBIDDEN {
        let mut found = Vec::new();
        files(&source().join(module), &mut found);
        for (path, text) in &found {
            // A group in `use crate::{a::X, b}` can span several lines; `crate::a` can be anywhere.
            let code: String = code(text).collect::<Vec<_>>().join(" ");
            for other in *forbidden {
                let paths = [format!("crate::{other}::"), format!("crate::{{{other}::")];
                let grouped = code.split("use crate::{").skip(1).any(|group| {
                    let group = group.split(';').next().unwrap();
                    group.split([' ', ',', '{']).any(|word| word.starts_with(&format!("{other}::")))
                });
                let is_used = grouped || paths.iter().any(|path| code.contains(path));
                assert!(!is_used, "{path} must not use the module `{other}`");
            }
        }
    }
}

#[test]
fn the_files_of_a_folder_form_no_circle() {
    let circles = Modules::read(&source()).circles();
    for circle in &circles {
        let is_excepted = CIRCLES.iter().any(|(folder, files, _)| {
            *folder == circle.folder && circle.files.iter().all(|file| files.contains(&&**file))
        });
        let uses = circle.uses.join("\n  ");
        let (folder, files) = (&circle.folder, &circle.files);
        assert!(is_excepted, "these files of `{folder}` form a circle: {files:?}\n  {uses}");
    }
    for (folder, files, _) in CIRCLES {
        let in_circles: BTreeSet<_> = circles
            .iter()
            .filter(|circle| circle.folder == *folder)
            .flat_map(|circle| circle.files.iter().map(String::as_str))
            .collect();
        let needless: Vec<_> = files.iter().filter(|file| !in_circles.contains(**file)).collect();
        assert!(
            needless.is_empty(),
            "remove {needless:?} from the exception for `{folder}`: they are in no circle"
        );
    }
}

#[test]
fn only_the_azure_store_names_the_sdk() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    for (path, text) in found.iter().filter(|(path, _)| !path.contains("store/azure")) {
        let named = code(text).find(|line| {
            ["azure_core::", "azure_identity::", "azure_storage_blob::", "reqwest::"]
                .iter()
                .any(|sdk| line.contains(sdk))
        });
        assert_eq!(named, None, "{path} names the SDK");
    }
}

#[test]
fn only_its_adapters_name_the_object_store_crate() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let names = |text: &str| code(text).any(|line| line.contains("::object_store::{"));
    let homes: Vec<_> = found.iter().filter(|(_, text)| names(text)).collect();
    assert!(homes.len() >= 4);
    // The store, and the state of a job.
    let folders = ["store/object_store/", "sync/object_state/"];
    let is_home = |path: &str| folders.iter().any(|folder| path.contains(folder));
    assert!(homes.iter().all(|(path, _)| is_home(path)), "{homes:?}");
}

#[test]
fn only_the_sink_of_a_format_names_its_crate() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    for (format, home) in [(" ::parquet::", "sink/parquet.rs"), ("rusqlite::", "sink/sqlite.rs")] {
        let named = |text: &str| code(text).any(|line| line.contains(format));
        let homes: Vec<_> = found.iter().filter(|(_, text)| named(text)).collect();
        assert!(homes.iter().all(|(path, _)| path.ends_with(home)), "{format} in {homes:?}");
        assert_eq!(homes.len(), 1, "{format}");
    }
}

/// If the public interface had a type of such a crate, its next major version would force ours.
#[test]
fn the_public_interface_has_no_type_of_a_format_crate() {
    for home in ["parquet.rs", "sqlite.rs"] {
        let text = fs::read_to_string(source().join("sink").join(home)).unwrap();
        let public = code(&text).filter(|line| line.trim_start().starts_with("pub "));
        let public: Vec<_> = public.collect();
        assert!(public.len() >= 2, "{public:?}");
        for foreign in ["parquet::", "rusqlite", "Connection", "Writer", "ParquetError"] {
            assert!(!public.iter().any(|line| line.contains(foreign)), "{home}: {public:?}");
        }
    }
}

#[test]
fn no_file_has_more_than_500_lines() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    for (path, text) in found.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let lines = text.lines().count();
        assert!(lines <= 500, "{path} has {lines} lines: split it");
    }
}

#[test]
fn a_build_without_features_has_no_sdk_and_no_http_client() {
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
            "object_store",
        ];
        assert!(!heavy.iter().any(|name| line.starts_with(name)), "{line}");
    }
}
