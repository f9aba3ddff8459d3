//! Finds circles between the files of one folder.
//!
//! The rule: a file depends on every other file of its folder that it names, and these dependencies
//! form no circle.
//!
//! - A subfolder counts as one file of its folder.
//! - An item that `mod.rs` re-exports belongs to the file that defines it.
//! - `mod.rs` and `lib.rs` are left out: they are the front of their folder, so they know its files, and
//!   the files may use the types that they define.
//! - Unit tests are left out: lines after `#[cfg(test)]`, and modules declared there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use regex::Regex;

static DECLARATION: LazyLock<Regex> = LazyLock::new(|| regex(r"\bmod (\w+)\s*;"));
static IMPORT: LazyLock<Regex> = LazyLock::new(|| regex(r"\buse\s+([^;]+);"));
/// A path of at least two segments, with the `::` that may precede it.
static PATH: LazyLock<Regex> = LazyLock::new(|| regex(r"(::\s*)?((?:\w+\s*::\s*)+\w+)"));
static TEST: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*#\[cfg\((?:test\b|all\(test\b)"));
/// A comment or a literal. The last alternative is not a lifetime, which has no closing quote.
static LITERAL: LazyLock<Regex> = LazyLock::new(|| {
    let alternatives = [
        r"//[^\n]*|/\*.*?\*/",
        r##"b?r#".*?"#|b?r".*?""##,
        r#"b?"(?:\\.|[^"\\])*""#,
        r"b?'(?:\\.[^']*|[^\\'])'",
    ];
    regex(&format!("(?s){}", alternatives.join("|")))
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// The path of a module below the crate's root; the root itself is empty.
type Module = Vec<String>;

/// A set of files of one folder in which each depends on each, perhaps through others.
#[derive(Debug)]
pub struct Circle {
    /// The folder below `src`, or `.` for `src` itself.
    pub folder: String,
    pub files: BTreeSet<String>,
    /// The dependencies that form the circle, for a person to read.
    pub uses: Vec<String>,
}

/// What one file names.
struct Source {
    /// The child modules that it declares outside of tests.
    children: BTreeSet<String>,
    /// The name that each `use` brings in, and its path.
    imports: Vec<(String, Vec<String>)>,
    /// All other paths with at least two segments.
    paths: Vec<Vec<String>>,
}

/// The modules of a crate.
pub struct Modules(BTreeMap<Module, Source>);

impl Modules {
    /// Reads the crate whose `lib.rs` is in this folder.
    pub fn read(source: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut open = vec![(Module::new(), source.join("lib.rs"), source.to_path_buf())];
        while let Some((module, file, folder)) = open.pop() {
            let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
            let source = Source::parse(&text);
            for child in &source.children {
                let mut path = module.clone();
                path.push(child.clone());
                let inner = folder.join(child);
                let (alone, front) = (folder.join(format!("{child}.rs")), inner.join("mod.rs"));
                open.push((path, if front.exists() { front } else { alone }, inner));
            }
            modules.insert(module, source);
        }
        Self(modules)
    }

    /// Returns the circles of all folders.
    pub fn circles(&self) -> Vec<Circle> {
        let mut folders = BTreeMap::<Module, BTreeMap<(String, String), String>>::new();
        for (module, source) in &self.0 {
            let imports = source.imports.iter().map(|(_, path)| path);
            for path in imports.chain(&source.paths) {
                let Some(definer) = self.absolute(module, path).map(|path| self.definer(path, 0))
                else {
                    continue;
                };
                let shared = module.iter().zip(&definer).take_while(|(a, b)| a == b).count();
                // If one of the two is the front of the folder, there is no next segment.
                let (Some(from), Some(to)) = (module.get(shared), definer.get(shared)) else {
                    continue;
                };
                let text = format!("{}: {}", module.join("/"), path.join("::"));
                let edges = folders.entry(module[..shared].to_vec()).or_default();
                edges.entry((from.clone(), to.clone())).or_insert(text);
            }
        }
        folders.iter().flat_map(|(folder, edges)| circles_of(folder, edges)).collect()
    }

    /// Returns the path from the root, or `None` if it does not lead into this crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Module> {
        let first = path.first()?.as_str();
        match first {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                let kept = module.len().checked_sub(ups)?;
                Some([&module[..kept], &path[ups..]].concat())
            }
            _ if self.0[module].children.contains(first) => Some([module, path].concat()),
            _ => None,
        }
    }

    /// Returns the module that defines what an absolute path names, through re-exports.
    fn definer(&self, path: Module, depth: usize) -> Module {
        let is_module = |length: &usize| self.0.contains_key(&path[..*length]);
        let length = (0..=path.len()).take_while(is_module).last().unwrap_or_default();
        let module = path[..length].to_vec();
        // More steps than any chain of re-exports has: a name that leads back to itself.
        let Some(name) = path.get(length).filter(|_| depth < 8) else { return module };
        let import = self.0[&module].imports.iter().find(|(imported, _)| imported == name);
        match import.and_then(|(_, target)| self.absolute(&module, target)) {
            Some(target) if target != path[..=length] => {
                self.definer([&target, &path[length + 1..]].concat(), depth + 1)
            }
            _ => module,
        }
    }
}

