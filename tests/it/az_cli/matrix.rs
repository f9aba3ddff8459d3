//! For each prefix, shape and form, the steps of a grant have the intended effect, can be repeated, and
//! leave nothing after a revocation.
//!
//! The default is one prefix for each form and shape. `MATRIX=all` runs all prefixes, as
//! `scripts/grant-matrix` does, and takes an hour on two cores.

use std::{
    io::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use azure_asset_sync::grant::{Form, Shape, Step};

use super::{
    case::{Case, PREFIX, STEPS, builder, connection, without_descriptions},
    fake::{Directory, PRINCIPAL},
    machine::{Machine, Shell, find, find_az},
    prefixes::PREFIXES,
    rest::Person,
};

/// The forms, and the shell for each.
const FORMS: [(Form, Shell); 5] = [
    (Form::AzBash, Shell::Bash),
    (Form::AzBash, Shell::Zsh),
    (Form::AzBash, Shell::GitBash),
    (Form::Arm, Shell::Bash),
    (Form::Rest, Shell::Bash),
];

/// Runs a step, and checks whether it succeeds. Returns the number of requests.
fn take(case: &Case<'_>, step: Step, ok: bool) -> Result<usize, String> {
    let (is_ok, requests, text) = match case.pack.form {
        Form::Rest => match Person::new(case).follow(step) {
            Ok(requests) => (true, requests, String::new()),
            Err(what) => (false, 0, what),
        },
        _ => {
            let outcome = case.run(step);
            (outcome.ok, outcome.requests.len(), outcome.to_string())
        }
    };
    if is_ok == ok { Ok(requests) } else { Err(format!("{step:?}: {text}")) }
}

/// Runs a step, and compares the directory after it. Returns the number of requests.
fn expect(case: &Case<'_>, step: Step, ok: bool, wanted: &Directory) -> Result<usize, String> {
    let requests = take(case, step, ok)?;
    let is = without_descriptions(&case.machine.fake.directory());
    match is == *wanted {
        true => Ok(requests),
        false => Err(format!("{step:?}: {is:#?}\n{wanted:#?}")),
    }
}

/// Runs all steps twice. Returns the number of requests.
fn check(case: &Case<'_>, first_of_its_kind: bool) -> Result<usize, String> {
    let fake = &case.machine.fake;
    let before = fake.directory();
    let applied = case.applied_to(before.clone());
    if !first_of_its_kind {
        // The effects of these two steps do not depend on the prefix.
        let mut directory = applied.clone();
        directory.assignments.clone_from(&before.assignments);
        directory.roles.clone_from(&before.roles);
        fake.state().directory = directory;
    }
    let mut requests = 0;
    for step in STEPS {
        let depends_on_prefix = matches!(step, Step::Apply | Step::ReadBack);
        if depends_on_prefix || first_of_its_kind {
            requests += take(case, step, true)?;
        }
    }
    let is = without_descriptions(&fake.directory());
    if is != applied {
        return Err(format!("applied: {is:#?}\n{applied:#?}"));
    }
    requests += expect(case, Step::Apply, true, &applied)?;

    let mut older = applied.clone();
    let mine = older.assignments.iter_mut().filter(|known| known.principal == PRINCIPAL);
    for assignment in mine {
        if let Some(condition) = &mut assignment.condition {
            condition.push(' ');
        }
    }
    if older != applied {
        fake.state().directory = older.clone();
        requests += expect(case, Step::ReadBack, false, &older)?;
        requests += expect(case, Step::Update, true, &applied)?;
    }

    let mut revoked = applied;
    revoked.assignments = before.assignments;
    revoked.roles = before.roles;
    requests += expect(case, Step::Revoke, true, &revoked)?;
    Ok(requests)
}

/// Returns whether the program for a form is installed. Prints a notice if it is not.
fn is_there(form: Form, shell: Shell) -> bool {
    let program = match (form, shell) {
        (Form::Rest, _) => "curl",
        (_, Shell::Zsh) => "zsh",
        _ => "bash",
    };
    let found = find(program).is_some();
    if !found {
        say(&format!("!! no {program}: the packs were not run with it"));
    }
    found
}

/// Prints a line that is visible even if the test passes.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[test]
fn each_form_works_with_each_shape_and_prefix() {
    let Some(az) = find_az() else { return };
    let all = std::env::var("MATRIX").is_ok_and(|value| value == "all");
    let prefixes = if all { &PREFIXES[..] } else { &[PREFIX] };
    let forms: Vec<_> = FORMS.into_iter().filter(|(form, shell)| is_there(*form, *shell)).collect();
    let mut cases = Vec::new();
    for (n, prefix) in prefixes.iter().enumerate() {
        for (form, shell) in &forms {
            // Other tests cover bash with each shape.
            let shapes = match (all, shell, form) {
                (true, ..) => Shape::ALL,
                (false, Shell::Bash, Form::AzBash) => &[],
                (false, ..) => &Shape::ALL[1..2],
            };
            cases.extend(shapes.iter().map(|shape| (*form, *shell, *shape, *prefix, n == 0)));
        }
    }
    let (next, done, requests) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong = Mutex::new(Vec::new());
    let started = Instant::now();
    let work = || {
        let machine = Machine::new(&az);
        while let Some((form, shell, shape, prefix, first)) =
            cases.get(next.fetch_add(1, Ordering::Relaxed))
        {
            machine.reset();
            let connection = connection("training", prefix);
            let case = Case::in_form(&machine, builder(&connection, *shape), *form, *shell);
            match check(&case, *first) {
                Ok(count) => {
                    requests.fetch_add(count, Ordering::Relaxed);
                }
                Err(what) => {
                    let line = format!("{form}, {shell:?}, {shape}, {prefix:?}: {what}");
                    wrong.lock().unwrap().push(line);
                }
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if all && (done % 50 == 0 || done == cases.len()) {
                say(&format!(
                    "{done} of {} cases, {} wrong, {} requests, {} s",
                    cases.len(),
                    wrong.lock().unwrap().len(),
                    requests.load(Ordering::Relaxed),
                    started.elapsed().as_secs()
                ));
            }
        }
        machine.assert_no_strays();
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} wrong\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}
