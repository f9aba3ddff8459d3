//! No package in the lock file needs a newer Rust version than Cargo.toml promises.

use std::process::Command;

fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap()).collect()
}

#[test]
fn no_dependency_needs_a_newer_rust_than_we_promise() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1", "--all-features"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let promised = version(env!("CARGO_PKG_RUST_VERSION"));
    for package in packages {
        let Some(wanted) = package["rust_version"].as_str() else { continue };
        assert!(version(wanted)[..2] <= promised[..2], "{} needs {wanted}", package["name"]);
    }
}
