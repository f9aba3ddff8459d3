//! Programs that use this crate with other features and libraries build and run.
//!
//! They are in the workspace `tests/downstream`, and are built in `target/downstream`. The first build
//! takes minutes.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/downstream")
}

fn cargo(arguments: &[&str]) -> Output {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/downstream");
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root()).env("CARGO_TARGET_DIR", target);
    // The variables of the build that runs this test do not belong to the other one.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    // The compiler of this build: sqlx 0.9 has a `rust-toolchain.toml`, which rustup would follow.
    command.env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"));
    command.output().unwrap()
}

fn run(package: &str) -> String {
    let output = cargo(&["run", "--locked", "--quiet", "--package", package]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.ends_with("DONE\n"), "{printed}");
    printed
}

#[test]
fn a_service_with_aws_lc_calls_client_config_builder_and_syncs() {
    println!("{}", run("downstream-aws-lc"));
}

#[test]
fn a_service_without_a_provider_gets_an_error_that_names_the_features() {
    println!("{}", run("downstream-no-provider"));
}

#[test]
fn a_service_with_sqlx_0_8_aws_lc_and_object_store_syncs() {
    println!("{}", run("downstream-sqlx-0-8"));
}

#[test]
fn a_service_with_sqlx_0_9_syncs() {
    println!("{}", run("downstream-sqlx-0-9"));
}

/// Each provider is on only with its feature, whichever other features are on.
#[test]
fn no_feature_but_its_own_turns_on_a_provider_of_rustls() {
    let others = "azure,azure-core-1,object-store,parquet,reqwest-0-13,sqlite,sync,testing";
    for (chosen, ring, aws_lc) in
        [("", false, false), (",rustls-ring", true, false), (",rustls-aws-lc", false, true)]
    {
        let features = format!("{others}{chosen}");
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--no-default-features", "--features", &features])
            .args(["-e", "normal,build", "--prefix", "none", "-f", "{p} [{f}]"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let tree = String::from_utf8(output.stdout).unwrap();
        let rustls = tree.lines().find(|line| line.starts_with("rustls v")).unwrap();
        let features = rustls.split_once('[').unwrap().1.split_once(']').unwrap().0;
        let has = |name| features.split(',').any(|feature| feature == name);
        assert_eq!((has("ring"), has("aws_lc_rs")), (ring, aws_lc), "{chosen}: {rustls}");
        let version = rustls.split_once(" v").unwrap().1.split_once(' ').unwrap().0;
        let patch: u32 = version.strip_prefix("0.23.").unwrap().parse().unwrap();
        assert!(patch >= 45, "RUSTSEC-2026-0285: {version}");
    }
}