/// Returns the circles of one folder, from its dependencies with a text for each.
fn circles_of(folder: &[String], edges: &BTreeMap<(String, String), String>) -> Vec<Circle> {
    let files: BTreeSet<_> = edges.keys().flat_map(|(from, to)| [from, to]).collect();
    let reached_from = |start: &String| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(file) = open.pop() {
            for (_, to) in edges.keys().filter(|(from, _)| from == file) {
                if reached.insert(to) {
                    open.push(to);
                }
            }
        }
        reached
    };
    let reach: BTreeMap<_, _> = files.iter().map(|file| (*file, reached_from(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in reach.iter().filter(|(file, reached)| reached.contains(*file)) {
        let both = reached.iter().filter(|other| reach[**other].contains(*file));
        circles.insert(both.map(|other| (*other).clone()).collect::<BTreeSet<_>>());
    }
    let folder = if folder.is_empty() { ".".to_owned() } else { folder.join("/") };
    let circles = circles.into_iter().map(|files| {
        let inside = |(from, to): &(&String, &String)| files.contains(*from) && files.contains(*to);
        let inner = edges.iter().filter(|((from, to), _)| inside(&(from, to)));
        let uses = inner.map(|((from, to), text)| format!("{from} -> {to} ({text})")).collect();
        Circle { folder: folder.clone(), files, uses }
    });
    circles.collect()
}

impl Source {
    fn parse(text: &str) -> Self {
        let code = without_tests(&without_text(text));
        let mut imports = Vec::new();
        for tree in IMPORT.captures_iter(&code) {
            expand(&tree[1], &[], &mut imports);
        }
        let body = IMPORT.replace_all(&code, "");
        let paths = PATH.captures_iter(&body).filter(|path| path.get(1).is_none());
        Self {
            children: DECLARATION.captures_iter(&code).map(|name| name[1].to_owned()).collect(),
            imports,
            paths: paths.map(|path| segments(&path[2])).collect(),
        }
    }
}

fn segments(path: &str) -> Vec<String> {
    let segments = path.split("::").map(str::trim).filter(|segment| !segment.is_empty());
    segments.map(str::to_owned).collect()
}

/// Adds each name that the tree of a `use` brings in, with its path.
fn expand(tree: &str, before: &[String], imports: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    if let Some((start, group)) = tree.split_once('{') {
        let before = [before, &segments(start)].concat();
        let group = group.strip_suffix('}').expect("a group of `use` ends with a brace");
        let (mut depth, mut from) = (0, 0);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&group[from..at], &before, imports);
                    from = at + 1;
                }
                _ => {}
            }
        }
        return expand(&group[from..], &before, imports);
    }
    if tree.is_empty() {
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(p, a)| (p, Some(a.trim())));
    let mut path = [before, &segments(path)].concat();
    path.pop_if(|last| last == "self");
    if let Some(name) = alias.map(str::to_owned).or_else(|| path.last().cloned()) {
        imports.push((name, path));
    }
}

/// Removes comments, and the contents of literals.
fn without_text(text: &str) -> String {
    let replace = |found: &regex::Captures<'_>| {
        if found[0].starts_with('/') { " ".to_owned() } else { "\"\"".to_owned() }
    };
    LITERAL.replace_all(text, replace).into_owned()
}

/// Removes the items that only tests compile. Assumes the layout of rustfmt: an item ends with a line
/// that closes its brace at the column where the item began.
fn without_tests(code: &str) -> String {
    let (mut kept, mut lines) = (String::new(), code.lines());
    while let Some(line) = lines.next() {
        if !TEST.is_match(line) {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let end = format!("{}}}", " ".repeat(line.len() - line.trim_start().len()));
        let mut item = lines.by_ref().skip_while(|line| line.trim_start().starts_with("#["));
        let first = item.next().unwrap_or_default();
        if !first.trim_end().ends_with([';', ',', '}']) {
            item.find(|line| line.trim_end().trim_end_matches([',', ';']) == end);
        }
    }
    kept
}

/// Writes a crate of these files, and returns the files of each circle.
fn circles_in(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let circles = Modules::read(folder.path()).circles();
    let text = |circle: &Circle| {
        let files: Vec<_> = circle.files.iter().map(String::as_str).collect();
        format!("{}: {}", circle.folder, files.join(" "))
    };
    circles.iter().map(text).collect()
}

#[test]
fn a_circle_is_found_through_paths_re_exports_and_subfolders() {
    let found = circles_in(&[
        ("lib.rs", "mod outer;\nmod other;"),
        ("other.rs", "fn f() { crate::outer::A; }"),
        ("outer/mod.rs", "mod a;\nmod b;\nmod c;\npub use self::{a::A, b::{B as Better}};"),
        ("outer/a.rs", "use super::Better;"),
        ("outer/b.rs", "fn f() { super::c::inner::g() }"),
        ("outer/c/mod.rs", "pub mod inner;"),
        ("outer/c/inner.rs", "use crate::outer::{A, a};"),
    ]);
    assert_eq!(found, ["outer: a b c"]);
    let found = circles_in(&[
        ("lib.rs", "mod a;\nmod b;\npub use a::A;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "pub struct B(crate::A);"),
    ]);
    assert_eq!(found, [".: a b"]);
}

#[test]
fn the_front_of_a_folder_comments_literals_and_tests_make_no_circle() {
    let found = circles_in(&[
        ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod tests;\npub struct C(a::A);"),
        ("a.rs", "use crate::C;\n// crate::b::B\nconst S: &str = \"crate::b::B\";\n"),
        (
            "b.rs",
            "use crate::a;\n#[cfg(test)]\nmod tests {\n    use super::*;\n    fn f() {}\n}\nuse crate::a::A;",
        ),
    ]);
    assert_eq!(found, [""; 0]);
    let found = circles_in(&[
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n"),
        ("b.rs", "use crate::a;"),
    ]);
    assert_eq!(found, [""; 0]);
}
