//! Files and folders that belong to one user: how they are made, opened and checked.
//!
//! Unix has owners and modes; on other systems a folder is as private as the one above it.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io,
    path::Path,
};

/// Makes a folder and those above it, durably
pub(super) fn create(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    for folder in missing {
        sync_parent(folder)?;
    }
    // An earlier run may have made it, and ended before this.
    match sync_parent(path) {
        // A folder above that the run may pass through and not read (mode 711) is usual for folders
        // that another user has made, who has no part in what the run makes durable.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    }
}

/// Makes durable which files a folder has; only Unix can open a folder to do so
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            format!(
                "the folder `{0}` cannot be read, which is necessary to make a new folder in it durable; run `chmod u+r {0}`, or make the state folder yourself",
                path.display()
            ),
        ),
        _ => error,
    })?;
    folder.sync_all()
}

/// How a file is opened: to read, or to read and write; never through a link
pub(super) fn options(writes: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(writes);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Else a pipe in the place of a file would be waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        options.mode(0o600).custom_flags(flags.cast_signed());
    }
    options
}

/// Opens a file, and says so if it is a link
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path).map_err(|error| match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("`{}` is a symbolic link, which is not followed; remove it", path.display()),
        ),
        _ => error,
    })
}

/// Refuses a folder that users may write to who have no part in the run
///
/// A group that the run is in is accepted: with a umask of 002 a folder belongs to the user's own group,
/// and the `fsGroup` of a pod makes a volume writable for its group each time it is mounted.
#[cfg(unix)]
pub(super) fn check_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (folder, user) = (std::fs::metadata(path)?, rustix::process::geteuid().as_raw());
    let (mode, group, shown) = (folder.mode() & 0o777, folder.gid(), path.display());
    let (why, remedy) = match () {
        () if folder.uid() != user && folder.uid() != 0 => (
            format!("it belongs to the user {}, and the run has the user {user}", folder.uid()),
            format!("run `chown {user} {shown}`"),
        ),
        () if mode & 0o002 != 0 => (
            format!("all other users may write to it (mode {mode:03o})"),
            format!(
                "run `chmod o-w {shown}`, or mount a share of fixed modes with the options `uid={user},dir_mode=0700,file_mode=0600`"
            ),
        ),
        () if mode & 0o020 != 0 && !is_own_group(group)? => (
            format!(
                "the group {group} may write to it (mode {mode:03o}), and the run is not in that group"
            ),
            format!("run `chmod g-w {shown}`"),
        ),
        () => return Ok(()),
    };
    let what =
        format!("{why}; {remedy}, or name a new folder below it, which the run makes itself");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

#[cfg(unix)]
fn is_own_group(group: u32) -> io::Result<bool> {
    let own = rustix::process::getegid().as_raw();
    Ok(group == own || rustix::process::getgroups()?.iter().any(|other| other.as_raw() == group))
}

#[cfg(not(unix))]
pub(super) fn check_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Refuses what is no ordinary file, or is written to and has another name; makes the rest private
pub(super) fn check_file(file: &File, is_written: bool) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("a file of the state is no ordinary file; remove it"));
    }
    #[cfg(unix)]
    if is_written {
        check_owner(&metadata)?;
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        if metadata.nlink() > 1 {
            let what = "a file of the state that a run writes to has a second name (a hard link); remove one of them";
            return Err(io::Error::other(what));
        }
        if metadata.mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = is_written;
    Ok(())
}

/// Refuses a file that another user has put into the folder of a run
///
/// Who may write to the folder, as others of its group may, can remove a state but not forge one.
#[cfg(unix)]
pub(super) fn check_owner(metadata: &Metadata) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    check_owner_among(metadata, &[user, 0])
}

/// Fails for a file that belongs neither to the reader nor to root nor to the owner of its folder
#[cfg(unix)]
pub(super) fn check_owner_to_read(metadata: &Metadata, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    check_owner_among(metadata, &[user, 0, std::fs::metadata(folder)?.uid()])
}

#[cfg(unix)]
fn check_owner_among(metadata: &Metadata, owners: &[u32]) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owners.contains(&owner) {
        return Ok(());
    }
    let what = format!(
        "a file of the state belongs to the user {owner}, and the run has the user {user}; run `chown -R {user}` on the folder if the state is the run's, or else use another folder"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

#[cfg(not(unix))]
pub(super) fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check_owner_to_read(_: &Metadata, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether an open file is still the one at a path
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let there = std::fs::symlink_metadata(path).map(of);
    file.metadata().map(of).is_ok_and(|own| there.is_ok_and(|there| there == own))
}

/// A file that is open cannot be replaced there
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, _: &Path) -> bool {
    true
}
