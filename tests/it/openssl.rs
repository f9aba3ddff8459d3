//! Certificates of service principals, made by OpenSSL as their owners would.

use std::{fs, path::Path, process::Command};

/// Key and certificate as one PEM text, and the certificate alone
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

/// What OpenSSL makes of a file, which it takes after `-in` or as the last argument
#[allow(dead_code, reason = "not every test that makes a certificate converts it")]
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
