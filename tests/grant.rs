//! Grants: what reaches the program behind each text, what they allow, and their names.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use azure_asset_sync::{
    Cloud, Connection,
    condition::Limit,
    grant::{Form, Grant, GrantBuilder, Shape, Step, arm_guid},
    name::Field,
};
use serde_json::Value as Json;

const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "99999999-8888-7777-6666-555555555555";
const PRINCIPAL: &str = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

/// Prefixes with what each language gives a meaning to
const ODD: &[&str] = &[
    "hall-3/",
    "two words/",
    "$HOME/`id`/$(id)/",
    "100%/%PATH%/",
    "a\"b/",
    "!!/!x/",
    "it\u{2019}s \u{201a}low\u{201b}/",
    "${a}/%{b}/$${c}/",
    "[a]?/&|;<>^~#/",
    "OBJECT_ID/\u{e9}\u{4e2d}/",
];

fn connection(prefix: &str) -> Connection {
    let builder = Connection::builder("a").account("contosovision").container("training");
    builder.prefix(prefix).build().unwrap()
}

fn builder(connection: &Connection) -> GrantBuilder {
    Grant::builder(connection)
        .subscription(SUBSCRIPTION)
        .resource_group("vision(eu)")
        .application(APPLICATION)
}

fn condition(grant: &Grant) -> String {
    grant.assignments()[0].condition.as_ref().unwrap().to_string()
}

/// Runs a script in a bash that replaces `!` as an interactive one does; what each `az` received
fn run(script: &str) -> (Vec<Vec<String>>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let az = folder.path().join("az");
    let fake = format!(
        "#!/bin/bash\nprintf '%s\\0' \"$@\" >>calls; printf '\\1\\0' >>calls\ncase \"$*\" in *'sp show'*) echo {PRINCIPAL};; *'assignment list'*) cat stored;; esac\n"
    );
    fs::write(&az, fake).unwrap();
    fs::write(folder.path().join("stored"), "old\n").unwrap();
    let mut permissions = fs::metadata(&az).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&az, permissions).unwrap();
    let mut bash = Command::new("bash")
        .args(["--norc", "-o", "history", "-o", "histexpand"])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let ok = bash.wait().unwrap().success();
    let calls = fs::read(folder.path().join("calls")).unwrap_or_default();
    let calls = String::from_utf8(calls).unwrap();
    let calls = calls.split("\u{1}\0").filter(|call| !call.is_empty());
    let calls = calls.map(|call| call.split_terminator('\0').map(str::to_owned).collect());
    (calls.collect(), ok)
}

fn after<'a>(call: &'a [String], option: &str) -> &'a str {
    let at = call
        .iter()
        .position(|argument| argument == option)
        .unwrap_or_else(|| panic!("{option}: {call:?}"));
    &call[at + 1]
}

#[test]
fn what_bash_hands_on_is_the_condition() {
    for prefix in ODD {
        let connection = connection(prefix);
        let grant = builder(&connection).origin("https://app.contoso.com").build().unwrap();
        let pack = grant.pack(Form::AzBash).unwrap();
        let (calls, ok) = run(pack.step(Step::Apply).unwrap());
        assert!(ok, "{prefix}");
        let create = calls.iter().find(|call| call.contains(&"create".to_owned())).unwrap();
        assert_eq!(after(create, "--condition"), condition(&grant), "{prefix}");
        assert_eq!(after(create, "--assignee-object-id"), PRINCIPAL);
        assert_eq!(after(create, "--name"), grant.assignments()[0].name);
        assert_eq!(after(create, "--scope"), grant.assignments()[0].scope);
        assert!(
            condition(&grant).starts_with('('),
            "az takes a text that begins with @ for a file"
        );

        let (calls, _) = run(pack.step(Step::Update).unwrap());
        let update = calls.iter().find(|call| call.contains(&"update".to_owned())).unwrap();
        let body: Json = serde_json::from_str(after(update, "--role-assignment")).unwrap();
        assert_eq!(body["condition"], condition(&grant), "{prefix}");
        assert_eq!(body["principalId"], PRINCIPAL);

        let (calls, ok) = run(pack.step(Step::Revoke).unwrap());
        assert!(ok && calls.len() == 3, "{calls:?}");
        assert!(after(&calls[0], "--ids").ends_with(&grant.assignments()[0].name));
    }
}

#[test]
fn the_read_back_tells_an_old_condition_from_the_new() {
    let connection = connection("a/");
    let limit = Limit::container(connection.container());
    let grant = builder(&connection).limit(limit).build().unwrap();
    let pack = grant.pack(Form::AzBash).unwrap();
    let check = pack.step(Step::ReadBack).unwrap();
    let (calls, ok) = run(check);
    assert!(!ok, "another condition is stored");
    assert_eq!(calls.len(), 1);
    let text = condition(&grant).replace('\'', r"'\''");
    let (_, ok) = run(&format!("printf '%s\\n' '{text}' >stored\n{check}"));
    assert!(ok);
}

