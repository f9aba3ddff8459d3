//! Creates certificates of service principals with OpenSSL, as their owners do.

use std::{fs, path::Path, process::Command};

/// Returns the key and the certificate as one PEM text, and the certificate alone.
pub fn make(options: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=test"])
        .args(options)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("this test makes its certificate with `openssl`: install it");
    assert!(output.status.success(), "{output:?}");
    let certificate = fs::read_to_string(certificate).unwrap();
    (format!("{}{certificate}", fs::read_to_string(key).unwrap()), certificate)
}

/// Returns the output of OpenSSL for a file, which is passed after `-in` or as the last argument.
#[allow(dead_code, reason = "the binary `logs` includes this file and converts no certificate")]
pub fn run(file: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments);
    if arguments.last() != Some(&"-key") {
        command.arg("-in");
    }
    let output = command.arg(file).output().expect("this test needs `openssl`: install it");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}
