//! The blocks for PowerShell and cmd pass the intended arguments, by the quoting rules of these shells.

use azure_asset_sync::{
    condition::Limit,
    grant::{Form, Shape, Step},
};
use serde_json::Value as Json;

use super::{ODD, after, builder, condition, connection};

/// Returns the single-quoted texts of a line of PowerShell, by the rules of about_Quoting_Rules.
fn powershell_texts(line: &str) -> Vec<String> {
    let is_quote = |c: char| matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}');
    let mut found = Vec::new();
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '"' {
            characters.by_ref().find(|c| *c == '"');
        }
        if !is_quote(c) {
            continue;
        }
        let mut text = String::new();
        while let Some(c) = characters.next() {
            match (is_quote(c), characters.peek().is_some_and(|next| is_quote(*next))) {
                (true, true) => text.extend(characters.next()),
                (true, false) => break,
                (false, _) => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

#[test]
fn powershell_passes_the_exact_condition() {
    let (mut passed, mut refused) = (0, 0);
    for prefix in ODD {
        let connection = connection(prefix);
        let grant = builder(&connection).build().unwrap();
        let wanted = condition(&grant);
        let pack = grant.pack(Form::PowerShell).unwrap();
        for step in [Step::Apply, Step::ReadBack, Step::Update] {
            let texts: Vec<_> =
                pack.step(step).unwrap().lines().flat_map(powershell_texts).collect();
            assert!(texts.contains(&wanted), "{prefix} {step:?}: {texts:?}");
        }
        // On Windows `az` is a batch file, which cannot receive every character.
        let grant = builder(&connection).resource_group("vision").build().unwrap();
        match grant.pack(Form::AzPowerShell) {
            Err(error) => {
                refused += 1;
                assert!(prefix.contains(['"', '%']), "{prefix}: {error}");
                assert!(error.to_string().contains("bash"), "{error}");
            }
            Ok(pack) => {
                passed += 1;
                assert!(!prefix.contains(['"', '%']), "{prefix}");
                let texts: Vec<_> =
                    pack.step(Step::Apply).unwrap().lines().flat_map(powershell_texts).collect();
                assert!(texts.contains(&wanted), "{prefix}: {texts:?}");
                let update = pack.step(Step::Update).unwrap();
                let body =
                    update.lines().flat_map(powershell_texts).find(|text| text.starts_with('{'));
                let body: Json = serde_json::from_str(&body.unwrap()).unwrap();
                assert_eq!(body["properties"]["condition"], wanted);
            }
        }
    }
    assert_eq!((passed, refused), (7, 3));
}

#[test]
fn values_that_the_batch_file_of_az_would_change_are_refused() {
    let connection = connection("");
    let error = builder(&connection).build().unwrap().pack(Form::AzPowerShell).unwrap_err();
    assert!(error.to_string().contains("without quotes"), "{error}");
    let mut limit = Limit::container(connection.container());
    for n in 0..118 {
        limit = limit.or_container(&format!("{n:0>60}").parse().unwrap());
    }
    let grant = builder(&connection).resource_group("vision").limit(limit).build().unwrap();
    for form in Form::ALL {
        match grant.pack(*form) {
            Ok(_) => assert!(!matches!(form, Form::AzCmd | Form::AzPowerShell), "{form}"),
            Err(error) => assert!(error.to_string().contains("8,191"), "{form}: {error}"),
        }
    }
}

#[test]
fn every_command_in_powershell_is_checked() {
    let connection = connection("hall-3/");
    for shape in Shape::ALL {
        let builder = builder(&connection).resource_group("vision").shape(*shape);
        let grant = builder.origin("https://app.contoso.com").build().unwrap();
        let pack = grant.pack(Form::AzPowerShell).unwrap();
        for step in Step::ALL {
            let text = pack.step(*step).unwrap();
            assert!(text.starts_with("& {\n") && text.ends_with("\n}"), "{text}");
            let mut lines = text.lines().peekable();
            while let Some(line) = lines.next() {
                let is_az = line.trim_start().starts_with("az ") || line.contains("= az ");
                let shows = line.ends_with("| Out-Host") || line.contains("az account show");
                if is_az && !shows {
                    assert_eq!(lines.peek().map(|l| l.trim()), Some("Assert-Az"), "{line}");
                }
            }
        }
        // A body that is too long for a command is written to a file, which is removed afterwards.
        let update = pack.step(Step::Update).unwrap();
        assert!(!update.contains("$PWD") && update.contains("GetTempFileName()"), "{update}");
        assert!(update.contains("} finally { Remove-Item $FILE }"), "{update}");
        // With the Az module a failure throws, and the status of each request is checked.
        let pack = grant.pack(Form::PowerShell).unwrap();
        for step in Step::ALL {
            let text = pack.step(*step).unwrap();
            assert!(text.starts_with("& {\n$ErrorActionPreference = 'Stop'\n"), "{text}");
            assert!(!text.contains("SilentlyContinue"), "{text}");
            let requests = text.matches("Invoke-AzRestMethod").count();
            assert_eq!(text.matches("$ANSWER.StatusCode -ge 300").count(), requests, "{text}");
        }
    }
}

/// Returns the arguments of a command at the prompt of cmd, by the rules of `cmd /?` and of the C
/// runtime: between double quotes only `%` and a backslash before a quote are special.
fn cmd_arguments(command: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut in_quotes = false;
    for c in command.chars() {
        match c {
            '"' => in_quotes = !in_quotes,
            ' ' if !in_quotes => found.push(String::new()),
            '&' | '|' | '<' | '>' | '^' | '(' | ')' if !in_quotes => panic!("{c} in {command}"),
            c => found.last_mut().unwrap().push(c),
        }
    }
    assert!(!in_quotes, "{command}");
    found
}

/// Returns the commands of `az` in a block for cmd.
fn cmd_commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines() {
        for (at, _) in line.match_indices("az ") {
            if !matches!(line[..at].chars().last(), Some('(' | '\'' | ' ')) {
                continue;
            }
            let mut in_quotes = false;
            let rest = &line[at..];
            let end = rest.char_indices().find(|(n, c)| {
                in_quotes ^= *c == '"';
                let after = &rest[*n..];
                !in_quotes
                    && (*c == ')'
                        || after.starts_with("') do")
                        || [" || ", " && ", " & ", " 2>nul"].iter().any(|s| after.starts_with(s)))
            });
            let command = &rest[..end.map_or(rest.len(), |(n, _)| n)];
            if line[..at].ends_with("echo ") || line[..at].contains("echo Stopped") {
                continue;
            }
            found.push(cmd_arguments(command));
        }
    }
    found
}

#[test]
fn cmd_passes_the_exact_condition() {
    let mut passed = 0;
    for prefix in ODD {
        let connection = connection(prefix);
        for shape in Shape::ALL {
            let grant = builder(&connection).shape(*shape).build().unwrap();
            let Ok(pack) = grant.pack(Form::AzCmd) else {
                assert!(prefix.contains(['"', '%']), "{prefix}");
                continue;
            };
            let apply = cmd_commands(pack.step(Step::Apply).unwrap());
            let create = apply.iter().find(|call| call.contains(&"create".to_owned())).unwrap();
            assert_eq!(after(create, "--condition"), condition(&grant), "{prefix}");
            assert_eq!(after(create, "--scope"), grant.assignments()[0].scope);
            let list = apply.iter().find(|call| call[..3] == ["az", "role", "assignment"]).unwrap();
            let literal = condition(&grant).replace('\'', r"\'");
            assert!(after(list, "--query").contains(&literal) || *shape == Shape::CustomRole);
            passed += 1;
        }
    }
    assert_eq!(passed, 7 * 3);
}

#[test]
fn every_line_of_cmd_checks_that_the_lines_before_succeeded() {
    let connection = connection("hall-3/");
    for shape in Shape::ALL {
        let grant =
            builder(&connection).shape(*shape).origin("https://app.contoso.com").build().unwrap();
        let pack = grant.pack(Form::AzCmd).unwrap();
        for step in Step::ALL {
            let text = pack.step(*step).unwrap();
            for line in text.lines() {
                let ok = line.starts_with("if defined GRANT_OK ")
                    || line.starts_with("set \"")
                    || line.starts_with("for /f ")
                    || line.starts_with("if \"%CLOUD%\"");
                assert!(ok, "{line}");
                assert!(!line.starts_with("set ") || !line.contains("delete"), "{line}");
                // The text of an `echo` in parentheses must not close them.
                for echo in line.split("echo ").skip(1) {
                    let text = echo.split(['&', ')']).next().unwrap();
                    assert!(!text.contains('('), "{line}");
                }
            }
            assert!(text.lines().last().unwrap().contains("cmd /c exit 1"), "{text}");
        }
        let end = pack.step(Step::EndShared).unwrap();
        for command in ["revoke-delegation-keys", "ad sp delete", "role assignment delete"] {
            for line in end.lines().filter(|line| line.contains(command)) {
                assert!(line.contains("if \"%END_"), "{line}");
            }
        }
    }
}