/// The texts between single quotes of a line of PowerShell, by the rules of about_Quoting_Rules
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
fn what_powershell_hands_on_is_the_condition() {
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
        // To az, which is a batch file on Windows, not everything can be handed on.
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
                assert_eq!(body["condition"], wanted);
            }
        }
    }
    assert_eq!((passed, refused), (7, 3));
}

#[test]
fn what_the_batch_file_of_az_would_spoil_is_refused() {
    let connection = connection("");
    let error = builder(&connection).build().unwrap().pack(Form::AzPowerShell).unwrap_err();
    assert!(error.to_string().contains("parentheses"), "{error}");
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

/// The arguments that a program gets from a line at the prompt of cmd, by the rules of `cmd /?` and
/// of the C runtime: between double quotes only `%` has a meaning, and a backslash before a quote
fn cmd_arguments(line: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut in_quotes = false;
    for c in line.chars() {
        assert!(c != '%' || line.contains("%OID%"), "{line}");
        match c {
            '"' => in_quotes = !in_quotes,
            ' ' if !in_quotes => found.push(String::new()),
            '&' | '|' | '<' | '>' | '^' if !in_quotes => panic!("{c} in {line}"),
            c => found.last_mut().unwrap().push(c),
        }
    }
    assert!(!in_quotes, "{line}");
    found
}

#[test]
fn what_cmd_hands_on_is_the_condition() {
    let mut passed = 0;
    for prefix in ODD {
        let connection = connection(prefix);
        let grant = builder(&connection).build().unwrap();
        let Ok(pack) = grant.pack(Form::AzCmd) else {
            assert!(prefix.contains(['"', '%']), "{prefix}");
            continue;
        };
        let apply = pack.step(Step::Apply).unwrap();
        let create = cmd_arguments(apply.lines().last().unwrap());
        assert_eq!(after(&create, "--condition"), condition(&grant), "{prefix}");
        passed += 1;
    }
    assert_eq!(passed, 7);
}

#[test]
fn templates_are_what_their_languages_read() {
    for prefix in ODD {
        let connection = connection(prefix);
        for shape in Shape::ALL {
            let grant = builder(&connection).shape(*shape).build().unwrap();
            let wanted: Vec<_> = grant
                .assignments()
                .iter()
                .filter_map(|a| a.condition.as_ref())
                .map(ToString::to_string)
                .collect();
            assert_eq!(wanted.len(), 1, "{shape}");

            let arm: Json =
                serde_json::from_str(grant.pack(Form::Arm).unwrap().file("grant.json").unwrap())
                    .unwrap();
            let resources = arm["resources"].as_array().unwrap();
            let conditions: Vec<_> =
                resources.iter().filter_map(|r| r["properties"]["condition"].as_str()).collect();
            assert_eq!(conditions, wanted, "{prefix}");
            assert!(resources.iter().all(|r| r["apiVersion"] == "2022-04-01"));

            for (form, name) in
                [(Form::TerraformAzurerm, "condition"), (Form::TerraformAzapi, "body")]
            {
                let pack = grant.pack(form).unwrap();
                let body = hcl::parse(pack.file("grant.tf").unwrap()).unwrap();
                let mut found = Vec::new();
                for block in body.blocks() {
                    for attribute in block.body().attributes().filter(|a| a.key() == name) {
                        let json = serde_json::to_value(evaluated(attribute.expr())).unwrap();
                        found.extend(json.as_str().map(str::to_owned));
                        found.extend(json["properties"]["condition"].as_str().map(str::to_owned));
                    }
                }
                assert_eq!(found, wanted, "{form} {prefix}");
            }

            let pack = grant.pack(Form::Bicep).unwrap();
            let line = pack
                .file("grant.bicep")
                .unwrap()
                .lines()
                .find(|l| l.trim_start().starts_with("condition:"));
            assert_eq!(
                bicep_text(line.unwrap().trim().strip_prefix("condition: ").unwrap()),
                wanted[0]
            );

            for request in grant.pack(Form::Rest).unwrap().step(Step::Update).unwrap().split("\n\n")
            {
                if request.starts_with('{') {
                    let body: Json = serde_json::from_str(request).unwrap();
                    let condition = body["properties"]["condition"].as_str();
                    assert!(condition.is_none_or(|text| wanted.contains(&text.to_owned())));
                }
            }
        }
    }
}

/// An expression of Terraform with its templates made text, and references left as they are
fn evaluated(expr: &hcl::Expression) -> hcl::Value {
    use hcl::eval::Evaluate as _;
    let mut context = hcl::eval::Context::new();
    let known = hcl::value!({ "id" = "role", "principal_id" = "id", "role" = { "id" = "role" } });
    context.declare_var("local", known.clone());
    context.declare_var("azapi_resource", known);
    expr.evaluate(&context).unwrap()
}

/// A text of Bicep, by its escapes
fn bicep_text(quoted: &str) -> String {
    let inner = quoted.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
    let mut text = String::new();
    let mut characters = inner.chars().peekable();
    while let Some(c) = characters.next() {
        assert!(c != '\'', "{quoted}");
        match c {
            '\\' => match characters.next().unwrap() {
                'n' => text.push('\n'),
                c @ ('\'' | '\\' | '$') => text.push(c),
                c => panic!("\\{c}"),
            },
            '$' => {
                assert_ne!(characters.peek(), Some(&'{'), "{quoted}");
                text.push('$');
            }
            c => text.push(c),
        }
    }
    text
}

#[test]
fn each_form_has_every_step_and_no_second_run_changes_anything() {
    let connection = connection("hall-3/");
    for form in Form::ALL {
        for shape in Shape::ALL {
            let make = |builder: GrantBuilder| {
                let builder = builder.resource_group("vision").shape(*shape);
                builder.origin("https://app.contoso.com").build().unwrap()
            };
            let grant = make(builder(&connection));
            let pack = grant.pack(*form).unwrap();
            for step in [
                Step::Principal,
                Step::Apply,
                Step::Cors,
                Step::ReadBack,
                Step::Update,
                Step::Revoke,
            ] {
                assert!(
                    pack.step(step).is_some_and(|text| !text.is_empty()),
                    "{form} {shape} {step:?}"
                );
            }
            // The service expands `*` before it adds Content-Range, so the rule must name it.
            let cors = pack.step(Step::Cors).unwrap();
            let names = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"];
            assert!(names.iter().all(|name| cors.contains(name)), "{form}: {cors}");
            assert_eq!(pack, make(builder(&connection)).pack(*form).unwrap());
            let text = pack.to_string();
            // Azure PowerShell finds an assignment by principal, role and scope; people by its role.
            if !matches!(form, Form::Portal | Form::PowerShell) {
                assert!(
                    grant.assignments().iter().all(|a| text.contains(&a.name)),
                    "{form} {shape}"
                );
            }
            let known =
                make(builder(&connection).principal(PRINCIPAL)).pack(*form).unwrap().to_string();
            assert!(matches!(form, Form::Portal) || known.contains(PRINCIPAL), "{form}");
        }
    }
}

#[test]
fn names_are_those_that_templates_make() {
    let vectors: Json = serde_json::from_str(include_str!("data/arm_guid_vectors.json")).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let arguments: Vec<_> =
            vector["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
        assert_eq!(arm_guid(&arguments), vector["guid"], "{arguments:?}");
    }
    let connection = connection("");
    let grant = builder(&connection).principal(PRINCIPAL).build().unwrap();
    let assignment = &grant.assignments()[0];
    assert_eq!(assignment.name, arm_guid(&[&assignment.scope, PRINCIPAL, &assignment.role_id]));
}

#[test]
fn wrong_values_name_their_field() {
    let connection = connection("");
    let table = [
        (builder(&connection).subscription("Contoso"), Field::Subscription),
        (builder(&connection).resource_group("a b"), Field::ResourceGroup),
        (builder(&connection).resource_group(""), Field::ResourceGroup),
        (builder(&connection).resource_group("a."), Field::ResourceGroup),
        (builder(&connection).resource_group("--help"), Field::ResourceGroup),
        (builder(&connection).resource_group("-g"), Field::ResourceGroup),
        (builder(&connection).application("app"), Field::Application),
        (builder(&connection).principal("me@contoso.com"), Field::Principal),
        (builder(&connection).origin("app.contoso.com"), Field::Origin),
        (builder(&connection).origin("https://app.contoso.com/"), Field::Origin),
        (builder(&connection).origin("https://app.contoso.com/labels"), Field::Origin),
        (builder(&connection).origin("*"), Field::Origin),
    ];
    for (builder, field) in table {
        let error = builder.build().unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }
    let error = builder(&connection).origin("https://app.contoso.com/").build().unwrap_err();
    assert_eq!(error.fix(), Some("write `https://app.contoso.com`"));
}

#[test]
fn national_clouds_are_managed_elsewhere() {
    for (cloud, az, host) in [
        (Cloud::UsGovernment, "AzureUSGovernment", "management.usgovcloudapi.net"),
        (Cloud::China, "AzureChinaCloud", "management.chinacloudapi.cn"),
    ] {
        let connection = Connection::builder("a")
            .account("abc")
            .container("training")
            .cloud(cloud)
            .build()
            .unwrap();
        let grant = builder(&connection).build().unwrap();
        let principal = grant.pack(Form::AzBash).unwrap().step(Step::Principal).unwrap().to_owned();
        assert!(principal.starts_with(&format!("az cloud set --name {az}\n")), "{principal}");
        assert!(grant.pack(Form::Rest).unwrap().step(Step::Apply).unwrap().contains(host));
    }
}
