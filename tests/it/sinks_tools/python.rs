//! Extracts the Python calls from the documentation of the sinks, and runs them.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Python code from the documentation of a sink, which sets `table`.
pub struct Call(String);

impl Call {
    /// Returns the modules that must be installed.
    fn modules(&self) -> Vec<&str> {
        let imports = self.0.lines().filter_map(|line| line.strip_prefix("import "));
        let froms = self.0.lines().filter_map(|line| line.strip_prefix("from "));
        let modules = imports.chain(froms).map(|rest| rest.split([' ', '.']).next().unwrap());
        // Readers of pandas and images of datasets need additional modules.
        let more = [
            ("parquet", "pandas", "pyarrow"),
            ("imagefolder", "datasets", "PIL"),
            (".zst", "pandas", "zstandard"),
        ];
        let more = more
            .into_iter()
            .filter(|(word, module, _)| self.0.contains(word) && self.0.contains(module));
        modules.chain(more.map(|(_, _, module)| module)).collect()
    }

    fn is_installed(&self, python: &str) -> bool {
        self.modules().iter().all(|module| {
            let find = "import importlib.util as u, sys; sys.exit(not u.find_spec(sys.argv[1]))";
            let found = Command::new(python).args(["-c", find, module]).output();
            let is_found = found.is_ok_and(|output| output.status.success());
            if !is_found {
                // Written to the stream directly, because the harness hides the output of a passing test.
                let say =
                    format!("!! {python} has no module `{module}`: a file was not read with it\n");
                std::io::stderr().write_all(say.as_bytes()).unwrap();
            }
            is_found
        })
    }
}

/// Returns the calls in the documentation of a source file.
pub fn calls(source: &str) -> Vec<Call> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(source);
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines =
        text.lines().filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")));
    let mut calls = Vec::new();
    while lines.any(|line| line == " ```python") {
        let code = lines.by_ref().take_while(|line| *line != " ```");
        let code: Vec<_> = code.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        calls.push(Call(code.join("\n")));
    }
    calls
}

/// Runs the calls in each folder, and returns the rows that differ from the expected ones.
///
/// A call whose tool is not installed is skipped with a notice.
pub fn run(calls: &[Call], root: &Path, folders: &[PathBuf]) -> Vec<Value> {
    assert!(!calls.is_empty(), "the documentation contains no call");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let calls: Vec<_> = calls.iter().filter(|call| call.is_installed(&python)).collect();
    if calls.is_empty() {
        return Vec::new();
    }
    let codes: Value = calls.iter().map(|call| call.0.as_str()).collect();
    let file = root.join("calls.json");
    std::fs::write(&file, codes.to_string()).unwrap();
    let output = Command::new(&python)
        .args(["-c", include_str!("compare.py")])
        .arg(file)
        .args(folders)
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_DATASETS_CACHE", root.join("cache"))
        .env("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}
