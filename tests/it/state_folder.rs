//! Other users cannot read, change or lock the state of a job: modes, owners, symbolic links and locks
//! are checked.
#![cfg(unix)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, MemoryStore, Prefix, Scan,
    sink::callback,
    sync::{Job, Manifest, Summary, interrupted},
};

const FILES: [&str; 5] =
    ["lock", "run.journal", "run.jsonl.zst", "manifest.new", "manifest.jsonl.zst"];

fn scan() -> Scan {
    let blobs = (0..20).map(|n| Blob::new(format!("{n:02}.jpg"), 1));
    Scan::new(MemoryStore::from_iter(blobs), &Prefix::default())
}

async fn run(folder: &Path) -> Result<Summary, Error> {
    Job::new(scan(), folder).run(()).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn a_state_is_private_to_its_user() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("a/state");
    let mut seen = Vec::new();
    let sink = callback(|_| {
        seen = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(seen.iter().all(|path| mode(path) == 0o600), "{seen:?}");
        Ok(())
    });
    Job::new(scan(), &state).run(sink).await.unwrap();
    assert!(seen.len() >= 3, "{seen:?}");
    assert_eq!((mode(&state), mode(&folder.path().join("a"))), (0o700, 0o700));
    assert_eq!(mode(&state.join("manifest.jsonl.zst")), 0o600);
    // An old state becomes private when it is written, so other users cannot hold its lock.
    fs::set_permissions(state.join("lock"), Permissions::from_mode(0o644)).unwrap();
    run(&state).await.unwrap();
    assert_eq!(mode(&state.join("lock")), 0o600);
}

#[tokio::test]
async fn a_symbolic_link_in_place_of_a_file_is_neither_followed_nor_written() {
    type Put = fn(&Path, &Path);
    let kinds: [(&str, Put); 5] = [
        ("a link", |target, place| symlink(target, place).unwrap()),
        ("a link to nothing", |target, place| {
            symlink(target.with_extension("new"), place).unwrap();
        }),
        ("a second name", |target, place| fs::hard_link(target, place).unwrap()),
        ("a folder", |_, place| fs::create_dir(place).unwrap()),
        ("a pipe", |_, place| {
            let made = std::process::Command::new("mkfifo").arg(place).status();
            assert!(made.unwrap().success());
        }),
    ];
    for (what, put) in kinds {
        for file in FILES {
            let folder = tempfile::tempdir().unwrap();
            let (state, target) = (folder.path().join("state"), folder.path().join("target"));
            fs::write(&target, "precious").unwrap();
            fs::create_dir(&state).unwrap();
            fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
            put(&target, &state.join(file));
            let result = run(&state).await;
            let text = format!("{what} at {file}: {result:?}");
            assert_eq!(fs::read_to_string(&target).unwrap(), "precious", "{text}");
            assert!(!target.with_extension("new").exists(), "{text}");
            assert_eq!(
                fs::metadata(&target).unwrap().mode() & 0o777,
                0o644 & mode(&target),
                "{text}"
            );
            match &result {
                // A link is harmless only if the run removes or replaces the file.
                Ok(_) => assert!(
                    matches!(file, "run.journal" | "run.jsonl.zst" | "manifest.new"),
                    "{text}"
                ),
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::State | ErrorKind::StateInvalid),
                    "{text}"
                ),
            }
            if what.starts_with("a link") && file.starts_with("manifest.json") {
                let error = Manifest::open(&state).unwrap_err();
                assert!(error.to_string().contains("link"), "{error}");
            }
            if what == "a link" && file == "run.journal" {
                assert_eq!(interrupted(&state).unwrap_err().kind(), ErrorKind::State);
            }
        }
    }
}

#[tokio::test]
async fn a_folder_that_other_users_can_write_is_refused() {
    for mode in [0o777, 0o702, 0o1777] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let error = run(folder.path()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(error.to_string().contains("all other users may write to it"), "{error}");
        let remedy = format!("chmod o-w {}", folder.path().display());
        assert!(error.to_string().contains(&remedy), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file was created");
        // As the error suggests, a folder below works.
        run(&folder.path().join("state")).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    run(folder.path()).await.unwrap();
    // Only root can change the owner of a folder.
    if std::os::unix::fs::chown(folder.path(), Some(54_321), None).is_ok() {
        let error = run(folder.path()).await.unwrap_err();
        assert!(error.to_string().contains("belongs to user 54321"), "{error}");
        assert!(error.to_string().contains("chown"), "{error}");
    }
}

/// A umask of 002 creates such folders, and so does a Kubernetes volume with `fsGroup`.
#[tokio::test]
async fn a_folder_that_the_own_group_can_write_is_accepted() {
    for mode in [0o770, 0o775, 0o2770, 0o2775] {
        let folder = tempfile::tempdir().unwrap();
        let made = fs::metadata(folder.path()).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        run(folder.path()).await.unwrap();
        assert_eq!(
            mode,
            fs::metadata(folder.path()).unwrap().mode() & 0o7777,
            "the mode is unchanged"
        );
        // Kubernetes changes the mode of a folder in this way each time it mounts the volume.
        let state = folder.path().join("state");
        run(&state).await.unwrap();
        let of_group = |mode| Permissions::from_mode(mode);
        fs::set_permissions(&state, of_group(0o2770)).unwrap();
        for file in fs::read_dir(&state).unwrap() {
            fs::set_permissions(file.unwrap().path(), of_group(0o660)).unwrap();
        }
        run(&state).await.unwrap();
        assert_eq!(self::mode(&state.join("lock")), 0o600);
        // Only root can assign a group of which it is not a member.
        let other = made.gid() + 54_321;
        if std::os::unix::fs::chown(folder.path(), None, Some(other)).is_ok() {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let error = run(folder.path()).await.unwrap_err().to_string();
            assert!(error.contains(&format!("group {other} may write to it")), "{error}");
            assert!(error.contains("chmod g-w"), "{error}");
        }
    }
}

/// Members of a group that can write the folder cannot forge a state.
#[tokio::test]
async fn a_file_of_another_user_is_refused() {
    for file in ["lock", "run.journal", "run.base", "manifest.jsonl.zst"] {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path()).await.unwrap();
        let path = folder.path().join(file);
        fs::copy(folder.path().join("manifest.jsonl.zst"), folder.path().join("copy")).unwrap();
        fs::rename(folder.path().join("copy"), &path).unwrap();
        // Only root can change the owner of a file.
        if std::os::unix::fs::chown(&path, Some(54_321), None).is_ok() {
            let error = run(folder.path()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::State, "{file}");
            let text = error.to_string();
            assert!(text.contains("belongs to user 54321") && text.contains("chown"), "{text}");
        }
    }
}

/// Only effective for users other than root, who can read all folders.
#[tokio::test]
async fn an_unreadable_parent_folder_is_accepted() {
    let above = tempfile::tempdir().unwrap();
    let state = above.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(above.path(), Permissions::from_mode(0o311)).unwrap();
    let result = run(&state).await;
    fs::set_permissions(above.path(), Permissions::from_mode(0o700)).unwrap();
    result.unwrap();
}

/// Two runs never change the state at the same time, whatever happens to the file `lock`.
#[tokio::test]
async fn a_run_whose_lock_is_removed_or_replaced_stops() {
    for is_replaced in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().to_owned();
        let lock = state.join("lock");
        let mut inner = None;
        let sink = callback(|_| {
            if inner.is_some() {
                return Ok(());
            }
            fs::remove_file(&lock).unwrap();
            if is_replaced {
                fs::write(&lock, "").unwrap();
            }
            inner = Some(fs::read(state.join("run.journal")).unwrap());
            Ok(())
        });
        let error = Job::new(scan(), &state).run(sink).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateBusy);
        assert!(error.to_string().contains("`lock`"), "{error}");
        assert!(!state.join("manifest.jsonl.zst").exists());
        assert_eq!(fs::read(state.join("run.journal")).unwrap(), inner.unwrap());
        // The next run resumes it.
        assert!(run(&state).await.unwrap().is_resumed);
    }
}
